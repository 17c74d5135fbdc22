"""Writes schedules.json: values of learning-rate schedules, in float64.

The oracle is optax; where torch has the schedule, it must agree to 1e-12 for as long as it is defined alike (its cosine
rises again after the end).

    pip install torch numpy jax optax && python schedules.py
"""

import warnings
from collections.abc import Callable

import jax
import numpy as np
import optax
import torch
from torch.optim import lr_scheduler

import sequence

jax.config.update("jax_enable_x64", True)
warnings.filterwarnings("ignore", message=".*lr_scheduler.step.*")
STEPS = [0, 1, 2, 5, 9, 10, 11, 19, 20, 21, 35, 49, 50, 51, 99, 100, 101, 150, 1000]
ROWS: list[dict] = []


def torch_values(rate: float, make: Callable) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=rate)
    scheduler = make(optimizer)
    values = []
    for _ in range(max(STEPS) + 1):
        values.append(float(optimizer.param_groups[0]["lr"]))
        scheduler.step()
    return values


def row(make: str, options, oracle: str, schedule: Callable, torch_name: str | None = None, torch_rate: float = 0.0,
        torch_make: Callable | None = None, until: int = max(STEPS)) -> None:  # fmt: skip
    """Keeps the values of a schedule: `make` and `options` are the factory here and its argument."""
    # optax counts in int32 and so divides in float32; a float64 count keeps the values exact.
    values = [float(schedule(np.float64(step))) for step in STEPS]
    if torch_make:
        other = torch_values(torch_rate, torch_make)
        worst = max(abs(v - other[s]) for s, v in zip(STEPS, values, strict=True) if s <= until)
        if not worst < 1e-12:
            raise SystemExit(f"{oracle} and {torch_name} differ by {worst}")
    values = [float(f"{value:.15g}") for value in values]
    ROWS.append({"make": make, "options": options, "oracle": oracle, "agrees": torch_name, "values": values})


def part(make: str, options, steps: int | None = None) -> dict:
    """A part of joined: {make, options}, and steps where it has no end or is cut."""
    return {"make": make, "options": options} | ({} if steps is None else {"steps": steps})


row("constant", 0.3, "optax.constant_schedule(0.3)", lambda step: optax.constant_schedule(0.3)(step),
    "ConstantLR(1)", 0.3, lambda o: lr_scheduler.ConstantLR(o, 1.0, 5))  # fmt: skip
row("linear", {"initial": 0, "final": 0.02, "steps": 50}, "optax.linear_schedule(0, 0.02, 50)",
    optax.linear_schedule(0.0, 0.02, 50))  # fmt: skip
row("linear", {"initial": 0.1, "final": 0.01, "steps": 100}, "optax.linear_schedule(0.1, 0.01, 100)",
    optax.linear_schedule(0.1, 0.01, 100), "LinearLR(1.0, 0.1, 100)", 0.1,
    lambda o: lr_scheduler.LinearLR(o, 1.0, 0.1, 100))  # fmt: skip
row("warmup", {"final": 0.1, "steps": 20}, "optax.linear_schedule(0, 0.1, 20)", optax.linear_schedule(0.0, 0.1, 20))
row("warmup", {"initial": 0.025, "final": 0.1, "steps": 20}, "optax.linear_schedule(0.025, 0.1, 20)",
    optax.linear_schedule(0.025, 0.1, 20), "LinearLR(0.25, 1.0, 20)", 0.1,
    lambda o: lr_scheduler.LinearLR(o, 0.25, 1.0, 20))  # fmt: skip
row("geometric", {"initial": 1e-5, "final": 0.02, "steps": 50},
    "optax.exponential_decay(1e-5, 50, 2000, end_value=0.02)",
    optax.exponential_decay(1e-5, 50, 0.02 / 1e-5, end_value=0.02))  # fmt: skip
row("geometric", {"initial": 0.1, "final": 1e-4, "steps": 100},
    "optax.exponential_decay(0.1, 100, 1e-3, end_value=1e-4)",
    optax.exponential_decay(0.1, 100, 1e-3, end_value=1e-4))  # fmt: skip
row("cosine", {"initial": 0.1, "steps": 100}, "optax.cosine_decay_schedule(0.1, 100)",
    optax.cosine_decay_schedule(0.1, 100), "CosineAnnealingLR(100), to its end", 0.1,
    lambda o: lr_scheduler.CosineAnnealingLR(o, 100), until=100)  # fmt: skip
row("cosine", {"initial": 0.1, "final": 0.01, "steps": 50}, "optax.cosine_decay_schedule(0.1, 50, alpha=0.1)",
    optax.cosine_decay_schedule(0.1, 50, alpha=0.1), "CosineAnnealingLR(50, eta_min=0.01), to its end", 0.1,
    lambda o: lr_scheduler.CosineAnnealingLR(o, 50, eta_min=0.01), until=50)  # fmt: skip
