"""Writes optimizers.json: weights of the base optimizers over 100 steps, in float64.

The oracle is torch where torch has the method, optax otherwise. A second implementation (optax, or the formula in numpy)
must agree to 1e-11 before anything is written.

    pip install torch numpy jax optax && python optimizers.py
"""

import math
from collections.abc import Callable

import jax
import numpy as np
import optax
import torch

import sequence

jax.config.update("jax_enable_x64", True)
KERNEL, BIAS, STACK = range(3)


def torch_run(
    make: Callable,
    *,
    scheduler: Callable | None = None,
    clip: Callable | None = None,
    penalty: Callable | None = None,
    l2: list[float] | None = None,
    decay: list[float] | None = None,
    accumulation: int = 1,
    scale: float = 1.0,
) -> dict:
    """Steps of a torch optimizer. `clip` works on the mean gradient, then come `l2` and the gradient of `penalty`, both at
    the weights before the step; `decay` is w ← w − ηλw for each tensor. What torch's optimizers do themselves is left to
    them."""
    params = [torch.tensor(w, requires_grad=True) for w in sequence.weights()]
    start = [p.detach().clone() for p in params]
    optimizer = make(params)
    schedule = scheduler(optimizer) if scheduler else None
    found = {}
    for step in range(sequence.STEPS):
        for p, g in zip(params, sequence.mean_gradients(step, accumulation), strict=True):
            p.grad = torch.tensor(g * scale)
        if clip:
            clip(params)
        if penalty:
            extra = torch.autograd.grad(penalty(params, start), params, allow_unused=True)
            for p, e in zip(params, extra, strict=True):
                p.grad = p.grad + (0 if e is None else e)
        with torch.no_grad():
            for p, strength in zip(params, l2 or [], strict=l2 is not None):
                p.grad = p.grad + strength * p
            rate = optimizer.param_groups[0]["lr"]
            for p, strength in zip(params, decay or [], strict=decay is not None):
                p.sub_(rate * strength * p)
        optimizer.step()
        if schedule:
            schedule.step()
        store(found, step, [p.detach().numpy() for p in params])
    return found


def optax_run(transform) -> dict:
    """Steps of an optax transform."""

    @jax.jit
    def update(grads, state, params):
        updates, state = transform.update(grads, state, params)
        return optax.apply_updates(params, updates), state

    params = [jax.numpy.asarray(w) for w in sequence.weights()]
    state = transform.init(params)
    found = {}
    for step in range(sequence.STEPS):
        params, state = update(sequence.gradients(step), state, params)
        store(found, step, params)
    return found


def in_float64(schedule: Callable) -> Callable:
    """optax counts in int32 and so divides in float32, also where x64 is on."""
    return lambda count: schedule(count.astype(jax.numpy.float64))


def numpy_run(rule: Callable, *, clip: Callable | None = None, accumulation: int = 1, scale: float = 1.0) -> dict:
    """Steps of `rule(w, g, memory, step, tensor) → w`, written out."""
    params = sequence.weights()
    memory = [{} for _ in params]
    found = {}
    for step in range(sequence.STEPS):
        grads = [g * scale for g in sequence.mean_gradients(step, accumulation)]
        grads = clip(grads) if clip else grads
        params = [rule(w, g, memory[n], step, n) for n, (w, g) in enumerate(zip(params, grads, strict=True))]
        store(found, step, params)
    return found


def store(found: dict, step: int, params: list) -> None:
    if step + 1 in sequence.STORED:
        found[str(step + 1)] = [np.array(p, dtype=np.float64) for p in params]


def norm_of(grads: list[np.ndarray]) -> float:
    return math.sqrt(sum(float((g * g).sum()) for g in grads))


def numpy_clip_norm(limit: float) -> Callable:
    return lambda grads: [g * min(1.0, limit / (norm_of(grads) + 1e-6)) for g in grads]


def clip_norm(limit: float) -> Callable:
    return lambda params: torch.nn.utils.clip_grad_norm_(params, limit)


def clip_value(limit: float) -> Callable:
    return lambda params: torch.nn.utils.clip_grad_value_(params, limit)


CASES: list[dict] = []


