"""``hooks.on_end``: the user's own command for every end of a run."""

from __future__ import annotations

import os
import shlex
import subprocess

from engine.alerts.rules import Ending
from engine.runs.folder import RunFolder


def start_end_hook(folder: RunFolder, command: str, ending: Ending) -> subprocess.Popen[bytes]:
    """Starts the command with the run folder as its last argument and the end in its environment.

    Raises:
        OSError: it cannot be run.
        ValueError: its words cannot be told apart, as of an open quote.
    """
    # As bytes: no locale need know the letters of an error.
    environment = {
        b"HYBRID_TUI_RUN": os.fsencode(folder.id),
        b"HYBRID_TUI_STATE": ending.state.encode(),
        b"HYBRID_TUI_STEP": str(ending.step).encode(),
        b"HYBRID_TUI_ATTEMPT": str(ending.attempt).encode(),
        b"HYBRID_TUI_REASON": ending.reason.encode(),
    }
    words = [*shlex.split(command), str(folder.path)]
    return subprocess.Popen(words, stdin=subprocess.DEVNULL, env=os.environb | environment)
