"""The scale of a loss that is trained in float16.

Many gradients are smaller than what float16 can hold, so the loss is multiplied by a large factor before the backward
pass, and the gradients are divided by it afterwards (Micikevicius et al. 2018, 1710.03740). The factor is found by
trial: where a gradient overflows, the update is left out (engine.training.skipping) and the factor halved; after 2,000
updates without that it is doubled.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

_FIRST = 2.0**16
_LARGEST = 2.0**127  # in float32
_UPDATES = 2000  # without an overflow, before the scale is doubled


class LossScaler:
    """An update is ``scale``, the backward pass, ``unscale``, ``adapt``. None of them waits for a GPU.

    Attributes:
        factor: a scalar on the device.
    """

    def __init__(self, device: torch.device) -> None:
        self.factor = torch.tensor(_FIRST, device=device)
        self._tracker = torch.tensor(0, device=device)  # updates since the last that was left out, or the last doubling

    def scale(self, loss: Tensor) -> Tensor:
        return loss * self.factor

    @torch.no_grad()
    def unscale(self, parameters: Iterable[nn.Parameter]) -> None:
        """Divides the gradients by the scale, once they are whole."""
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        torch._foreach_mul_(gradients, self.factor.double().reciprocal().float())

    @torch.no_grad()
    def adapt(self, skipped: Tensor) -> None:
        """The next scale. ``skipped``: a boolean scalar on the device, whether this update was left out."""
        tracker = torch.where(skipped, 0, self._tracker + 1)
        is_time = tracker == _UPDATES
        larger = torch.where(is_time, (self.factor * 2).clamp(max=_LARGEST), self.factor)
        self.factor = torch.where(skipped, self.factor / 2, larger)
        self._tracker = torch.where(is_time, 0, tracker)

    def state(self) -> dict[str, Tensor]:
        """All that decides the next scales, for ``load_state``. Waits for the device."""
        return {"scale": self.factor.cpu().double(), "growth_tracker": self._tracker.cpu()}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """
        Raises:
            KeyError: it is no state of a scaler.
        """
        self.factor = state["scale"].to(self.factor)
        self._tracker = state["growth_tracker"].to(self._tracker)