def case(name: str, factory: str, options: dict, oracle: str, found: dict, second: str, other: dict, scale=1) -> None:
    """Keeps a case, once its second implementation agrees. `scale` multiplies all gradients."""
    worst = max(
        float(np.abs(a - b).max()) for key in found for a, b in zip(found[key], other[key], strict=True)
    )
    if not worst < 1e-11:
        raise SystemExit(f"{name}: {oracle} and {second} differ by {worst}")
    weights = {key: [sequence.rounded(w) for w in value] for key, value in found.items()}
    CASES.append(
        {"name": name, "factory": factory, "options": options, "scale": scale, "oracle": oracle, "agrees": second, "weights": weights}
    )


def heavy_ball(rate, momentum=0.0, nesterov=False, l2=0.0, decay=0.0, distance=0.0):
    """SGD with everything, as a numpy rule. Strengths may be lists, one for each tensor; the rate a function."""

    def of(strength, n):
        return strength[n] if isinstance(strength, list) else strength

    def rule(w, g, memory, step, n):
        eta = rate(step) if callable(rate) else rate
        start = memory.setdefault("start", w)
        g = g + of(l2, n) * w + 2 * of(distance, n) * (w - start)
        memory["m"] = momentum * memory.get("m", 0.0) + g
        move = g + momentum * memory["m"] if nesterov else memory["m"]
        return w - eta * of(decay, n) * w - eta * move

    return rule


def adam_rule(rate, beta1=0.9, beta2=0.999, epsilon=1e-8, l2=0.0, decay=0.0, amsgrad=False, distance=None, filtered=None):
    """Adam with everything, as a numpy rule; `amsgrad` keeps the maximum of v before its bias is corrected."""

    def rule(w, g, memory, step, n):
        eta = rate(step) if callable(rate) else rate
        decays = filtered is None or filtered[n]
        start = memory.setdefault("start", w)
        if distance:
            strength, zero = distance[n]
            g = g + 2 * strength * (w - (0.0 if zero else start))
        g = g + (l2 * w if decays else 0.0)
        m = memory["m"] = beta1 * memory.get("m", 0.0) + (1 - beta1) * g
        v = memory["v"] = beta2 * memory.get("v", 0.0) + (1 - beta2) * g * g
        top = memory["top"] = np.maximum(memory.get("top", 0.0), v) if amsgrad else v
        root = np.sqrt(top / (1 - beta2 ** (step + 1))) + epsilon
        return w - (eta * decay * w if decays else 0.0) - eta * m / (1 - beta1 ** (step + 1)) / root

    return rule


def rms_rule(rate, decay=0.9, epsilon=1e-8, momentum=0.0, centered=False, l2=0.0, shrink=0.0):
    """RMSProp as a numpy rule: epsilon outside the root, momentum without the rate."""

    def rule(w, g, memory, step, n):
        g = g + l2 * w
        v = memory["v"] = decay * memory.get("v", 0.0) + (1 - decay) * g * g
        a = memory["a"] = decay * memory.get("a", 0.0) + (1 - decay) * g
        move = g / (np.sqrt(v - a * a if centered else v) + epsilon)
        memory["m"] = momentum * memory.get("m", 0.0) + move
        return w - rate * shrink * w - rate * memory["m"]

    return rule