row("stepDecay", {"initial": 0.1, "every": 10}, "optax.exponential_decay(0.1, 10, 0.1, staircase=True)",
    optax.exponential_decay(0.1, 10, 0.1, staircase=True), "StepLR(10)", 0.1,
    lambda o: lr_scheduler.StepLR(o, 10))  # fmt: skip
row("stepDecay", {"initial": 0.1, "every": 20, "factor": 0.5},
    "optax.exponential_decay(0.1, 20, 0.5, staircase=True)", optax.exponential_decay(0.1, 20, 0.5, staircase=True),
    "StepLR(20, 0.5)", 0.1, lambda o: lr_scheduler.StepLR(o, 20, 0.5))  # fmt: skip
row("exponential", {"initial": 0.1, "factor": 0.97}, "optax.exponential_decay(0.1, 1, 0.97)",
    optax.exponential_decay(0.1, 1, 0.97), "ExponentialLR(0.97)", 0.1,
    lambda o: lr_scheduler.ExponentialLR(o, 0.97))  # fmt: skip
row("exponential", {"initial": 0.1, "factor": 0.5, "every": 30}, "optax.exponential_decay(0.1, 30, 0.5)",
    optax.exponential_decay(0.1, 30, 0.5), "ExponentialLR(0.5^(1/30))", 0.1,
    lambda o: lr_scheduler.ExponentialLR(o, 0.5 ** (1 / 30)))  # fmt: skip
row("joined", [part("warmup", {"initial": 0.01, "final": 0.1, "steps": 20}), part("cosine", {"initial": 0.1, "steps": 80})],
    "optax.join_schedules([linear_schedule(0.01, 0.1, 20), cosine_decay_schedule(0.1, 80)], [20])",
    optax.join_schedules([optax.linear_schedule(0.01, 0.1, 20), optax.cosine_decay_schedule(0.1, 80)], [20]),
    "SequentialLR([LinearLR(0.1, 1, 20), CosineAnnealingLR(80)], [20]), to its end", 0.1,
    lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.LinearLR(o, 0.1, 1.0, 20), lr_scheduler.CosineAnnealingLR(o, 80)], [20]), until=100)  # fmt: skip
row("joined", [part("warmup", {"final": 0.1, "steps": 20}), part("cosine", {"initial": 0.1, "final": 0.001, "steps": 80})],
    "optax.warmup_cosine_decay_schedule(0, 0.1, 20, 100, end_value=0.001)",
    optax.warmup_cosine_decay_schedule(0.0, 0.1, 20, 100, end_value=0.001))  # fmt: skip
row("joined", [part("constant", 0.1, 10), part("constant", 0.02, 41), part("constant", 0.004)],
    "optax.join_schedules of constants, boundaries [10, 51]",
    optax.join_schedules([optax.constant_schedule(v) for v in (0.1, 0.02, 0.004)], [10, 51]),
    "MultiStepLR([10, 51], 0.2)", 0.1, lambda o: lr_scheduler.MultiStepLR(o, [10, 51], 0.2))  # fmt: skip
row("joined", [part("cosine", {"initial": 0.1, "steps": 20}), part("cosine", {"initial": 0.1, "steps": 40}),
               part("cosine", {"initial": 0.1, "steps": 80})],
    "optax.sgdr_schedule, three waves of 20, 40 and 80 steps",
    optax.sgdr_schedule([{"init_value": 0.1, "peak_value": 0.1, "warmup_steps": 0, "decay_steps": n, "end_value": 0.0}
                         for n in (20, 40, 80)]),
    "CosineAnnealingWarmRestarts(20, 2), to the end of the third wave", 0.1,
    lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 20, 2), until=139)  # fmt: skip
row("joined", [part("linear", {"initial": 0, "final": 0.2, "steps": 40}, 10), part("exponential", {"initial": 0.05, "factor": 0.9})],
    "optax.join_schedules([linear_schedule(0, 0.2, 40), exponential_decay(0.05, 1, 0.9)], [10])",
    optax.join_schedules([optax.linear_schedule(0.0, 0.2, 40), optax.exponential_decay(0.05, 1, 0.9)], [10]))  # fmt: skip

sequence.write(
    "schedules.json",
    {
        "versions": {"torch": torch.__version__, "optax": optax.__version__, "jax": jax.__version__, "numpy": np.__version__},
        "precision": "float64, 15 digits",
        "steps": STEPS,
        "schedules": ROWS,
    },
    "schedules",
)
print(len(ROWS), "schedules")
