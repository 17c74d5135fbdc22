"""The nets of curvature.py in torch, on the weights and data that __test__/curvature/nets.ts gives to tfjs.

A net is a function of its weights, in the order and the layouts of tfjs: kernels [in, out], filters [height, width, in,
out], images [batch, height, width, channels]. Weights that are not trained (moving statistics) come last.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

import sequence


@dataclass(frozen=True)
class Net:
    """`shapes` of the weights, the last `fixed` of which are not trained; `gains` are those that lie about 1."""

    name: str
    shapes: list[list[int]]
    x: list[int]
    classes: int
    logits: Callable[[list[Tensor], Tensor], Tensor]
    fixed: int = 0
    gains: tuple[int, ...] = ()
    vocabulary: int = 0
    """Inputs are numbers of words below this, where it is not 0."""
    labels: int = 0
    """How many, where it is not one an example."""

    def drawn(self, seed: int) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
        """Weights, then inputs, then labels, from one stream of numbers."""
        numbers = sequence.Numbers(seed)
        weights = []
        for i, shape in enumerate(self.shapes):
            scale = 1 / np.sqrt(np.prod(shape[:-1])) if len(shape) > 1 else 0.1
            values = numbers.values(shape, scale)
            weights.append(1 + values if i in self.gains else values)
        count = self.labels or self.x[0]
        if self.vocabulary:
            x = numbers.whole(int(np.prod(self.x)), self.vocabulary).reshape(self.x)
        else:
            x = numbers.values(self.x)
        return weights, x, numbers.whole(count, self.classes)


def mlp(activation: Callable[[Tensor], Tensor]) -> Callable:
    def logits(weights: list[Tensor], x: Tensor) -> Tensor:
        a, b, c, d, e, f = weights
        return activation(activation(x @ a + b) @ c + d) @ e + f

    return logits


def convolved(x: Tensor, kernel: Tensor, padding: str = "same", groups: int = 1) -> Tensor:
    """On [batch, channels, height, width]."""
    return F.conv2d(x, kernel.permute(3, 2, 0, 1), padding=padding, groups=groups)


def channels_first(x: Tensor) -> Tensor:
    return x.permute(0, 3, 1, 2)


def channels_last(x: Tensor) -> Tensor:
    return x.permute(0, 2, 3, 1)


def conv(weights: list[Tensor], x: Tensor) -> Tensor:
    k1, b1, g1, s1, k2, b2, g2, s2, k3, b3, m1, v1, m2, v2 = weights
    h = convolved(channels_first(x), k1) + b1[:, None, None]
    h = F.max_pool2d(F.relu(F.batch_norm(h, m1, v1, g1, s1, eps=1e-3)), 2)
    h = convolved(h, k2) + b2[:, None, None]
    h = F.avg_pool2d(torch.tanh(F.batch_norm(h, m2, v2, g2, s2, eps=1e-3)), 2)
    return channels_last(h).flatten(1) @ k3 + b3


def plain_conv(weights: list[Tensor], x: Tensor) -> Tensor:
    k1, b1, k2, b2, k3, b3 = weights
    h = F.max_pool2d(torch.tanh(convolved(channels_first(x), k1) + b1[:, None, None]), 2)
    h = F.avg_pool2d(torch.tanh(convolved(h, k2) + b2[:, None, None]), 2)
    return channels_last(h).flatten(1) @ k3 + b3


def depthwise(weights: list[Tensor], x: Tensor) -> Tensor:
    k1, b1, k2, b2, k3, b3 = weights
    channels = k1.shape[2]
    # [h, w, in, multiplier] to [in · multiplier, 1, h, w].
    kernel = k1.permute(2, 3, 0, 1).reshape(-1, 1, *k1.shape[:2])
    h = torch.tanh(F.conv2d(channels_first(x), kernel, b1, padding="same", groups=channels))
    h = torch.tanh(convolved(h, k2) + b2[:, None, None])
    return h.mean((2, 3)) @ k3 + b3


def hard_sigmoid(x: Tensor) -> Tensor:
    """As in tfjs and Keras 2; torch's has other slopes."""
    return torch.clamp(0.2 * x + 0.5, 0, 1)


def lstm(weights: list[Tensor], x: Tensor) -> Tensor:
    """With the default gates of tfjs: input, forget, cell, output."""
    kernel, recurrent, bias, k2, b2 = weights
    h = c = torch.zeros(x.shape[0], recurrent.shape[0], dtype=x.dtype)
    for t in range(x.shape[1]):
        i, f, g, o = (x[:, t] @ kernel + h @ recurrent + bias).chunk(4, 1)
        c = hard_sigmoid(f) * c + hard_sigmoid(i) * torch.tanh(g)
        h = hard_sigmoid(o) * torch.tanh(c)
    return h @ k2 + b2


