"""The one way in which long work says how far it is, and may be abandoned."""

from __future__ import annotations

from collections.abc import Callable

# Called with what is being done, how much of it is done, and of how much (None: not known). It may raise to abandon the
# work; what it raises passes through.
Tick = Callable[[str, int, int | None], None]


def named(tick: Tick | None, what: str) -> Tick | None:
    """``tick`` under another name: for a part that does not know what it is a part of."""
    if tick is None:
        return None
    return lambda _, done, total: tick(what, done, total)


class Counter:
    """Counts work as it is done, and reports it.

    Attributes:
        done: so far.
    """

    def __init__(self, tick: Tick | None, what: str, total: int | None = None, *, every: int = 1) -> None:
        """``every``: reports at most once in so many, and when the ``total`` is reached."""
        self._tick, self._what, self._total, self._every = tick, what, total, every
        self.done = 0

    def advance(self, count: int = 1) -> None:
        """``count`` more are done."""
        before, self.done = self.done, self.done + count
        if self.done // self._every > before // self._every or self.done == self._total:
            self.report()

    def report(self, elsewhere: int = 0) -> None:
        """Says how far it is, with what another process has done meanwhile."""
        if self._tick is not None:
            self._tick(self._what, self.done + elsewhere, self._total)