def plain_methods() -> None:
    sgd = {"learningRate": 0.05}
    case("sgd", "sgd", sgd, "torch.optim.SGD(lr=0.05)", torch_run(lambda p: torch.optim.SGD(p, lr=0.05)),
         "optax.sgd", optax_run(optax.sgd(0.05)))  # fmt: skip
    for name, nesterov in (("momentum", False), ("nesterov", True)):
        case(name, name, {"learningRate": 0.01, "momentum": 0.9},
             f"torch.optim.SGD(lr=0.01, momentum=0.9, nesterov={nesterov})",
             torch_run(lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, nesterov=nesterov)),
             "optax.sgd", optax_run(optax.sgd(0.01, momentum=0.9, nesterov=nesterov)))  # fmt: skip
    case("adam", "adam", {"learningRate": 0.01}, "torch.optim.Adam(lr=0.01)",
         torch_run(lambda p: torch.optim.Adam(p, lr=0.01)), "optax.adam", optax_run(optax.adam(0.01)))  # fmt: skip
    case("adam, other decays and a large epsilon", "adam",
         {"learningRate": 0.02, "beta1": 0.8, "beta2": 0.95, "epsilon": 0.05},
         "torch.optim.Adam(lr=0.02, betas=(0.8, 0.95), eps=0.05)",
         torch_run(lambda p: torch.optim.Adam(p, lr=0.02, betas=(0.8, 0.95), eps=0.05)),
         "optax.adam", optax_run(optax.adam(0.02, b1=0.8, b2=0.95, eps=0.05)))  # fmt: skip
    # optax.amsgrad takes the maximum after the correction of the bias, and so is another method.
    case("adam with amsgrad", "adam", {"learningRate": 0.01, "beta2": 0.9, "amsgrad": True},
         "torch.optim.Adam(lr=0.01, betas=(0.9, 0.9), amsgrad=True)",
         torch_run(lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.9, 0.9), amsgrad=True)),
         "numpy", numpy_run(adam_rule(0.01, beta2=0.9, amsgrad=True)))  # fmt: skip
    case("adamw", "adamw", {"learningRate": 0.01, "weightDecay": 0.1}, "torch.optim.AdamW(lr=0.01, weight_decay=0.1)",
         torch_run(lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1)),
         "optax.adamw", optax_run(optax.adamw(0.01, weight_decay=0.1)))  # fmt: skip
    case("adamw with amsgrad", "adamw",
         {"learningRate": 0.01, "beta2": 0.9, "weightDecay": 0.1, "amsgrad": True},
         "torch.optim.AdamW(lr=0.01, betas=(0.9, 0.9), weight_decay=0.1, amsgrad=True)",
         torch_run(lambda p: torch.optim.AdamW(p, lr=0.01, betas=(0.9, 0.9), weight_decay=0.1, amsgrad=True)),
         "numpy", numpy_run(adam_rule(0.01, beta2=0.9, decay=0.1, amsgrad=True)))  # fmt: skip
    for momentum in (0.0, 0.9):
        for centered in (False, True):
            for epsilon in (1e-8, 0.1):
                name = f"rmsprop{', centered' if centered else ''}{', momentum' if momentum else ''}"
                case(f"{name}{', a large epsilon' if epsilon > 1e-8 else ''}", "rmsprop",
                     {"learningRate": 0.002, "decay": 0.9, "epsilon": epsilon, "momentum": momentum, "centered": centered},
                     f"torch.optim.RMSprop(lr=0.002, alpha=0.9, eps={epsilon}, momentum={momentum}, centered={centered})",
                     torch_run(lambda p: torch.optim.RMSprop(
                         p, lr=0.002, alpha=0.9, eps=epsilon, momentum=momentum, centered=centered)),
                     "optax.rmsprop(eps_in_sqrt=False)",
                     optax_run(optax.rmsprop(0.002, decay=0.9, eps=epsilon, eps_in_sqrt=False,
                                             centered=centered, momentum=momentum or None)))  # fmt: skip
    for decay in (0.0, 0.1):
        case(f"lion{' with weight decay' if decay else ''}", "lion",
             {"learningRate": 0.005, "beta1": 0.9, "beta2": 0.99, "weightDecay": decay},
             f"optax.lion(0.005, b1=0.9, b2=0.99, weight_decay={decay})",
             optax_run(optax.lion(0.005, b1=0.9, b2=0.99, weight_decay=decay)),
             "numpy", numpy_run(lion_rule(0.005, 0.9, 0.99, decay)))  # fmt: skip


def lion_rule(rate, beta1, beta2, decay):
    def rule(w, g, memory, step, n):
        m = memory.get("m", np.zeros_like(w))
        mix = beta1 * m + (1 - beta1) * g
        # A sign that rounding decides would say nothing about an implementation.
        if np.any(np.abs(mix) < 2e-5):
            raise SystemExit("lion: a mix of gradients is too near to 0")
        memory["m"] = beta2 * m + (1 - beta2) * g
        return w - rate * (np.sign(mix) + decay * w)

    return rule


