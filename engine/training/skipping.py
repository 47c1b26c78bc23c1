"""Updates whose gradient is not finite: they are left out, counted and told.

One NaN in a gradient makes NaN of every weight, for ever. So an update whose gradient norm is infinite or NaN changes
neither weights nor moments. The device decides, and the host learns of it an update or two later: nothing waits.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from engine.training.errors import NonFiniteError
from engine.training.optimizer import update_weights
from engine.training.scaling import LossScaler
from engine.training.step_values import StepValues

_TOO_SMALL = 1.0  # a loss scale that shrinks gradients: the model's own values overflow, whatever the scale


class SkippedUpdates:
    """Carries out updates, and knows which of them were left out.

    In float16 an overflow is how the scale is found. It counts as one "in a row" only where no scale can be the cause.

    Attributes:
        count: updates left out, as far as the host knows.
        in_a_row: those since the last update that was not.
    """

    def __init__(self, most_in_a_row: int) -> None:
        """``most_in_a_row``: ``check`` raises for as many; 0: it never does."""
        self.count = self.in_a_row = 0
        self._most = most_in_a_row
        self._outcomes: deque[tuple[int, StepValues]] = deque()  # those that are not counted yet
        self._notes: list[str] = []
        self._failure: str | None = None
        self._began = False

    @torch.no_grad()
    def step(self, optimizer: torch.optim.Optimizer, norm: Tensor, scaler: LossScaler | None) -> Tensor:
        """An update, unless ``norm``, the gradient's, is not finite; ``append`` then takes what became of it.

        Returns:
            A boolean scalar on the device: whether the update was left out.
        """
        skipped = ~torch.isfinite(norm)
        # What torch's own gradient scaler hands to a fused optimizer.
        optimizer.found_inf = skipped.to(torch.float32)  # type: ignore[attr-defined]
        update_weights(optimizer)
        del optimizer.found_inf  # type: ignore[attr-defined]
        if scaler is not None:
            scaler.adapt(skipped)
        return skipped

    def append(self, step: int, values: StepValues) -> None:
        """The numbers of update ``step`` = 1, 2, ...; they are counted once they are on the host."""
        self._outcomes.append((step, values))

    def take_notes(self) -> tuple[str, ...]:
        """A line for the first update that was left out and for every power of two, since this was called last."""
        self._count()
        notes, self._notes = tuple(self._notes), []
        return notes

    def check(self, *, wait: bool = False) -> None:
        """``wait``: for the device, so that every update is known.

        Raises:
            NonFiniteError: too many updates in a row were left out.
        """
        self._count(wait=wait)
        if self._failure is not None:
            raise NonFiniteError(self._failure)

    def began(self) -> bool:
        """Whether a row of updates that were left out began since this was called last, as far as the host knows."""
        self._count()
        began, self._began = self._began, False
        return began

    def state(self) -> tuple[int, int]:
        """``count`` and ``in_a_row`` for ``load_state``; waits for the device."""
        self._count(wait=True)
        return self.count, self.in_a_row

    def load_state(self, count: int, in_a_row: int) -> None:
        self.count, self.in_a_row = count, in_a_row
        self._outcomes.clear()
        self._notes, self._failure, self._began = [], None, False

    def _count(self, *, wait: bool = False) -> None:
        while self._outcomes and (wait or self._outcomes[0][1].has_arrived()):
            step, values = self._outcomes.popleft()
            if math.isfinite(values.grad_norm):
                self.in_a_row = 0
                continue
            self.count += 1
            scale = values.scale
            if scale is None or scale < _TOO_SMALL:
                self.in_a_row += 1
                self._began |= self.in_a_row == 1
            if self.in_a_row == self._most > 0:
                self._failure = (
                    f"optimizer.max_nonfinite: {self.in_a_row} updates in a row were left out, up to step {step:,},"
                    " because their gradients are infinite or NaN"
                )
            if not self.count & (self.count - 1):  # 1, 2, 4, ...
                self._notes.append(_note(step, self.count, scale))


def all_finite(tensors: Iterable[Tensor]) -> bool:
    """Whether no number in them is infinite or NaN; waits for the device."""
    return bool(nn.utils.get_total_norm(floating(tensors), math.inf).isfinite())


def floating(tensors: Iterable[Tensor]) -> list[Tensor]:
    """Those of them that can be infinite or NaN, without gradients."""
    return [tensor.detach() for tensor in tensors if tensor.is_floating_point() and tensor.numel()]


def _note(step: int, count: int, scale: float | None) -> str:
    times = "" if count == 1 else f", {count:,} updates by now"
    if scale is None:
        return f"step {step:,}: the gradient is infinite or NaN, its update is left out{times}"
    # The first ones are the search for a scale; a run that goes on like that has another problem.
    cause = ': this model does not fit float16, set runtime.precision to "float32"' if scale < _TOO_SMALL else ""
    return (
        f"step {step:,}: the gradient overflows float16, its update is left out and the loss scale halved to {scale:g}"
        f"{times}{cause}"
    )
