"""Lanczos and Hutchinson as PyHessian has them, and ARPACK, on a diagonal matrix in place of a Hessian."""

import importlib

import torch

from aside import aside


def spectrum(size):
    """Ten outliers 50·0.7^i over a bulk in [-0.02, 0.3], as in diagonal.ts."""
    values = torch.linspace(-0.02, 0.3, size)
    values[:10] = 50 * 0.7 ** torch.arange(10)
    return values


def pyhessian_on(size, device="cpu"):
    """PyHessian's own class, whose product with a vector is that of the matrix."""
    module = importlib.import_module("pyhessian.hessian")
    values = spectrum(size).to(device)
    module.hessian_vector_product = lambda gradients, parameters, v: [values * v[0]]
    # PyHessian 0.1 calls what torch has dropped since: that name is still there, and throws.
    torch.eig = eig
    made = object.__new__(module.hessian)
    made.model = torch.nn.Identity()
    made.device, made.full_dataset = device, False
    made.params, made.gradsH = [torch.empty(size, device=device)], None
    return made


def eig(matrix, eigenvectors):
    values, vectors = torch.linalg.eigh(matrix)
    return torch.stack([values, torch.zeros_like(values)], dim=1), vectors


def density(options):
    """What a run takes besides its products, as in diagonal.ts."""
    made = pyhessian_on(options["size"])
    module = importlib.import_module("pyhessian.hessian")
    product = module.hessian_vector_product

    def timed(*given):
        with aside():
            return product(*given)

    def run():
        module.hessian_vector_product = timed
        made.density(iter=options["steps"], n_v=1)
        module.hessian_vector_product = product

    return run


def hutchinson(options):
    made = pyhessian_on(options["size"])
    return lambda: made.trace(maxIter=options["probes"], tol=0.0)


def top(options):
    """The largest eigenvalues by ARPACK, in float32, to a relative residual; without its products, as in diagonal.ts."""
    import numpy as np
    from scipy.sparse.linalg import LinearOperator, eigsh

    size = options["size"]
    values = spectrum(size).numpy()

    def timed(v):
        with aside():
            return values * v.ravel()

    operator = LinearOperator((size, size), matvec=timed, dtype=np.float32)
    start = np.random.default_rng(0).standard_normal(size).astype(np.float32)
    settings = {"k": options["count"], "ncv": options["ncv"], "tol": options["tolerance"], "which": "LA", "v0": start}
    return lambda: eigsh(operator, return_eigenvectors=False, **settings)


def read(options):
    """One read of much memory."""
    values = torch.ones(options["size"])
    return lambda: values.sum()
