"""Writes safetensors.json: a file of the reference implementation, as hex, and what is in it.

    pip install safetensors numpy && python safetensors.py
"""

import json
import sys
from pathlib import Path

here = Path(__file__).parent
# This file has the name of the package.
sys.path = [path for path in sys.path if Path(path or ".").resolve() != here.resolve()]

import numpy as np  # noqa: E402
import safetensors  # noqa: E402
from safetensors.numpy import save  # noqa: E402

tensors = {
    "dense/kernel": np.array([[1.5, -0.0], [np.inf, 1e-45]], dtype=np.float32),
    "empty": np.zeros((0, 2), dtype=np.float32),
    "iter": np.array(-7, dtype=np.int32),
    "mask": np.array([True, False, True]),
}
names = {"float32": "float32", "int32": "int32", "bool": "bool"}
content = {
    "versions": {"safetensors": safetensors.__version__, "numpy": np.__version__},
    "file": save(tensors, {"framework": "numpy"}).hex(),
    "tensors": [
        {"name": name, "dtype": names[str(value.dtype)], "shape": list(value.shape), "hex": value.tobytes().hex()}
        for name, value in tensors.items()
    ],
}
(here / "safetensors.json").write_text(json.dumps(content, indent=1) + "\n")
