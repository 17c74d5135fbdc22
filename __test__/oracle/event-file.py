"""An event file by TensorBoard's own record writer and messages, into event-file.json beside this file."""

import importlib.metadata
import io
import json
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

file = io.BytesIO()
writer = RecordWriter(file)


def value(tag, number):
    return Summary.Value(tag=tag, simple_value=number)


for event in (
    Event(wall_time=1.5e9, file_version="brain.Event:2"),
    Event(wall_time=1.5e9 + 0.25, step=300, summary=Summary(value=[value("epoch/loss", 0.1)])),
    Event(wall_time=1.5e9 + 0.5, step=2**40, summary=Summary(value=[value("a", -2), value("b", 1e30)])),
):
    writer.write(event.SerializeToString(deterministic=True))
versions = {name: importlib.metadata.version(name) for name in ("tensorboard", "protobuf")}
found = {"made by": "__test__/oracle/event-file.py", "versions": versions, "hex": file.getvalue().hex()}
Path(__file__).with_suffix(".json").write_text(json.dumps(found) + "\n")
