"""What an encoder returns: vectors, and how many texts had to be cut to fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Encoded:
    """n texts as vectors of D dimensions, in the order they were given; see ``DualEncoder.is_normalized``."""

    vectors: npt.NDArray[np.float32]  # [n, D]
    truncated: int  # texts longer than the encoder's limit, out of n
