"""
Does `Published` take as long as the authors' own class? Both by turns in one process, on the same fixed gradients.

    python bench/torch/beside.py FILE

FILE is `nsm.py` of a clone of VirtuosoResearch/Noise-stability-optimization: nothing of it is in this repository. Writes
bench/results/authors-class.json.
"""

import datetime
import importlib.util
import json
import os
import statistics
import sys
import time
from pathlib import Path

import torch

from nso import Published, deliver

NETS = ((784, 512, 512, 10), (1024, 2432, 2432, 1024))
THREADS, ROUNDS, CALLS = 2, 15, 3
RATES = {"lr": 1e-3, "momentum": 0.9}


def load(file):
    spec = importlib.util.spec_from_file_location("nsm", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.NSM


def theirs(kind, parameters, backward):
    """A step as their trainers call it: every pass followed by a zeroing, the clean gradient with weight 0."""
    optimizer = kind(parameters, torch.optim.SGD, sigma=0.01, **RATES)
    for parameter in parameters:
        parameter.grad = torch.zeros_like(parameter)

    @torch.no_grad()
    def step():
        backward()
        optimizer.store_gradients(zero_grad=True, store_weights=True, update_weight=0.0)
        for plus in (True, False):
            optimizer.first_step(zero_grad=True, store_perturb=plus)
            backward()
            optimizer.store_gradients(zero_grad=True, store_weights=False, update_weight=0.5)
        optimizer.second_step(zero_grad=True)

    return step


def ours(parameters, backward):
    optimizer = Published(parameters, sigma=0.01, perturbations=1, **RATES)
    return lambda: optimizer.step(backward)


def contestant(make, sizes):
    parameters = [torch.nn.Parameter(torch.randn(size) * 0.02) for size in sizes]
    gradients = [torch.randn(size) for size in sizes]

    def backward():
        for parameter, gradient in zip(parameters, gradients):
            deliver(parameter, gradient)

    return make(parameters, backward)


def measured(kind, net):
    sizes = [size for rows, columns in zip(net, net[1:]) for size in (rows * columns, columns)]
    makes = {"the class": lambda *given: theirs(kind, *given), "its form": ours}
    steps = {name: contestant(make, sizes) for name, make in makes.items()}
    samples = {name: [] for name in steps}
    for turn in range(ROUNDS):
        for name, step in sorted(steps.items(), reverse=turn % 2 == 1):
            for call in range(CALLS):
                begun = time.perf_counter_ns()
                step()
                # The first one finds the caches as the other has left them.
                if call > 0:
                    samples[name].append((time.perf_counter_ns() - begun) / sum(sizes))
    return [
        {"net": "-".join(map(str, net)), "contestant": name, "unit": "ns/parameter",
         "value": statistics.median(found), "spread": statistics.quantiles(found, n=4)[::2]}
        for name, found in samples.items()
    ]


def processor():
    lines = Path("/proc/cpuinfo").read_text().splitlines() if os.path.exists("/proc/cpuinfo") else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")


torch.manual_seed(0)
torch.set_num_threads(THREADS)
rows = [row for net in NETS for row in measured(load(sys.argv[1]), net)]
result = {
    "kind": "authors-class", "date": datetime.date.today().isoformat(), "processor": processor(), "threads": THREADS,
    "torch": torch.__version__, "rounds": ROUNDS, "rows": rows,
}
path = Path(__file__).parent.parent / "results" / "authors-class.json"
path.write_text(json.dumps(result, indent=2) + "\n")
for row in rows:
    print(f"{row['net']}  {row['contestant']}: {row['value']:.2f} {row['unit']}")
