"""Between the agents of several machines: each counts up in the first one's store, and hears the others count.

A process that dies closes its connections, and the ranks of other machines notice. A machine that vanishes closes
nothing, and between two orders of rank 0 the ranks wait without a timeout (engine.distributed.ranks).
"""

from __future__ import annotations

import contextlib
import os
import threading

from torch._C._distributed_c10d import Store

_BEAT_SECONDS = 3.0
_LISTEN_SECONDS = 1.0
_SILENT_SECONDS = 30.0


class Heartbeat:
    """From the start of a machine's ranks until ``close``.

    Attributes:
        lost: the machine that has been silent too long; the first one where its store no longer answers.
        fd: can be read from as soon as ``lost`` is set.
    """

    def __init__(self, store: Store, node: int, nodes: int) -> None:
        """``store``: a connection of its own, since each call has the connection to itself until it is answered."""
        self._store, self._node = store, node
        self._counts = {peer: 0 for peer in range(nodes) if peer != node}  # as last heard
        self.lost: int | None = None
        self.fd, self._announce = os.pipe()
        self._closed = threading.Event()
        # Two threads, for a call to a machine that has vanished does not return for many minutes.
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()
        self._listener = threading.Thread(target=self._listen, name="heartbeats", daemon=True)
        self._listener.start()

    def close(self) -> None:
        """Falls silent; nobody may wait for ``fd`` any longer."""
        self._closed.set()
        self._listener.join()
        os.close(self._announce)
        os.close(self.fd)

    def _beat(self) -> None:
        while True:
            with contextlib.suppress(RuntimeError):  # of a store that is gone: then nobody is heard
                self._store.add(_key(self._node), 1)
                for peer in self._counts:
                    self._counts[peer] = self._store.add(_key(peer), 0)
            if self._closed.wait(_BEAT_SECONDS):
                return

    def _listen(self) -> None:
        """Counts its own looks and not the time, which goes on where this machine is suspended."""
        before, silent = dict(self._counts), dict.fromkeys(self._counts, 0)
        while not self._closed.wait(_LISTEN_SECONDS):
            heard = dict(self._counts)
            silent = {peer: silent[peer] + 1 if heard[peer] == before[peer] else 0 for peer in heard}
            before = heard
            for peer, looks in silent.items():
                if looks * _LISTEN_SECONDS >= _SILENT_SECONDS:
                    self.lost = peer
                    os.write(self._announce, b".")
                    return


def _key(node: int) -> str:
    return f"hybrid-tui/heartbeat/{node}"
