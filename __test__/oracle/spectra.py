"""Writes spectra.json: all eigenvalues of the Hessians of the larger nets in curvature_nets.py.

The dense matrix is torch's double backprop in float64; its eigenvalues are LAPACK's, by dsyevd, checked against dsyevr.

    pip install torch numpy scipy && python spectra.py
"""

import numpy as np
import scipy
import torch

import sequence
from curvature_nets import LARGER, Net
from second import Second


def case(net: Net, seed: int) -> dict:
    second = Second(net, seed, torch.float64)
    matrix = second.dense()
    symmetric = (matrix + matrix.T) / 2
    if not np.allclose(matrix, symmetric, rtol=0, atol=1e-12):
        raise SystemExit(f"{net.name}: no symmetric matrix")
    spectrum = np.linalg.eigvalsh(symmetric)
    other = scipy.linalg.eigh(symmetric, eigvals_only=True, driver="evr")
    if not np.allclose(spectrum, other, rtol=0, atol=1e-12 * spectrum[-1]):
        raise SystemExit(f"{net.name}: two of LAPACK's routines differ")
    print(f"{net.name}: P = {len(spectrum)}, from {spectrum[0]:.4g} to {spectrum[-1]:.4g}", flush=True)
    return {
        "name": net.name,
        "shapes": net.shapes,
        "loss": float(second.loss.detach()),
        "trace": float(np.trace(matrix)),
        # Seven digits: as many as float32 has.
        "spectrum": [float(f"{value:.7g}") for value in spectrum],
    }


sequence.write(
    "spectra.json",
    {
        "versions": {"torch": torch.__version__, "numpy": np.__version__, "scipy": scipy.__version__},
        "precision": "float64, 7 digits",
        "cases": [case(net, i + 1) for i, net in enumerate(LARGER)],
    },
    "cases",
)
