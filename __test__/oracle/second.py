"""Second derivatives of the nets in curvature_nets.py, by torch's double backprop."""

import numpy as np
import torch
import torch.nn.functional as F

from curvature_nets import Net


class Module(torch.nn.Module):
    """A net as PyHessian and hessian-eigenthings want it."""

    def __init__(self, net: Net, weights: list[np.ndarray], dtype: torch.dtype):
        super().__init__()
        tensors = [torch.tensor(w, dtype=dtype) for w in weights]
        count = len(tensors) - net.fixed
        self.trained = torch.nn.ParameterList([torch.nn.Parameter(w) for w in tensors[:count]])
        self.fixed, self.logits = tensors[count:], net.logits

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.logits([*self.trained, *self.fixed], x)


def flat(parts) -> np.ndarray:
    return torch.cat([p.detach().reshape(-1) for p in parts]).double().numpy()


class Second:
    """Double backprop of one net in one precision."""

    def __init__(self, net: Net, seed: int, dtype: torch.dtype):
        weights, x, labels = net.drawn(seed)
        self.module = Module(net, weights, dtype)
        self.x = torch.tensor(x) if net.vocabulary else torch.tensor(x, dtype=dtype)
        self.labels = torch.tensor(labels)
        self.parameters = list(self.module.parameters())
        self.loss = F.cross_entropy(self.module(self.x), self.labels)
        self.gradient = torch.autograd.grad(self.loss, self.parameters, create_graph=True)

    def product(self, v: list[np.ndarray]) -> np.ndarray:
        u = [torch.tensor(one, dtype=p.dtype) for one, p in zip(v, self.parameters, strict=True)]
        return flat(torch.autograd.grad(self.gradient, self.parameters, u, retain_graph=True))

    def dense(self) -> np.ndarray:
        """Row by row."""
        elements = torch.cat([g.reshape(-1) for g in self.gradient])
        rows = [flat(torch.autograd.grad(one, self.parameters, retain_graph=True, materialize_grads=True))
                for one in elements]  # fmt: skip
        return np.stack(rows)