def decays() -> None:
    def sgd(momentum=0.0, nesterov=False, rate=0.01, **kwargs):
        return lambda p: torch.optim.SGD(p, lr=rate, momentum=momentum, nesterov=nesterov, **kwargs)

    balls = [("sgd", 0.0, False), ("momentum", 0.9, False), ("nesterov", 0.9, True)]
    for factory, momentum, nesterov in balls:
        options = {"learningRate": 0.01} | ({"momentum": 0.9} if momentum else {})
        case(f"{factory} with coupled L2", factory, options | {"l2": 0.05},
             f"torch.optim.SGD(lr=0.01, momentum={momentum}, nesterov={nesterov}, weight_decay=0.05)",
             torch_run(sgd(momentum, nesterov, weight_decay=0.05)),
             "optax.chain(add_decayed_weights, sgd)",
             optax_run(optax.chain(optax.add_decayed_weights(0.05),
                                   optax.sgd(0.01, momentum=momentum or None, nesterov=nesterov))))  # fmt: skip
        case(f"{factory} with decoupled decay", factory, options | {"weightDecay": 0.1},
             f"w ← w − ηλw, then torch.optim.SGD(lr=0.01, momentum={momentum}, nesterov={nesterov})",
             torch_run(sgd(momentum, nesterov), decay=[0.1] * 3),
             "optax.chain(trace, add_decayed_weights, scale)",
             optax_run(optax.chain(optax.trace(momentum, nesterov), optax.add_decayed_weights(0.1),
                                   optax.scale(-0.01))))  # fmt: skip
        case(f"{factory} with both decays, none on vectors", factory,
             options | {"l2": 0.05, "weightDecay": 0.1, "decayFilter": ["kernel", "stack"]},
             f"w ← w − ηλw and g ← g + λw at the same w, then torch.optim.SGD(lr=0.01, momentum={momentum}, "
             f"nesterov={nesterov})",
             torch_run(sgd(momentum, nesterov), l2=[0.05, 0.0, 0.05], decay=[0.1, 0.0, 0.1]),
             "numpy", numpy_run(heavy_ball(0.01, momentum, nesterov, [0.05, 0.0, 0.05],
                                           [0.1, 0.0, 0.1])))  # fmt: skip
    case("adam with coupled L2", "adam", {"learningRate": 0.01, "l2": 0.0625},
         "torch.optim.Adam(lr=0.01, weight_decay=0.0625)",
         torch_run(lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=0.0625)),
         "optax.chain(add_decayed_weights, adam)",
         optax_run(optax.chain(optax.add_decayed_weights(0.0625), optax.adam(0.01))))  # fmt: skip
    case("adam with decoupled decay", "adam", {"learningRate": 0.01, "weightDecay": 0.1},
         "torch.optim.Adam(lr=0.01, weight_decay=0.1, decoupled_weight_decay=True)",
         torch_run(lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=0.1, decoupled_weight_decay=True)),
         "optax.adamw", optax_run(optax.adamw(0.01, weight_decay=0.1)))  # fmt: skip
    case("rmsprop with coupled L2", "rmsprop", {"learningRate": 0.002, "l2": 0.0625},
         "torch.optim.RMSprop(lr=0.002, alpha=0.9, weight_decay=0.0625)",
         torch_run(lambda p: torch.optim.RMSprop(p, lr=0.002, alpha=0.9, weight_decay=0.0625)),
         "numpy", numpy_run(rms_rule(0.002, l2=0.0625)))  # fmt: skip
    case("rmsprop with momentum and decoupled decay", "rmsprop",
         {"learningRate": 0.002, "momentum": 0.9, "weightDecay": 0.1},
         "w ← w − ηλw, then torch.optim.RMSprop(lr=0.002, alpha=0.9, momentum=0.9)",
         torch_run(lambda p: torch.optim.RMSprop(p, lr=0.002, alpha=0.9, momentum=0.9), decay=[0.1] * 3),
         "numpy", numpy_run(rms_rule(0.002, momentum=0.9, shrink=0.1)))  # fmt: skip
    case("lion with coupled L2", "lion",
         {"learningRate": 0.005, "beta1": 0.9, "beta2": 0.99, "weightDecay": 0.0, "l2": 0.07},
         "optax.chain(add_decayed_weights(0.07), lion(0.005, b1=0.9, b2=0.99, weight_decay=0))",
         optax_run(optax.chain(optax.add_decayed_weights(0.07), optax.lion(0.005, weight_decay=0.0))),
         "numpy", numpy_run(lambda w, g, memory, step, n: lion_rule(0.005, 0.9, 0.99, 0.0)(
             w, g + 0.07 * w, memory, step, n)))  # fmt: skip

    def groups(strength):
        return lambda p: [{"params": [p[KERNEL], p[STACK]], "weight_decay": strength},
                          {"params": [p[BIAS]], "weight_decay": 0.0}]  # fmt: skip

    for factory, option, method in (
        ("sgd", "l2", torch.optim.SGD),
        ("adam", "l2", torch.optim.Adam),
        ("adamw", "weightDecay", torch.optim.AdamW),
    ):
        second = (
            heavy_ball(0.01, l2=[0.1, 0.0, 0.1])
            if factory == "sgd"
            else adam_rule(0.01, filtered=[True, False, True], **{"l2" if option == "l2" else "decay": 0.1})
        )
        case(f"{factory}, no {option} on vectors", factory,
             {"learningRate": 0.01, option: 0.1, "decayFilter": ["kernel", "stack"]},
             f"torch.optim.{method.__name__}(lr=0.01), weight_decay=0.1 in the group of kernel and stack, 0 in that of bias",
             torch_run(lambda p: method(groups(0.1)(p), lr=0.01)),
             "numpy", numpy_run(second))  # fmt: skip


