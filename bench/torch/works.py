"""What torch is asked to do: each entry makes a function to be timed from a contestant's options."""

import torch

from nso import Minimal, Published, deliver
from spectrum import density, hutchinson, read, top


def randn(options):
    """W' = W + sigma·U in place, the way it is written in torch."""
    w = torch.randn(options["size"]) * 0.02
    return lambda: w.add_(torch.randn_like(w), alpha=0.01)


def machinery(options):
    """A step of NSO besides its gradients, which are fixed."""
    weights = [torch.nn.Parameter(torch.randn(size) * 0.02) for size in options["sizes"]]
    gradients = [torch.randn(size) for size in options["sizes"]]
    kind = {"published": Published, "minimal": Minimal}[options["form"]]
    optimizer = kind(weights, sigma=0.01, perturbations=options["perturbations"], lr=1e-3, momentum=0.9)

    def backward():
        for weight, gradient in zip(weights, gradients):
            deliver(weight, gradient)

    return lambda: optimizer.step(backward)


WORKS = {
    "randn": randn,
    "machinery": machinery,
    "density": density,
    "hutchinson": hutchinson,
    "read": read,
    "top": top,
}
