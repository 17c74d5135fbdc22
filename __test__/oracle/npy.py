"""Writes npy.json: files that numpy wrote, as hex, and what is in them.

    pip install numpy && python npy.py
"""

import io
import json
from pathlib import Path

import numpy as np
from numpy.lib import format as npy


def written(array, version=None):
    stream = io.BytesIO()
    npy.write_array(stream, array, version=version)
    return stream.getvalue().hex()


def case(name, array, version=None):
    return {
        "name": name,
        "file": written(array, version),
        "dtype": array.dtype.newbyteorder("=").name,
        "shape": list(array.shape),
        "values": [float(value) if np.isfinite(value) else str(value) for value in array.ravel(order="C")],
    }


def ramp(*shape):
    return np.arange(np.prod(shape, dtype=int)).reshape(shape)


kinds = ["f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?"]
edges = {
    "i4": np.array([-(2**31), 2**31 - 1], "i4"),
    "i8": np.array([-(2**53) + 1, 2**53 - 1], "i8"),
    "u8": np.array([0, 2**53 - 1], "u8"),
    "f4": np.array([np.nan, np.inf, -np.inf, -0.0, 1e-45, 3.4028235e38], "f4"),
    "f8": np.array([np.nan, 5e-324, 1.7976931348623157e308, 0.1], "f8"),
}
cases = [
    *[case(f"{kind}, rows", ramp(2, 3).astype(kind)) for kind in kinds],
    *[case(f"{kind}, columns", np.asfortranarray(ramp(2, 3, 4).astype(kind))) for kind in kinds],
    *[case(f"{kind}, big-endian", ramp(2, 3).astype(np.dtype(kind).newbyteorder(">"))) for kind in kinds],
    *[case(f"{kind}, edges", array) for kind, array in edges.items()],
    *[case(f"format {version}", ramp(3).astype("f4"), version) for version in [(1, 0), (2, 0), (3, 0)]],
    case("a scalar", np.array(-7, "i4")),
    case("nothing", np.zeros((0, 2), "f4")),
    case("a long shape", ramp(*[1] * 30, 2).astype("f4")),
]
refused = {
    "half": written(np.zeros(2, "f2")),
    "complex": written(np.zeros(2, "c8")),
    "text": written(np.array(["a", "bc"])),
    "records": written(np.zeros(2, [("a", "f4"), ("b", "i4")])),
    "dates": written(np.zeros(2, "M8[s]")),
    "int64 beyond 2^53": written(np.array([2**53], "i8")),
}
content = {"versions": {"numpy": np.__version__}, "cases": cases, "refused": refused}
(Path(__file__).parent / "npy.json").write_text(json.dumps(content, indent=1) + "\n")
