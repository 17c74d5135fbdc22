"""Writes curvature.json: what torch, PyHessian and hessian-eigenthings say of the curvature of the nets in curvature_nets.py.

Hv and the dense Hessian are torch's double backprop in float64. Their top eigenvalues, traces and densities by PyHessian and
hessian-eigenthings run in float64 too, and must agree with the dense matrix before anything is written.

    pip install torch numpy scipy pyhessian hessian-eigenthings && python curvature.py
"""

import importlib.metadata

import numpy as np
import torch
import torch.nn.functional as F
from hessian_eigenthings import HessianOperator, hutchinson, lanczos, supervised_loss
from pyhessian import hessian as PyHessian

import sequence
from curvature_nets import NETS, Net
from second import Second, flat

torch.set_num_threads(1)
# PyHessian makes its tridiagonal matrix in the default type.
torch.set_default_dtype(torch.float64)
TOP = 5
PROBES = 400
STARTS = 2
STEPS = 30


def eig(matrix: torch.Tensor, eigenvectors: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """What PyHessian calls, and torch has no more; the matrix is symmetric."""
    values, vectors = torch.linalg.eigh(matrix)
    return torch.stack([values, torch.zeros_like(values)], 1), vectors


torch.eig = eig


def relative(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


def close(what: str, found, expected, tolerance: float) -> None:
    apart = relative(np.asarray(found), expected)
    if not apart <= tolerance:
        raise SystemExit(f"{what}: {apart} apart, {np.asarray(found)[:TOP]} instead of {expected[:TOP]}")


def by_pyhessian(name: str, second: Second, top: np.ndarray, exact: float) -> dict:
    torch.manual_seed(7)
    computed = PyHessian(second.module, F.cross_entropy, data=(second.x, second.labels), cuda=False)
    values = computed.eigenvalues(maxIter=50_000, tol=1e-13, top_n=TOP)[0]
    close(f"{name}: PyHessian's eigenvalues", values, top, 2e-5)
    samples = np.array(computed.trace(maxIter=PROBES, tol=0))
    starts = []
    original = torch.randint_like

    def seen(*args, **options):
        drawn = original(*args, **options)
        starts.append(drawn.reshape(-1).numpy() > 0)
        return drawn

    torch.randint_like = seen
    nodes, shares = computed.density(iter=STEPS, n_v=STARTS)
    torch.randint_like = original
    bits = np.concatenate(starts).reshape(STARTS, -1)
    spans = np.max(nodes), np.min(nodes)
    return {
        "values": sequence.rounded(values),
        **trace(name, samples, exact),
        "density": {
            "starts": ["".join("+" if one else "-" for one in row) for row in bits],
            "steps": STEPS,
            # Its density_plot.py: a variance of 1e-5, times the span where that is above 1.
            "width": float((1e-5 * max(1, spans[0] - spans[1])) ** 0.5),
            "nodes": [sequence.rounded(row) for row in nodes],
            "weights": [sequence.rounded(row) for row in shares],
        },
    }


def by_eigenthings(name: str, second: Second, top: np.ndarray, exact: float) -> dict:
    loss = supervised_loss(F.cross_entropy)
    operator = HessianOperator(second.module, [(second.x, second.labels)], loss)
    steps = min(operator.size, 120)
    values = lanczos(operator, k=TOP, max_iter=steps, reorthogonalize=True, seed=3).eigenvalues.numpy()
    close(f"{name}: hessian-eigenthings's eigenvalues", values, top, 1e-9)
    samples = hutchinson(operator, num_samples=PROBES, seed=5).samples.numpy()
    return {"values": sequence.rounded(values), **trace(name, samples, exact)}


def trace(name: str, samples: np.ndarray, exact: float) -> dict:
    mean, error = float(samples.mean()), float(samples.std(ddof=1) / len(samples) ** 0.5)
    if not abs(mean - exact) < 4 * error:
        raise SystemExit(f"{name}: a trace of {mean} ± {error} instead of {exact}")
    return {"trace": mean, "standardError": error}


def case(net: Net, seed: int) -> dict:
    second, single = Second(net, seed, torch.float64), Second(net, seed, torch.float32)
    numbers = sequence.Numbers(1000 + seed)
    trained = net.shapes[: len(net.shapes) - net.fixed]
    v = [numbers.values(shape) for shape in trained]
    hv = second.product(v)
    matrix = second.dense()
    close(f"{net.name}: the dense matrix times v", matrix @ np.concatenate([one.reshape(-1) for one in v]), hv, 1e-9)
    spectrum = np.linalg.eigvalsh((matrix + matrix.T) / 2)
    top = spectrum[np.argsort(-np.abs(spectrum))][:TOP]
    exact = float(np.trace(matrix))
    print(f"{net.name}: P = {len(spectrum)}, top {top}, trace {exact:.6g}, float32 {relative(single.product(v), hv):.1e}", flush=True)
    return {
        "name": net.name,
        "shapes": net.shapes,
        "loss": float(second.loss.detach()),
        "gradientNorm": float(np.linalg.norm(flat(second.gradient))),
        "float32Error": float(f"{relative(single.product(v), hv):.2g}"),
        "hv": sequence.rounded(hv),
        "spectrum": sequence.rounded(spectrum),
        "trace": exact,
        "pyhessian": by_pyhessian(net.name, second, top, exact),
        "eigenthings": by_eigenthings(net.name, second, top, exact),
    }


sequence.write(
    "curvature.json",
    {
        "versions": {
            "torch": torch.__version__,
            "numpy": np.__version__,
            **{name: importlib.metadata.version(name) for name in ["pyhessian", "hessian-eigenthings"]},
        },
        "precision": "float64, 10 digits",
        "cases": [case(net, i + 1) for i, net in enumerate(NETS)],
    },
    "cases",
)
