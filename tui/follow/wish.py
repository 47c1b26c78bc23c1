"""What a screen in sight wants to know besides the rows of all runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from engine.runs.folder import RunFolder

if TYPE_CHECKING:  # what only an open run needs is loaded after the first frame
    from tui.draw.lines import Kind


class Watch(msgspec.Struct, frozen=True):
    """A run whose details are wanted, and how."""

    folder: RunFolder
    smoothing: float | None = None  # of its curves; None: by the length of the run
    measures: frozenset[str] = frozenset()  # whose curves are to be made, besides the losses
    kind: Kind = "step"  # what the x axis of the charts measures
    over: tuple[RunFolder, ...] = ()  # runs whose curves lie over this one's


class Wish(msgspec.Struct, frozen=True):
    """It belongs to a screen, which keeps it: the feed serves the wishes of the screens that are in sight."""

    run: Watch | None = None
    study: str = ""  # whose state is wanted
    devices: bool = False
