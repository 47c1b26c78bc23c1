"""What a dashboard does differently where a browser shows it: textual-serve starts one for every page that is open."""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from collections.abc import Mapping

_PATIENCE_SECONDS = 5.0  # for an orderly end


def is_served(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether Textual has been told to draw to something else than a terminal."""
    return bool(environment.get("TEXTUAL_DRIVER"))


def leave_with_server() -> None:
    """Ends this process when nobody reads its standard output any more, as after the server was killed.

    Textual would stay: it takes the end of its input for silence. Runs go on, as whenever a dashboard is left.
    """
    threading.Thread(target=_wait_for_server, args=(os.dup(1),), name="server", daemon=True).start()


def _wait_for_server(output: int) -> None:
    watch = select.poll()
    watch.register(output, 0)  # nothing but errors: a pipe whose other end is closed
    watch.poll()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_PATIENCE_SECONDS)
    os._exit(0)
