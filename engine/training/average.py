"""An exponential moving average of the trained weights: what is evaluated and saved where it was asked for.

    average_s = d_s * average_{s-1} + (1 - d_s) * weights_s,    d_s = min(decay, (1 + s) / (10 + s))

The second term of d_s lets the first updates forget the untrained weights (the warm-up of TensorFlow's
ExponentialMovingAverage).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class WeightAverage:
    """The average of ``parameters``, on their devices; they are not changed but inside ``in_place``."""

    def __init__(self, parameters: Sequence[tuple[str, nn.Parameter]], decay: float) -> None:
        """``parameters``: by name, the trained ones of the encoder; the average starts from what they hold."""
        self._parameters = [parameter for _, parameter in parameters]
        self._decay = decay
        self.tensors: dict[str, Tensor] = {name: parameter.detach().clone() for name, parameter in parameters}

    @torch.no_grad()
    def update(self, step: int, skipped: Tensor) -> None:
        """After update ``step`` = 1, 2, ...; ``skipped``: a boolean scalar on the device, true leaves all as it is."""
        decay = min(self._decay, (1 + step) / (10 + step))
        weight = torch.where(skipped, 0.0, 1 - decay)
        for averaged, parameter in zip(self.tensors.values(), self._parameters, strict=True):
            averaged.lerp_(parameter.detach(), weight.to(averaged.dtype))

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Inside, the parameters hold the average; then their own values again."""
        own = [parameter.data for parameter in self._parameters]
        for parameter, averaged in zip(self._parameters, self.tensors.values(), strict=True):
            parameter.data = averaged
        try:
            yield
        finally:
            for parameter, tensor in zip(self._parameters, own, strict=True):
                parameter.data = tensor
