"""Whether anybody works on a run: what its lock says, and where the lock cannot tell, what its log ends with."""

from __future__ import annotations

import msgspec

from engine.runs.folder import RunFolder
from engine.runs.lock import Liveness, probe
from engine.runs.reader import RunReader
from engine.runs.state import FINAL_PHASES, RunState


def liveness_of(folder: RunFolder) -> Liveness:
    """As ``probe``; but a run that was left by a worker of another machine has no worker, on whatever machine.

    The log is read only where the lock does not tell.
    """
    liveness = probe(folder)
    if liveness.alive is not None or not liveness.has_locks:
        return liveness
    reader = RunReader(folder)
    reader.poll()
    return msgspec.structs.replace(liveness, alive=False) if was_left(reader.state, liveness) else liveness


def was_left(state: RunState, liveness: Liveness) -> bool:
    """Whether the last word of the log, be it paused, stopped, finished or failed, is that of the last worker."""
    owner = liveness.owner
    return state.phase in FINAL_PHASES and (owner is None or owner.attempt <= state.attempt)
