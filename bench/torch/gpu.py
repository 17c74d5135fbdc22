"""torch on a GPU, for crate/core/examples/gpu-bench: one request a line, seconds a line back, "absent" for what is not there."""

import statistics
import sys

import torch


def timed(run, rounds, each=1):
    """The median of some rounds, in seconds a call, by events of the stream."""
    run()
    times = []
    for _ in range(rounds):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        for _ in range(each):
            run()
        end.record()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end) / 1e3 / each)
    return statistics.median(times)


def noise(size):
    weights = torch.zeros(size, device="cuda")
    return timed(lambda: weights.add_(torch.randn_like(weights), alpha=0.01), rounds=9, each=4)


def lanczos(size, steps):
    """PyHessian's own class on a diagonal matrix, as spectrum.py has it on the CPU."""
    import spectrum

    made = spectrum.pyhessian_on(size, "cuda")
    return timed(lambda: made.density(iter=steps, n_v=1), rounds=1)


def answer(line):
    work, *numbers = line.split()
    try:
        return {"noise": noise, "lanczos": lanczos}[work](*map(int, numbers))
    except ImportError:
        return "absent"
    finally:
        torch.cuda.empty_cache()


if not torch.cuda.is_available():
    print("absent: this torch has no CUDA")
    sys.exit()
print(torch.__version__, flush=True)
for request in sys.stdin:
    print(answer(request), flush=True)
