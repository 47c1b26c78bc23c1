"""The arithmetic of a curve over very many points at once: a run of a million steps opens in a blink.

numpy is imported where it is first needed, in the reader's thread: no first frame waits for it.
"""

from __future__ import annotations

import math
from array import array

BULK = 20_000  # points from which on it is worth it
_BLOCK = 1024
_EXPONENT = 200.0  # weights within a block stay below e^200


def smooth(values: array[float], beta: float, mean: float, power: float) -> tuple[array[float], float, float]:
    """What ``Curve`` does point by point: (bias-corrected means, last mean, last power).

    In blocks, s_i = beta^(i+1) (s_before + (1 - beta) sum_j beta^-(j+1) v_j): a cumulative sum.
    """
    import numpy as np

    found = array("d")
    if beta == 0.0:
        found.extend(values)
        return found, (values[-1] if values else mean), (0.0 if values else power)
    data = np.frombuffer(values, dtype=np.float64)
    block = max(1, min(_BLOCK, int(-_EXPONENT / math.log(beta))))
    weights = beta ** np.arange(1, block + 1, dtype=np.float64)
    for start in range(0, len(data), block):
        part = data[start : start + block]
        decay = weights[: len(part)]
        means = decay * (mean + (1.0 - beta) * np.cumsum(part / decay))
        found.frombytes((means / (1.0 - power * decay)).tobytes())
        mean, power = float(means[-1]), power * float(decay[-1])
    return found, mean, power


def coarser(low: array[float], high: array[float], fanout: int) -> tuple[array[float], array[float]]:
    """The next coarser level of the pyramid; both lengths are multiples of ``fanout``."""
    import numpy as np

    lows = np.frombuffer(low, dtype=np.float64).reshape(-1, fanout).min(axis=1)
    highs = np.frombuffer(high, dtype=np.float64).reshape(-1, fanout).max(axis=1)
    return array("d", lows.tobytes()), array("d", highs.tobytes())


def finite(steps: array[int], values: array[float]) -> tuple[array[int], array[float], array[int], array[float]]:
    """(steps, values) of the finite points, then of the others."""
    import numpy as np

    at, data = np.frombuffer(steps, dtype=np.int64), np.frombuffer(values, dtype=np.float64)
    kept = np.isfinite(data)
    if kept.all():
        return steps, values, array("q"), array("d")
    return (
        array("q", at[kept].tobytes()), array("d", data[kept].tobytes()),
        array("q", at[~kept].tobytes()), array("d", data[~kept].tobytes()),
    )  # fmt: skip


def of_code(codes: array[int], values: array[float], code: int, first_step: int) -> tuple[array[int], array[float]]:
    """(steps, values) where ``codes``, bytes, holds ``code``; index 0 is ``first_step``."""
    import numpy as np

    places = np.flatnonzero(np.frombuffer(codes, dtype=np.uint8) == code)
    data = np.frombuffer(values, dtype=np.float64)[places]
    return array("q", (places + first_step).astype(np.int64).tobytes()), array("d", data.tobytes())
