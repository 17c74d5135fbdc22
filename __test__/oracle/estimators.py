"""Writes estimators.json: weights of a small tanh net after 20 steps of SAM and of noise estimators, in float64.

torch's autograd takes the gradients and torch's optimizers the steps; the noise is ours (noise.json, which noise.ts
writes). The same run with gradients by jax must agree to 1e-11 before anything is written.

    pip install torch numpy jax && python estimators.py
"""

import json
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
import torch

import sequence

jax.config.update("jax_enable_x64", True)
SHAPES = [[3, 5], [5], [5, 2], [2]]
STEPS = 20
STORED = [1, 2, 10, 20]
NOISE = json.loads(Path(__file__).with_name("noise.json").read_text())


def table(shape: list[int], value: Callable) -> np.ndarray:
    return np.array([value(i) for i in range(int(np.prod(shape)))]).reshape(shape)


# Small integers over powers of two, which float32 holds exactly.
X = table([8, 3], lambda i: ((13 * i + i * i) % 17 - 8) / 4)
Y = table([8, 2], lambda i: ((5 * i + 3 * i * i) % 13 - 6) / 4)
START = [table(shape, lambda i, n=n: ((71 * n + 29 * i + 3 * i * i) % 101 - 50) / 64) for n, shape in enumerate(SHAPES)]


def loss(weights: list, tanh: Callable):
    kernel, bias, kernel2, bias2 = weights
    return ((tanh(X @ kernel + bias) @ kernel2 + bias2 - Y) ** 2).mean()


def torch_gradient(weights: list[np.ndarray]) -> list[np.ndarray]:
    inputs = [torch.tensor(w, requires_grad=True) for w in weights]
    kernel, bias, kernel2, bias2 = inputs
    hidden = torch.tanh(torch.tensor(X) @ kernel + bias)
    value = torch.nn.functional.mse_loss(hidden @ kernel2 + bias2, torch.tensor(Y))
    return [g.numpy() for g in torch.autograd.grad(value, inputs)]


jax_gradient_jit = jax.jit(jax.grad(lambda weights: loss(weights, jax.numpy.tanh)))


def jax_gradient(weights: list[np.ndarray]) -> list[np.ndarray]:
    return [np.asarray(g) for g in jax_gradient_jit(weights)]


def combined(weights: list, other: list, factor: float) -> list[np.ndarray]:
    return [w + factor * o for w, o in zip(weights, other, strict=True)]


def mean(lists: list[list[np.ndarray]]) -> list[np.ndarray]:
    return [sum(parts) / len(lists) for parts in zip(*lists, strict=True)]


def plain(gradient, weights, step):
    return gradient(weights)


def sam(rho: float, perturbed=(True, True, True, True)):
    """As in davda54/sam: e = g · ρ / (‖g‖ + 1e-12), the norm over the perturbed tensors."""

    def estimate(gradient, weights, step):
        ascent = [g * chosen for g, chosen in zip(gradient(weights), perturbed, strict=True)]
        norm = np.sqrt(sum((g * g).sum() for g in ascent))
        return gradient(combined(weights, ascent, rho / (norm + 1e-12)))

    return estimate


def noisy(sigma, count: int, both: bool, mixing: float = 0.0, perturbed=(True, True, True, True)):
    """λ∇f(W) + (1 − λ)·mean of ∇f(W ± σU), or of ∇f(W + σU) only."""

    def estimate(gradient, weights, step):
        size = sigma(step) if callable(sigma) else sigma
        draws = [
            [np.array(u).reshape(shape) * chosen for u, shape, chosen in zip(one, SHAPES, perturbed, strict=True)]
            for one in NOISE["noise"][step][:count]
        ]
        signs = [1, -1] if both else [1]
        smooth = mean([gradient(combined(weights, u, sign * size)) for u in draws for sign in signs])
        if mixing == 0:
            return smooth
        return [mixing * c + (1 - mixing) * s for c, s in zip(gradient(weights), smooth, strict=True)]

    return estimate


def momentum(params):
    return torch.optim.SGD(params, lr=0.05, momentum=0.9)


def adamw(params):
    return torch.optim.AdamW(params, lr=0.02, weight_decay=0.1)


