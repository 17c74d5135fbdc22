"""NSO k pairs in torch, twice: with the copies that the authors' public code makes, and as small as torch allows."""

import torch


class Published:
    """
    The form of the authors' optimizer (VirtuosoResearch/Noise-stability-optimization, written anew from a description of
    what it does, not from its text): W is cloned twice a step and the perturbation stored; every gradient is cloned, then
    zeroed by a write; the noise comes from torch.distributions; a clean gradient comes first even where its weight is 0.
    """

    def __init__(self, parameters, sigma, perturbations, lam=0.0, **base):
        self.parameters = list(parameters)
        self.sigma, self.perturbations, self.lam = sigma, perturbations, lam
        self.base = torch.optim.SGD(self.parameters, **base)
        self.normal = torch.distributions.Normal(0.0, 1.0)
        self.state = {p: {} for p in self.parameters}
        # Where `zero_grad` writes: the fixed gradients must stay.
        self.scratch = {p: torch.zeros_like(p) for p in self.parameters}

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

    def clean(self):
        for p in self.parameters:
            self.state[p]["weight"] = p.data.clone()
            self.state[p]["gradient"] = p.grad.clone().mul_(self.lam)
        self.zero_grad()

    def perturb(self):
        for p in self.parameters:
            noise = self.normal.sample(p.shape) * self.sigma
            self.state[p]["noise"] = noise
            p.data = self.state[p]["weight"].clone().add_(noise)

    def reflect(self):
        for p in self.parameters:
            p.data.copy_(self.state[p]["weight"]).sub_(self.state[p]["noise"])

    def accumulate(self, weight):
        for p in self.parameters:
            self.state[p]["gradient"].add_(p.grad.clone(), alpha=weight)
        self.zero_grad()

    def zero_grad(self):
        for p in self.parameters:
            p.grad = self.scratch[p]
        self.base.zero_grad(set_to_none=False)


class Minimal:
    """In place: W moves by +U, -2U, +U, with one vector for U and one for the sum of the gradients; no trace."""

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
            backward()
            for p, noise, total in zip(self.parameters, self.noise, self.sum):
                total.add_(p.grad)
                p.add_(noise, alpha=self.sigma)
        for p, total in zip(self.parameters, self.sum):
            p.grad = total.mul_(1 / (2 * self.perturbations))
        self.base.step()