def distances() -> None:
    def everywhere(params, start):
        return sum(0.05 * ((p - s) ** 2).sum() for p, s in zip(params, start, strict=True))

    def grouped(params, start):
        return 0.1 * ((params[KERNEL] - start[KERNEL]) ** 2).sum() + sum(
            0.02 * (params[n] ** 2).sum() for n in (BIAS, STACK)
        )

    def partly(params, start):
        return 0.3 * ((params[STACK] - start[STACK]) ** 2).sum()

    case("sgd with a distance penalty", "sgd", {"learningRate": 0.02, "distance": 0.05},
         "torch.optim.SGD(lr=0.02), autograd of 0.05·Σ‖W − W₀‖²",
         torch_run(lambda p: torch.optim.SGD(p, lr=0.02), penalty=everywhere),
         "numpy", numpy_run(heavy_ball(0.02, distance=0.05)))  # fmt: skip
    groups = [{"strength": 0.1, "filter": "kernel"}, {"strength": 0.02, "from": "zero"}]
    case("adam with a distance penalty in groups", "adam", {"learningRate": 0.01, "distance": groups},
         "torch.optim.Adam(lr=0.01), autograd of 0.1·‖W − W₀‖² (kernel) + 0.02·‖W‖² (the others)",
         torch_run(lambda p: torch.optim.Adam(p, lr=0.01), penalty=grouped),
         "numpy", numpy_run(adam_rule(0.01, distance=[(0.1, False), (0.02, True), (0.02, True)])))  # fmt: skip
    case("momentum with a distance penalty on one tensor, after clipping", "momentum",
         {"learningRate": 0.01, "momentum": 0.9, "clipNorm": 5,
          "distance": [{"strength": 0.3, "filter": "stack", "from": "initial"}]},
         "clip_grad_norm_(5), then autograd of 0.3·‖W − W₀‖² (stack), then torch.optim.SGD(lr=0.01, momentum=0.9)",
         torch_run(lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9), penalty=partly, clip=clip_norm(5)),
         "numpy", numpy_run(heavy_ball(0.01, 0.9, distance=[0.0, 0.0, 0.3]), clip=numpy_clip_norm(5)))  # fmt: skip


