"""The scale of a loss that is trained in float16.

Many gradients are smaller than what float16 can hold, so the loss is multiplied by a large factor before the backward
pass, and the gradients are divided by it afterwards (Micikevicius et al. 2018, 1710.03740). The factor is found by
trial: where a gradient overflows, the update is left out and the factor halved; after 2,000 updates without that it is
doubled.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import torch
from torch import Tensor

_TOO_SMALL = 1.0  # a factor that shrinks gradients: the model's own values overflow, whatever the factor


@dataclass(frozen=True, slots=True)
class _Outcome:
    """One update, as far as the host knows of it."""

    step: int  # 1 for the first update
    scales: Tensor  # [2] on the host: before and after
    copied: torch.cuda.Event | None  # when they are there; None: they are

    def is_known(self) -> bool:
        return self.copied is None or bool(self.copied.query())  # type: ignore[no-untyped-call]

    def wait(self) -> None:
        if self.copied is not None:
            self.copied.synchronize()


class LossScaler:
    """torch's gradient scaler, and what it left out.

    An update is ``scale``, the backward pass, ``unscale``, ``step``. None of them waits for a GPU.
    """

    def __init__(self, device: torch.device) -> None:
        self._scaler = torch.amp.GradScaler(device.type)
        self._one = torch.ones((), device=device)
        self._outcomes: deque[_Outcome] = deque()
        self._skipped = 0
        self._notes: list[str] = []

    def scale(self, loss: Tensor) -> Tensor:
        return self._scaler.scale(loss)

    def unscale(self, optimizer: torch.optim.Optimizer) -> None:
        """Divides the gradients of all that ``optimizer`` trains by the scale, once they are whole."""
        self._scaler.unscale_(optimizer)

    def step(self, optimizer: torch.optim.Optimizer, step: int) -> None:
        """Update ``step`` = 1, 2, ..., unless a gradient is not finite; then the next scale."""
        before = self.scale(self._one)
        self._scaler.step(optimizer)
        self._scaler.update()
        self._outcomes.append(_on_host(step, torch.stack((before, self.scale(self._one)))))

    def take_notes(self) -> tuple[str, ...]:
        """What became known since this was called last; on a GPU that is an update or two late."""
        while self._outcomes and self._outcomes[0].is_known():
            self._count(self._outcomes.popleft())
        notes, self._notes = tuple(self._notes), []
        return notes

    def state(self) -> dict[str, Tensor]:
        """All that decides the next updates and notes, for ``load_state``. Waits for the device."""
        for outcome in self._outcomes:
            outcome.wait()
            self._count(outcome)
        self._outcomes.clear()
        state = self._scaler.state_dict()
        return {
            "scale": torch.tensor(state["scale"], dtype=torch.float64),
            "growth_tracker": torch.tensor(state["_growth_tracker"]),  # updates since the last that was left out
            "skipped": torch.tensor(self._skipped),
        }

    def load_state(self, state: dict[str, Tensor]) -> None:
        """
        Raises:
            KeyError: it is no state of a scaler.
        """
        scale, tracker, skipped = (state[name].item() for name in ("scale", "growth_tracker", "skipped"))
        self._scaler.load_state_dict(self._scaler.state_dict() | {"scale": scale, "_growth_tracker": tracker})
        self._skipped = int(skipped)
        self._outcomes.clear()
        self._notes = []

    def _count(self, outcome: _Outcome) -> None:
        before, after = outcome.scales.tolist()
        if after >= before > 0:
            return
        self._skipped += 1
        if self._skipped & (self._skipped - 1):
            return  # neither the first nor a power of two
        times = "" if self._skipped == 1 else f", {self._skipped:,} updates by now"
        # The first ones are the search for a scale; a run that goes on like that has another problem.
        cause = ': this model does not fit float16, set runtime.precision to "float32"' if after < _TOO_SMALL else ""
        self._notes.append(
            f"step {outcome.step:,}: the gradient overflows float16, its update is left out and the loss scale halved"
            f" to {after:g}{times}{cause}"
        )


def _on_host(step: int, scales: Tensor) -> _Outcome:
    if not scales.is_cuda:
        return _Outcome(step, scales, None)
    copy = torch.empty(scales.shape, dtype=scales.dtype, pin_memory=True)
    copy.copy_(scales, non_blocking=True)
    copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
    copied.record(torch.cuda.current_stream(scales.device))
    return _Outcome(step, copy, copied)
