"""Who may reach a served dashboard: whoever knows its address, from a page that the dashboard itself has sent.

The address holds a token that nobody can guess. That keeps out other users of the machine, and any web page that the
browser has open beside this one. The two checks behind it are for a token that has become known: a page of another
site cannot open the websocket (``Origin``), and a name that somebody points at this machine does not reach it
(``Host``, against DNS rebinding).
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

_TOKEN_BYTES = 24


def new_token() -> str:
    """192 random bits that can stand in an address."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens at ``host``, a name or an address."""
    return host == "localhost" or _is_address(host, loopback_only=True)


@dataclass(frozen=True, slots=True)
class Gate:
    """``host``: what the server listens at, as the person wrote it."""

    token: str
    host: str

    def refusal(self, path: str, host: str, origin: str | None, *, is_websocket: bool = False) -> str | None:
        """Why a request gets 403; None where it is let in.

        Args:
            path: of the request, as "/TOKEN/static/page.css".
            host: the header Host, as "127.0.0.1:8000"; with a port forward its port may be another than the server's.
            origin: the header Origin; browsers send it with every websocket.
        """
        if not hmac.compare_digest(path.lstrip("/").partition("/")[0].encode(), self.token.encode()):
            return "the address is not whole: open it as `hybrid-tui serve` printed it"
        if not self._is_known(_name(host)):
            return "this machine is not known by that name: open the address as `hybrid-tui serve` printed it"
        if origin is None:
            return "a websocket needs the header Origin" if is_websocket else None
        return None if urlsplit(origin).netloc == host else "the request comes from a page of another site"

    def _is_known(self, name: str) -> bool:
        """Addresses are: whoever rebinds a name has the browser send that name."""
        if name == "localhost":
            return True
        if is_loopback(self.host):
            return _is_address(name, loopback_only=True)
        return _is_address(name) or name in {self.host.lower(), socket.gethostname().lower(), socket.getfqdn().lower()}


def _name(host: str) -> str:
    """The header Host without port and brackets; empty where it cannot be read."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_address(text: str, *, loopback_only: bool = False) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return address.is_loopback or not loopback_only
