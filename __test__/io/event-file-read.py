# Reads a folder of event files with TensorBoard's own reader, and prints what it holds as JSON.
import json
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

runs = {}
for folder in sys.argv[1:]:
    run = EventAccumulator(folder, size_guidance={"scalars": 0, "histograms": 0, "tensors": 0})
    run.Reload()
    tags = run.Tags()
    sessions = []
    for tag in run.summary_metadata:
        if tag.startswith("_hparams_/"):
            data = plugin_data_pb2.HParamsPluginData.FromString(run.SummaryMetadata(tag).plugin_data.content)
            start = data.session_start_info
            values = {key: getattr(value, value.WhichOneof("kind")) for key, value in start.hparams.items()}
            sessions.append({"hparams": values, "status": data.session_end_info.status, "group": start.group_name})
    runs[folder] = {
        "version": run.file_version,
        "scalars": {tag: [[one.step, one.value] for one in run.Scalars(tag)] for tag in sorted(tags["scalars"])},
        "histograms": {
            tag: [
                [one.step, *(getattr(one.histogram_value, name) for name in
                 ("min", "max", "num", "sum", "sum_squares", "bucket_limit", "bucket"))]
                for one in run.Histograms(tag)
            ]
            for tag in sorted(tags["histograms"])
        },
        "sessions": sessions,
    }
print(json.dumps(runs))