def run(estimate: Callable, make: Callable, gradient: Callable) -> dict[str, list[np.ndarray]]:
    params = [torch.tensor(w) for w in START]
    optimizer = make(params)
    found = {}
    for step in range(STEPS):
        for p, g in zip(params, estimate(gradient, [p.numpy().copy() for p in params], step), strict=True):
            p.grad = torch.tensor(g)
        optimizer.step()
        if step + 1 in STORED:
            found[str(step + 1)] = [p.numpy().copy() for p in params]
    return found


def difference(a: dict, b: dict) -> float:
    return max(float(np.abs(x - y).max()) for key in a for x, y in zip(a[key], b[key], strict=True))


CASES: list[dict] = []


def case(factory: str, options: dict, base: str, base_options: dict, oracle: str, estimate: Callable, make: Callable):
    found = run(estimate, make, torch_gradient)
    worst = difference(found, run(estimate, make, jax_gradient))
    effect = difference(found, run(plain, make, torch_gradient))
    if not worst < 1e-11:
        raise SystemExit(f"{oracle}: the gradients of torch and jax lead {worst} apart")
    if effect < 1e-2 and estimate is not plain:
        raise SystemExit(f"{oracle}: only {effect} from plain steps, so that it would say little")
    CASES.append(
        {
            "factory": factory,
            "options": options,
            "base": base,
            "baseOptions": base_options,
            "oracle": oracle,
            "weights": {key: [sequence.rounded(w) for w in value] for key, value in found.items()},
        }
    )


BALL = ("momentum", {"learningRate": 0.05, "momentum": 0.9})
ADAMW = ("adamw", {"learningRate": 0.02, "weightDecay": 0.1})
SEED = {"seed": NOISE["seed"]}
KERNELS = (True, False, True, False)

case("plain", {}, *BALL, "autograd, torch.optim.SGD(lr=0.05, momentum=0.9)", plain, momentum)
case("sam", {"rho": 0.2}, *BALL, "SAM as in davda54/sam, rho=0.2", sam(0.2), momentum)
case("sam", {"rho": 0.5, "filter": "kernel"}, *ADAMW, "SAM as in davda54/sam, rho=0.5, kernels only", sam(0.5, KERNELS),
     adamw)  # fmt: skip
case("nso", {"sigma": 0.2, "perturbations": 2} | SEED, *BALL, "½(∇f(W + σU) + ∇f(W − σU)), mean of k = 2, σ = 0.2",
     noisy(0.2, 2, True), momentum)  # fmt: skip
case("nso", {"sigma": 0.3, "perturbations": 1, "mixing": 0.25, "filter": "kernel"} | SEED, *ADAMW,
     "¼∇f(W) + ¾·½(∇f(W + σU) + ∇f(W − σU)), σ = 0.3 on kernels", noisy(0.3, 1, True, 0.25, KERNELS), adamw)  # fmt: skip
case("nso", {"sigma": {"kind": "linear", "initial": 0.1, "final": 0.3, "steps": 10}, "perturbations": 2} | SEED, *BALL,
     "as nso, σ from 0.1 to 0.3 over 10 steps", noisy(lambda t: 0.1 + 0.2 * min(t, 10) / 10, 2, True), momentum)  # fmt: skip
case("oneSided", {"sigma": 0.1, "perturbations": 2} | SEED, *BALL, "mean of ∇f(W + σU) over k = 2, σ = 0.1",
     noisy(0.1, 2, False), momentum)  # fmt: skip
case("oneSided", {"sigma": 0.2, "perturbations": 1, "mixing": 0.5} | SEED, *ADAMW, "½∇f(W) + ½∇f(W + σU), σ = 0.2",
     noisy(0.2, 1, False, 0.5), adamw)  # fmt: skip

sequence.write(
    "estimators.json",
    {
        "versions": {"torch": torch.__version__, "jax": jax.__version__, "numpy": np.__version__},
        "precision": "float64, 10 digits; weights after each step named",
        "net": "tanh(x·w0 + w1)·w2 + w3, mean squared error",
        "shapes": SHAPES,
        "x": X.tolist(),
        "y": Y.tolist(),
        "start": [w.reshape(-1).tolist() for w in START],
        "cases": CASES,
    },
    "cases",
)
print(len(CASES), "cases")
