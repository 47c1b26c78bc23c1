"""The agent of every machine but the first of a run: its ranks join those of the first.

``python -m engine.worker.join HOME``, in the foreground: a batch scheduler that ends the job ends it too. Once its
ranks run, pause and stop are rank 0's to decide, so signals that mean pause are left to the first machine, which gets
them as well.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path

from engine import events
from engine.config import ConfigError
from engine.runs.folder import RunFolder, read_spec
from engine.runs.nodes import place_of_first, this_node
from engine.worker.agent import rank_arguments
from engine.worker.devices import share_cores, wait_for_devices
from engine.worker.session import PAUSE_SIGNALS


def main() -> int:
    home = Path(sys.argv[1])
    node = this_node()
    if node is None:
        raise ConfigError("nothing says which machine this is")
    share_cores()
    from engine.distributed.launch import accept, join, run_ranks

    def waiting() -> None:
        _say(f"waiting for the first machine at {place_of_first(node)}")

    waiting()  # now and not after the first vain try: a name that leads nowhere is seen at once
    store, invitation = accept(node, waiting)
    folder = RunFolder(Path(invitation.folder))
    if folder.path.parent.resolve() != home.resolve():
        raise ConfigError(f"the first machine's run is not in {home}: {folder.path}")
    runtime = read_spec(folder).config.runtime
    held = wait_for_devices(runtime, _Waiting(folder, lambda: store.check(["invitation"])))
    join(store, node, len(held.devices))
    for number in (signal.SIGHUP, *PAUSE_SIGNALS):
        signal.signal(number, signal.SIG_IGN)
    failure = run_ranks(
        rank_arguments(folder, invitation.attempt, held.devices),
        len(held.devices),
        host=node.host,
        port=node.port,
        run_id=folder.id,
        node=node.number,
        nodes=runtime.nodes,
    )
    if failure is not None:
        _say(f"rank {failure.rank} {failure.reason}")
    return 0 if failure is None else 1


class _Waiting:
    """The queue of a machine whose run is told of by another one."""

    def __init__(self, folder: RunFolder, ask_first: Callable[[], object]) -> None:
        self.folder, self._ask_first = folder, ask_first

    def emit(self, event: events.AnyEvent) -> None:
        if isinstance(event, events.Device) and event.waiting_for:
            _say(f"waiting for {event.waiting_for}")
        if isinstance(event, events.Warning):
            _say(event.message)

    def boundary(self, *, within: str) -> None:
        """There are no commands here; but the first machine may have given up."""
        self._ask_first()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (ConfigError, OSError, RuntimeError) as error:
        _say(f"hybrid-tui: {' '.join(str(error).split())}")
        sys.exit(1)
