"""The types of numpy arrays that evaluations pass around."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]  # vectors and scores
Ints = npt.NDArray[np.int64]  # indices, ranks and counts
Values = npt.NDArray[np.float64]  # measures
Flags = npt.NDArray[np.bool_]
