"""Writes eigen.json: what LAPACK says of the eigenvalues of small symmetric matrices, and of their vectors' first components.

Tridiagonal ones by dsteqr (implicit QL and QR, which dstev calls), checked against dstevd (divide and conquer); dense ones by
dsyevd, checked against dsyevr. Elements are exact: those of tridiagonal matrices are in the file, those of dense ones follow
from integers, as crate/core/tests/eigen.rs has them too.

    pip install numpy scipy && python eigen.py
"""

from collections.abc import Callable

import numpy as np
import scipy
from scipy.linalg import eigh, lapack

import sequence

EPSILON = np.finfo(float).eps
Element = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Of a dense matrix, row i, column j ≤ i."""


def drawn(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Small multiples of 1/32 and 1/64."""
    i = np.arange(size)
    return ((71 * i + 3 * i * i) % 101 - 50) / 32, ((29 * i + 7 * i * i) % 89 + 1)[: size - 1] / 64


def wilkinson(copies: int, glue: float) -> tuple[np.ndarray, np.ndarray]:
    """W21+, whose large eigenvalues come in pairs that agree to all digits but the last; several of them, hardly coupled."""
    diagonal = np.tile(abs(np.arange(21.0) - 10), copies)
    off = np.tile(np.append(np.ones(20), glue), copies)[:-1]
    return diagonal, off


def graded(down: bool) -> tuple[np.ndarray, np.ndarray]:
    """From 1 to 1e-12."""
    diagonal = 10.0 ** (-12 * np.arange(40) / 39)
    off = np.sqrt(diagonal[1:] * diagonal[:-1]) / 4
    return (diagonal, off) if down else (diagonal[::-1], off[::-1])


def split(every: int) -> tuple[np.ndarray, np.ndarray]:
    diagonal, off = drawn(40)
    off[every - 1 :: every] = 0
    return diagonal, off


def repeated() -> tuple[np.ndarray, np.ndarray]:
    """The same block eight times: each eigenvalue eightfold."""
    diagonal, off = drawn(5)
    return np.tile(diagonal, 8), np.tile(np.append(off, 0.0), 8)[:-1]


def scaled(exponent: int) -> tuple[np.ndarray, np.ndarray]:
    diagonal, off = drawn(40)
    return np.ldexp(diagonal, exponent), np.ldexp(off, exponent)


TRIDIAGONAL = {
    **{f"{size}": drawn(size) for size in [1, 2, 5, 40, 100, 300]},
    "Wilkinson's W21+": wilkinson(1, 0.0),
    "Wilkinson, glued": wilkinson(5, 2.0**-26),
    "Wilkinson, hardly glued": wilkinson(5, 2.0**-50),
    "clustered": (1 + np.arange(40) * 2.0**-40, np.full(39, 2.0**-35)),
    "graded, down": graded(True),
    "graded, up": graded(False),
    "split": split(7),
    "diagonal": split(1),
    "repeated": repeated(),
    "second difference": (np.full(100, 2.0), np.full(99, -1.0)),
    "huge": scaled(300),
    "tiny": scaled(-300),
}


def element(i: np.ndarray, j: np.ndarray) -> np.ndarray:
    """Small multiples of 1/32."""
    return ((71 * i + 29 * j + 3 * i * j) % 101 - 50) / 32


def arrow(kept: int) -> Element:
    """What a restart leaves: kept values on the diagonal, their couplings in the row after them, tridiagonal from there."""

    def of(i: np.ndarray, j: np.ndarray) -> np.ndarray:
        coupled = np.where(i == kept, np.ldexp(element(i, j), -(j % 30)), 0.0)
        beside = np.where((i == j + 1) & (j >= kept), (29 * j % 89 + 1) / 64, coupled)
        return np.where(i == j, element(i, j), beside)

    return of


DENSE = {
    **{f"{size}": (size, element) for size in [1, 2, 5, 40, 100, 300]},
    "graded": (20, lambda i, j: np.ldexp(element(i, j), -(i + j))),
    "clustered": (40, lambda i, j: (i == j) + np.ldexp(element(i, j), -30)),
    "repeated": (40, lambda i, j: (i == j) + 1.0),
    "apart": (40, lambda i, j: np.where(i % 4 == j % 4, element(i, j), 0.0)),
    "arrow of 15": (40, arrow(15)),
    "arrow of 120": (300, arrow(120)),
}


def agree(name: str, one: np.ndarray, other: np.ndarray) -> None:
    apart = np.max(np.abs(one - other)) / (np.max(np.abs(one)) * EPSILON)
    if not apart <= 2 * len(one) + 10:
        raise SystemExit(f"{name}: two of LAPACK's routines are {apart} epsilon apart")


def tridiagonal(name: str, diagonal: np.ndarray, off: np.ndarray) -> dict:
    # LAPACK's wrapper wants an element beside a diagonal of one.
    beside = off if len(off) else np.zeros(1)
    values, vectors, info = lapack.dstev(diagonal, beside)
    second, _, other = lapack.dstevd(diagonal, beside)
    if info or other:
        raise SystemExit(f"{name}: no convergence")
    agree(name, values, second)
    return {"kind": "tridiagonal", "name": name, "diagonal": list(diagonal), "off": list(off),
            "values": list(values), "first": list(np.abs(vectors[0]))}  # fmt: skip


def dense(name: str, size: int, of: Element) -> dict:
    i, j = np.indices((size, size))
    matrix = of(np.maximum(i, j), np.minimum(i, j))
    values, vectors, info = lapack.dsyevd(matrix, lower=1)
    if info:
        raise SystemExit(f"{name}: no convergence")
    agree(name, values, eigh(matrix, eigvals_only=True, driver="evr"))
    return {"kind": "dense", "name": name, "size": size, "values": list(values), "first": list(np.abs(vectors[0]))}


sequence.write(
    "eigen.json",
    {
        "versions": {"scipy": scipy.__version__, "numpy": np.__version__},
        "precision": "float64",
        "cases": [
            *(tridiagonal(name, *matrix) for name, matrix in TRIDIAGONAL.items()),
            *(dense(name, *matrix) for name, matrix in DENSE.items()),
        ],
    },
    "cases",
)
