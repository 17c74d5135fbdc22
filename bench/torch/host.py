"""A process with the works of torch. It reads one request a line and answers each with a line, as harness/host.ts does."""

import contextlib
import importlib.metadata
import json
import math
import statistics
import sys
import time

import torch

from aside import aside
from works import WORKS

SHORTEST = 1e-4  # A reading of the clock must not count: a sample takes this many seconds at least.


class Meter:
    """One round: the median and the least of its samples, in nanoseconds a call. The twin of harness/measure.ts."""

    def __init__(self):
        self.call = 0.0

    def round(self, run, budget):
        begun = time.perf_counter()
        if self.call < 0.2:
            while True:
                self.call = timed(run, 1)
                if time.perf_counter() - begun >= budget / 5:
                    break
        samples = []
        batch = max(1, math.ceil(SHORTEST / max(self.call, 1e-9)))
        started = time.perf_counter()
        while True:
            self.call = timed(run, batch)
            samples.append(self.call)
            if time.perf_counter() - started >= budget:
                return {"value": statistics.median(samples) * 1e9, "least": min(samples) * 1e9}


def timed(run, calls):
    begun, before = time.perf_counter(), aside.seconds
    for _ in range(calls):
        run()
    return (time.perf_counter() - begun - (aside.seconds - before)) / calls


def answer(request, works):
    if request["do"] == "prepare":
        options = request["options"]
        works[request["name"]] = (WORKS[request["work"]](options), Meter(), options.get("threads", 0))
        return {}
    run, meter, threads = works[request["name"]]
    if threads:
        torch.set_num_threads(threads)
    return {"round": meter.round(run, request["budget"] / 1000)}


def say(reply):
    print(json.dumps(reply), flush=True)


def installed(*names):
    """Versions of what some of the works need."""
    found = {}
    for name in names:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def main():
    works = {}
    say({"versions": {"torch": torch.__version__, **installed("scipy", "pyhessian")}})
    for line in sys.stdin:
        try:
            say(answer(json.loads(line), works))
        except Exception as error:  # Told to the other side, which leaves this contestant out.
            say({"error": f"{type(error).__name__}: {error}"})


main()