def clipping() -> None:
    limit = 5
    clipped = sum(norm_of(sequence.gradients(t)) > limit for t in range(sequence.STEPS))
    if not 30 <= clipped <= 70:
        raise SystemExit(f"a limit of {limit} clips {clipped} of {sequence.STEPS} steps")
    for factory, options, oracle, method, rule in (
        ("sgd", {"learningRate": 0.05}, "SGD(lr=0.05)", lambda p: torch.optim.SGD(p, lr=0.05), heavy_ball(0.05)),
        ("momentum", {"learningRate": 0.01, "l2": 0.05}, "SGD(lr=0.01, momentum=0.9, weight_decay=0.05)",
         lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, weight_decay=0.05), heavy_ball(0.01, 0.9, l2=0.05)),
        ("adamw", {"learningRate": 0.01, "weightDecay": 0.1}, "AdamW(lr=0.01, weight_decay=0.1)",
         lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1), adam_rule(0.01, decay=0.1)),
    ):  # fmt: skip
        case(f"{factory} with the global norm clipped", factory, options | {"clipNorm": limit},
             f"clip_grad_norm_({limit}), then torch.optim.{oracle}", torch_run(method, clip=clip_norm(limit)),
             "numpy", numpy_run(rule, clip=numpy_clip_norm(limit)))  # fmt: skip
        case(f"{factory} with values clipped", factory, options | {"clipValue": 0.5},
             f"clip_grad_value_(0.5), then torch.optim.{oracle}", torch_run(method, clip=clip_value(0.5)),
             "numpy", numpy_run(rule, clip=lambda grads: [np.clip(g, -0.5, 0.5) for g in grads]))  # fmt: skip
    # Gradients so small that torch's 1e-6 counts.
    tiny = 2.0**-20
    case("sgd with a tiny norm clipped", "sgd", {"learningRate": 1e5, "clipNorm": 4e-6},
         "gradients·2⁻²⁰, clip_grad_norm_(4e-6), then torch.optim.SGD(lr=1e5)",
         torch_run(lambda p: torch.optim.SGD(p, lr=1e5), clip=clip_norm(4e-6), scale=tiny),
         "numpy", numpy_run(heavy_ball(1e5), clip=numpy_clip_norm(4e-6), scale=tiny), scale=tiny)  # fmt: skip


def accumulation() -> None:
    case("sgd, 4 micro-batches", "sgd", {"learningRate": 0.05, "accumulation": 4},
         "torch.optim.SGD(lr=0.05) on the mean of 4 gradients",
         torch_run(lambda p: torch.optim.SGD(p, lr=0.05), accumulation=4),
         "numpy", numpy_run(heavy_ball(0.05), accumulation=4))  # fmt: skip
    case("adam, 4 micro-batches", "adam", {"learningRate": 0.01, "accumulation": 4},
         "torch.optim.Adam(lr=0.01) on the mean of 4 gradients",
         torch_run(lambda p: torch.optim.Adam(p, lr=0.01), accumulation=4),
         "numpy", numpy_run(adam_rule(0.01), accumulation=4))  # fmt: skip
    case("momentum, 3 micro-batches, clipping and a schedule that counts updates", "momentum",
         {"learningRate": {"kind": "cosine", "initial": 0.02, "final": 0, "steps": 100}, "accumulation": 3, "clipNorm": 3},
         "clip_grad_norm_(3) of the mean of 3 gradients, torch.optim.SGD(lr=0.02, momentum=0.9), CosineAnnealingLR(100)",
         torch_run(lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.9), accumulation=3, clip=clip_norm(3),
                   scheduler=lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 100)),
         "numpy", numpy_run(heavy_ball(lambda t: 0.01 * (1 + math.cos(math.pi * t / 100)), 0.9), accumulation=3,
                            clip=numpy_clip_norm(3)))  # fmt: skip


