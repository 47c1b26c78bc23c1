"""Where ranks find each other: torch's store, on a port that is free."""

from __future__ import annotations

import socket

from torch._C._distributed_c10d import TCPStore

LOOPBACK = "127.0.0.1"


def listen(host: str = LOOPBACK) -> TCPStore:
    """A store that listens on a free port of ``host`` alone; on every interface where that is empty."""
    listening = socket.create_server((host, 0))
    port = listening.getsockname()[1]
    return TCPStore(
        LOOPBACK, port, is_master=True, wait_for_workers=False, multi_tenant=True, master_listen_fd=listening.detach()
    )
