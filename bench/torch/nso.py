"""NSO k pairs in torch, twice: with every operation of the authors' public code, and as small as torch allows."""

import torch


def deliver(parameter, gradient):
    """What autograd does with a gradient that it has: hands it over, or adds it to one that is there."""
    if parameter.grad is None:
        parameter.grad = gradient
    else:
        parameter.grad.add_(gradient)


class Published:
    """
    The form of the authors' optimizer (class NSM of VirtuosoResearch/Noise-stability-optimization), written anew from a
    list of what it does to memory, not from its text. A clean gradient comes first, even where its weight is 0. W is
    cloned then, and again for either half of a pair; the noise comes from torch.distributions, is scaled into a new
    tensor and stored. Each gradient is cloned, and scaled into a new tensor. Gradients are zeroed by a write after every
    one of these passes, so that autograd adds each new one to zeros.
    """

    def __init__(self, parameters, sigma, perturbations, lam=0.0, **base):
        self.parameters = list(parameters)
        self.sigma, self.perturbations, self.lam = sigma, perturbations, lam
        self.base = torch.optim.SGD(self.parameters, **base)
        self.normal = torch.distributions.Normal(0.0, 1.0)
        self.state = {p: {} for p in self.parameters}
        for p in self.parameters:
            p.grad = torch.zeros_like(p)

    @torch.no_grad()
    def step(self, backward):
        backward()
        self.clean()
        weight = (1.0 - self.lam) / (2 * self.perturbations)
        for _ in range(self.perturbations):
            self.perturb()
            backward()
            self.accumulate(weight)
            self.reflect()
            backward()
            self.accumulate(weight)
        for p in self.parameters:
            p.data = self.state[p]["weight"]
            p.grad = self.state[p]["gradient"]
        self.base.step()
        self.zero_grad()

    def clean(self):
        for p in self.parameters:
            self.state[p]["weight"] = p.data.clone()
            self.state[p]["gradient"] = p.grad.clone() * self.lam
        self.zero_grad()

    def perturb(self):
        for p in self.parameters:
            noise = self.normal.sample(p.shape) * self.sigma
            self.state[p]["noise"] = noise
            p.data = self.state[p]["weight"].clone()
            p.data.add_(noise)
        self.zero_grad()

    def reflect(self):
        for p in self.parameters:
            p.data = self.state[p]["weight"].clone()
            p.data.sub_(self.state[p]["noise"])
        self.zero_grad()

    def accumulate(self, weight):
        for p in self.parameters:
            self.state[p]["gradient"].add_(p.grad.clone() * weight)
        self.zero_grad()

    def zero_grad(self):
        self.base.zero_grad(set_to_none=False)


class Minimal:
    """
    In place: W moves by +U, -2U, +U, with one vector for U and one for the sum of the gradients; no trace. Gradients are
    let go, so that autograd hands the next ones over.
    """

    def __init__(self, parameters, sigma, perturbations, **base):
        self.parameters = list(parameters)
        self.sigma, self.perturbations = sigma, perturbations
        self.base = torch.optim.SGD(self.parameters, **base)
        self.noise = [torch.empty_like(p) for p in self.parameters]
        self.sum = [torch.empty_like(p) for p in self.parameters]

    @torch.no_grad()
    def step(self, backward):
        for pair in range(self.perturbations):
            for p, noise in zip(self.parameters, self.noise):
                p.add_(noise.normal_(), alpha=self.sigma)
            backward()
            for p, noise, total in zip(self.parameters, self.noise, self.sum):
                total.copy_(p.grad) if pair == 0 else total.add_(p.grad)
                p.sub_(noise, alpha=2 * self.sigma)
            self.zero_grad()
            backward()
            for p, noise, total in zip(self.parameters, self.noise, self.sum):
                total.add_(p.grad)
                p.add_(noise, alpha=self.sigma)
            self.zero_grad()
        for p, total in zip(self.parameters, self.sum):
            p.grad = total.mul_(1 / (2 * self.perturbations))
        self.base.step()
        self.zero_grad()

    def zero_grad(self):
        self.base.zero_grad(set_to_none=True)
