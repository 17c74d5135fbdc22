"""Time inside of a work that is no part of what it measures."""

import time
from contextlib import contextmanager


class Aside:
    def __init__(self):
        self.seconds = 0.0

    @contextmanager
    def __call__(self):
        begun = time.perf_counter()
        yield
        self.seconds += time.perf_counter() - begun


aside = Aside()
