"""On a quadratic both forms of NSO are a step of gradient descent, with two (Published: and one more) gradients a pair."""

import torch

from nso import Minimal, Published, deliver

torch.manual_seed(0)
root = torch.randn(20, 20)
hessian = root @ root.T / 20

for kind, clean in ((Published, 1), (Minimal, 0)):
    for perturbations in (1, 4):
        w = torch.nn.Parameter(torch.randn(20))
        expected = w.detach() - 0.1 * hessian @ w.detach()
        optimizer = kind([w], sigma=0.1, perturbations=perturbations, lr=0.1, momentum=0.9)
        calls = 0

        def backward():
            global calls
            calls += 1
            deliver(w, hessian @ w.data)

        optimizer.step(backward)
        error = (w.data - expected).abs().max().item()
        assert error < 1e-5, f"{kind.__name__}, k = {perturbations}: {error} away"
        assert calls == 2 * perturbations + clean, f"{kind.__name__}, k = {perturbations}: {calls} gradients"
print("both forms of NSO are gradient descent on a quadratic")
