"""NEWS2 from the RCP's chart, written by an outsider to the product: the oracle of test_score.py.

Straight from the printed table, with Decimals; interval arithmetic for what is missing. No code is shared with anything.
"""

from __future__ import annotations

from decimal import Decimal, ROUND_HALF_UP

ORDER = ["respiration", "spo2", "oxygen", "systolic", "pulse", "consciousness", "temperature"]


def rounded(value, step: str) -> Decimal:
    """Half up, to the parameter's step. Negative numbers do not occur."""
    return Decimal(str(value)).quantize(Decimal(step), ROUND_HALF_UP)


def respiration(value) -> int:
    n = int(rounded(value, "1"))
    return 3 if n <= 8 else 1 if n <= 11 else 0 if n <= 20 else 2 if n <= 24 else 3


def spo2_scale_1(value) -> int:
    n = int(rounded(value, "1"))
    return 3 if n <= 91 else 2 if n <= 93 else 1 if n <= 95 else 0


def spo2_scale_2(value, on_oxygen: bool) -> int:
    n = int(rounded(value, "1"))
    if n <= 83:
        return 3
    if n <= 85:
        return 2
    if n <= 87:
        return 1
    if n <= 92 or not on_oxygen:
        return 0
    return 1 if n <= 94 else 2 if n <= 96 else 3


def systolic(value) -> int:
    n = int(rounded(value, "1"))
    return 3 if n <= 90 else 2 if n <= 100 else 1 if n <= 110 else 0 if n <= 219 else 3


def pulse(value) -> int:
    n = int(rounded(value, "1"))
    return 3 if n <= 40 else 1 if n <= 50 else 0 if n <= 90 else 1 if n <= 110 else 2 if n <= 130 else 3


def temperature(value) -> int:
    n = rounded(value, "0.1")
    if n <= Decimal("35.0"):
        return 3
    if n <= Decimal("36.0"):
        return 1
    if n <= Decimal("38.0"):
        return 0
    return 1 if n <= Decimal("39.0") else 2


def score(line: dict) -> dict:
    """The answer that the `score` command owes for this line (without its optional extras)."""
    scale = line.get("spo2Scale", 1)
    oxygen = line.get("oxygen")
    known: dict[str, int] = {}
    bounds: dict[str, tuple[int, int]] = {}
    for key, function in (("respiration", respiration), ("systolic", systolic), ("pulse", pulse), ("temperature", temperature)):
        if key in line:
            known[key] = function(line[key])
        else:
            bounds[key] = (0, 3 if key != "temperature" else 3)
    if "consciousness" in line:
        known["consciousness"] = 0 if line["consciousness"] == "A" else 3
    else:
        bounds["consciousness"] = (0, 3)
    if oxygen is not None:
        known["oxygen"] = 2 if oxygen else 0
    else:
        bounds["oxygen"] = (0, 2)
    low = high = 0
    if "spo2" not in line:
        bounds["spo2"] = (0, 3)
    elif scale == 1:
        known["spo2"] = spo2_scale_1(line["spo2"])
    elif oxygen is not None:
        known["spo2"] = spo2_scale_2(line["spo2"], bool(oxygen))
    else:
        air, treated = spo2_scale_2(line["spo2"], False), spo2_scale_2(line["spo2"], True)
        if air == treated:
            known["spo2"] = air
        else:
            bounds["spo2"] = (air, treated)
    low = sum(known.values()) + sum(b[0] for b in bounds.values())
    high = sum(known.values()) + sum(b[1] for b in bounds.values())
    band = "high" if low >= 7 else "medium" if low >= 5 else "lowMedium" if 3 in known.values() else "low" if low >= 1 else "none"
    return {"low": low, "high": high, "complete": not bounds, "band": band, "points": known}