def lstm_of_torch(weights: list[Tensor], x: Tensor) -> Tensor:
    """With sigmoid gates, which torch's own has, in the same order."""
    kernel, recurrent, bias, k2, b2 = weights
    state = torch.zeros(1, x.shape[0], recurrent.shape[0], dtype=x.dtype)
    parts = [kernel.T, recurrent.T, bias, torch.zeros_like(bias)]
    out = torch._VF.lstm(x, (state, state), parts, True, 1, 0.0, False, False, True)[0]
    return out[:, -1] @ k2 + b2


def gru(weights: list[Tensor], x: Tensor) -> Tensor:
    """Reset before the product, which torch's own does after it: update, reset, candidate."""
    kernel, recurrent, bias, k2, b2 = weights
    units = recurrent.shape[0]
    h = torch.zeros(x.shape[0], units, dtype=x.dtype)
    for t in range(x.shape[1]):
        xz, xr, xh = (x[:, t] @ kernel + bias).chunk(3, 1)
        hz, hr = (h @ recurrent[:, : 2 * units]).chunk(2, 1)
        z, r = hard_sigmoid(xz + hz), hard_sigmoid(xr + hr)
        candidate = torch.tanh(xh + (r * h) @ recurrent[:, 2 * units :])
        h = z * h + (1 - z) * candidate
    return h @ k2 + b2


def transformer(weights: list[Tensor], x: Tensor) -> Tensor:
    """A block of attention with two heads, normalised before each part; the mean over tokens is classified."""
    wq, wk, wv, wo, g1, s1, g2, s2, up, b1, down, b2, out, b3 = weights
    batch, tokens, width = x.shape
    heads = 2

    def split(y: Tensor) -> Tensor:
        return y.reshape(batch, tokens, heads, width // heads).transpose(1, 2)

    h = F.layer_norm(x, [width], g1, s1, eps=1e-3)
    q, k, v = split(h @ wq), split(h @ wk), split(h @ wv)
    attention = torch.softmax(q @ k.transpose(2, 3) / (width // heads) ** 0.5, -1)
    y = x + (attention @ v).transpose(1, 2).reshape(batch, tokens, width) @ wo
    h = F.layer_norm(y, [width], g2, s2, eps=1e-3)
    return (y + F.gelu(h @ up + b1) @ down + b2).mean(1) @ out + b3


def embedding(weights: list[Tensor], x: Tensor) -> Tensor:
    table, k1, b1, k2, b2 = weights
    return torch.tanh(F.embedding(x, table).flatten(1) @ k1 + b1) @ k2 + b2


def graph(weights: list[Tensor], x: Tensor) -> Tensor:
    """Two graph convolutions; x is [adjacency | features]."""
    k1, b1, k2, b2 = weights
    nodes = x.shape[0]
    adjacency, features = x[:, :nodes], x[:, nodes:]
    return adjacency @ (torch.tanh(adjacency @ (features @ k1) + b1) @ k2) + b2


MLP = [[8, 12], [12], [12, 12], [12], [12, 4], [4]]


def recurrent(gates: int) -> list[list[int]]:
    return [[5, 8 * gates], [8, 8 * gates], [8 * gates], [8, 3], [3]]


NETS = [
    Net("mlp, tanh", MLP, [40, 8], 4, mlp(torch.tanh)),
    Net("mlp, relu", MLP, [40, 8], 4, mlp(F.relu)),
    Net("mlp, gelu", MLP, [40, 8], 4, mlp(F.gelu)),
    Net("mlp, swish", MLP, [40, 8], 4, mlp(F.silu)),
    Net("conv, BatchNorm, pooling",
        [[3, 3, 2, 4], [4], [4], [4], [3, 3, 4, 6], [6], [6], [6], [24, 4], [4], [4], [4], [6], [6]],
        [16, 8, 8, 2], 4, conv, fixed=4, gains=(2, 6, 11, 13)),
    Net("depthwise conv", [[3, 3, 3, 2], [6], [1, 1, 6, 8], [8], [8, 4], [4]], [12, 8, 8, 3], 4, depthwise),
    Net("lstm", recurrent(4), [24, 6, 5], 3, lstm),
    Net("lstm, sigmoid gates", recurrent(4), [24, 6, 5], 3, lstm_of_torch),
    Net("gru", recurrent(3), [24, 6, 5], 3, gru),
    Net("transformer block",
        [[8, 8], [8, 8], [8, 8], [8, 8], [8], [8], [8], [8], [8, 16], [16], [16, 8], [8], [8, 4], [4]],
        [8, 6, 8], 4, transformer, gains=(4, 6)),
    Net("embedding", [[12, 4], [24, 8], [8], [8, 3], [3]], [20, 6], 3, embedding, vocabulary=12),
    Net("graph net", [[6, 8], [8], [8, 3], [3]], [20, 26], 3, graph),
]  # fmt: skip

LARGER = [
    Net("mlp, 1,870 weights", [[20, 30], [30], [30, 30], [30], [30, 10], [10]], [80, 20], 10, mlp(torch.tanh)),
    Net("conv, 1,518 weights", [[3, 3, 2, 8], [8], [3, 3, 8, 12], [12], [48, 10], [10]], [32, 8, 8, 2], 10, plain_conv),
]
"""Of these spectra.py takes the eigenvalues alone."""