def schedules() -> None:
    torch_schedules = torch.optim.lr_scheduler
    warm_cosine = {"kind": "joined",
                   "parts": [{"schedule": {"kind": "linear", "initial": 0.01, "final": 0.1, "steps": 20}, "steps": 20}],
                   "last": {"kind": "cosine", "initial": 0.1, "final": 0, "steps": 80}}  # fmt: skip
    for name, schedule, oracle, scheduler, second in (
        ("stairs", {"kind": "step-decay", "initial": 0.1, "factor": 0.5, "every": 30},
         "StepLR(step_size=30, gamma=0.5)", lambda o: torch_schedules.StepLR(o, 30, 0.5),
         optax.exponential_decay(0.1, 30, 0.5, staircase=True)),
        ("a cosine", {"kind": "cosine", "initial": 0.1, "final": 0.01, "steps": 100},
         "CosineAnnealingLR(100, eta_min=0.01)", lambda o: torch_schedules.CosineAnnealingLR(o, 100, eta_min=0.01),
         optax.cosine_decay_schedule(0.1, 100, alpha=0.1)),
        ("a line that ends", {"kind": "linear", "initial": 0.025, "final": 0.1, "steps": 60},
         "LinearLR(0.25, 1.0, 60)", lambda o: torch_schedules.LinearLR(o, 0.25, 1.0, 60),
         optax.linear_schedule(0.025, 0.1, 60)),
        ("an exponential", {"kind": "exponential", "initial": 0.1, "factor": 0.97, "every": 1},
         "ExponentialLR(0.97)", lambda o: torch_schedules.ExponentialLR(o, 0.97),
         optax.exponential_decay(0.1, 1, 0.97)),
        ("a warm-up and a cosine", warm_cosine,
         "SequentialLR([LinearLR(0.1, 1.0, 20), CosineAnnealingLR(80)], [20])",
         lambda o: torch_schedules.SequentialLR(
             o, [torch_schedules.LinearLR(o, 0.1, 1.0, 20), torch_schedules.CosineAnnealingLR(o, 80)], [20]),
         optax.join_schedules([optax.linear_schedule(0.01, 0.1, 20), optax.cosine_decay_schedule(0.1, 80)], [20])),
    ):  # fmt: skip
        case(f"sgd on {name}", "sgd", {"learningRate": schedule}, f"torch.optim.SGD(lr=0.1), {oracle}",
             torch_run(lambda p: torch.optim.SGD(p, lr=0.1), scheduler=scheduler),
             "optax.sgd", optax_run(optax.sgd(in_float64(second))))  # fmt: skip
    case("adamw on a warm-up and a cosine", "adamw", {"learningRate": warm_cosine, "weightDecay": 0.1},
         "torch.optim.AdamW(lr=0.1, weight_decay=0.1), SequentialLR as above",
         torch_run(lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.1), scheduler=scheduler),
         "optax.adamw", optax_run(optax.adamw(in_float64(second), weight_decay=0.1)))  # fmt: skip


def everything() -> None:
    case("nesterov with everything", "nesterov",
         {"learningRate": {"kind": "step-decay", "initial": 0.02, "factor": 0.5, "every": 25}, "momentum": 0.8,
          "l2": 0.05, "weightDecay": 0.1, "decayFilter": "kernel", "distance": 0.02, "clipNorm": 3, "accumulation": 2},
         "clip_grad_norm_(3) of the mean of 2 gradients, g ← g + 0.05w (kernel), autograd of 0.02·Σ‖W − W₀‖², "
         "w ← w − 0.1ηw (kernel), torch.optim.SGD(lr=0.02, momentum=0.8, nesterov=True), StepLR(25, 0.5)",
         torch_run(lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.8, nesterov=True), accumulation=2,
                   clip=clip_norm(3), l2=[0.05, 0.0, 0.0], decay=[0.1, 0.0, 0.0],
                   penalty=lambda params, start: sum(
                       0.02 * ((p - s) ** 2).sum() for p, s in zip(params, start, strict=True)),
                   scheduler=lambda o: torch.optim.lr_scheduler.StepLR(o, 25, 0.5)),
         "numpy", numpy_run(heavy_ball(lambda t: 0.02 * 0.5 ** (t // 25), 0.8, True, [0.05, 0.0, 0.0],
                                       [0.1, 0.0, 0.0], 0.02), accumulation=2, clip=numpy_clip_norm(3)))  # fmt: skip


for part in (plain_methods, decays, distances, clipping, accumulation, schedules, everything):
    part()
sequence.write(
    "optimizers.json",
    {
        "versions": {"torch": torch.__version__, "optax": optax.__version__, "jax": jax.__version__, "numpy": np.__version__},
        "precision": "float64, 10 digits; weights after each step named, tensors in the order of sequence.py",
        "cases": CASES,
    },
    "cases",
)
print(len(CASES), "cases")
