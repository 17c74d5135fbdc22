"""Writes intervals.json: the t that 95 % of Student's distribution lie within, in float64.

    pip install scipy mpmath && python intervals.py
"""

import json
from pathlib import Path

import mpmath
import scipy
from scipy.stats import t

DEGREES = [1, 2, 3, 4.5, 7, 9, 15, 31, 99, 198.7, 1000, 1e5, 1e7]


def second(degrees: float) -> float:
    """The same from the incomplete beta function, to 30 digits."""
    mpmath.mp.dps = 30
    share = lambda x: 1 - mpmath.betainc(degrees / 2, 0.5, 0, degrees / (degrees + x**2), regularized=True) - 0.95
    return float(mpmath.findroot(share, float(t.ppf(0.975, degrees))))


ROWS = []
for degrees in DEGREES:
    value = second(degrees)
    if not abs(value / float(t.ppf(0.975, degrees)) - 1) < 1e-9:
        raise SystemExit(f"scipy and mpmath differ at {degrees}")
    ROWS.append({"degrees": degrees, "t": value})
FOUND = {"versions": {"scipy": scipy.__version__, "mpmath": mpmath.__version__}, "precision": "float64", "rows": ROWS}
Path(__file__).with_suffix(".json").write_text(json.dumps(FOUND, indent=1) + "\n")
