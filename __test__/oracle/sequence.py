"""Initial weights and gradients of the oracles, by integer formulas that sequence.ts computes too.

Every value is a small integer times a power of two, so float32 holds it exactly and both sides start from the same numbers.
"""

import json
from pathlib import Path

import numpy as np

SHAPES = {"oracle/kernel": [3, 4], "oracle/bias": [4], "oracle/stack": [2, 2, 3]}
NAMES = list(SHAPES)
STEPS = 100
STORED = [1, 2, 10, 50, 100]


def weights() -> list[np.ndarray]:
    """W of tensor n, element i: ((71n + 29i + 3i²) mod 101 − 50) / 32."""
    return [_tensor(n, lambda i, n=n: ((71 * n + 29 * i + 3 * i * i) % 101 - 50) / 32) for n in range(len(SHAPES))]


def gradients(t: int) -> list[np.ndarray]:
    """g of call t, tensor n, element i: ((31t² + 17ti + 7i² + 53n + 5i) mod 257 − 128) / 64 · 2^(t mod 5 − 2)."""

    def value(n: int, i: int) -> float:
        return ((31 * t * t + 17 * t * i + 7 * i * i + 53 * n + 5 * i) % 257 - 128) / 64 * 2.0 ** (t % 5 - 2)

    return [_tensor(n, lambda i, n=n: value(n, i)) for n in range(len(SHAPES))]


def mean_gradients(step: int, accumulation: int) -> list[np.ndarray]:
    """The mean over the micro-batches of a step."""
    calls = [gradients(step * accumulation + k) for k in range(accumulation)]
    return [sum(parts) / accumulation for parts in zip(*calls, strict=True)]


def _tensor(n: int, value) -> np.ndarray:
    shape = SHAPES[NAMES[n]]
    return np.array([value(i) for i in range(int(np.prod(shape)))], dtype=np.float64).reshape(shape)


def rounded(values) -> list:
    """Ten digits: more than float32 can tell apart, and short."""
    return [float(f"{value:.10g}") for value in np.asarray(values, dtype=np.float64).reshape(-1)]


def write(name: str, content: dict, rows: str) -> None:
    """JSON with one line for each of `rows`, so that a difference can be read."""
    def line(value) -> str:
        return json.dumps(value, ensure_ascii=False)

    head = [f" {line(key)}: {line(value)}" for key, value in content.items() if key != rows]
    table = ",\n".join("  " + line(row) for row in content[rows])
    text = "{\n" + ",\n".join([*head, f" {line(rows)}: [\n{table}\n ]"]) + "\n}\n"
    json.loads(text)
    Path(__file__).with_name(name).write_text(text)


class Numbers:
    """The twin of Data in __test__/grads/second-order/case.ts: the same numbers, exact in float32."""

    def __init__(self, seed: int):
        self.state = seed

    def values(self, shape: list[int], scale: float = 1.0) -> np.ndarray:
        """Roughly normal, unit variance: twelve uniforms, less six."""
        size = int(np.prod(shape))
        return np.float32([scale * self._normal() for _ in range(size)]).reshape(shape)

    def whole(self, length: int, below: int) -> np.ndarray:
        return np.array([int(self._uniform() * below) for _ in range(length)])

    def _normal(self) -> float:
        total = -6.0
        for _ in range(12):
            total += self._uniform()
        return total

    def _uniform(self) -> float:
        self.state = self.state * 48_271 % 2_147_483_647
        return self.state / 2_147_483_647
