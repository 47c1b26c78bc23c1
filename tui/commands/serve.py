"""``serve``: the dashboard in a browser, on this machine or through a port forward."""

from __future__ import annotations

import argparse
import asyncio
import os
import shlex
import signal
import socket
import sys
from collections.abc import Coroutine
from typing import Any

from engine.config import ConfigError
from engine.runs.folder import runs_home
from engine.runs.logout import user_name
from tui.commands.dashboard import settings_for
from tui.web.gate import Gate, is_loopback, new_token

_LARGEST_PORT = 65535
# Of the terminal that the server was started in; what a browser shows is another one.
_OF_THE_TERMINAL = ("COLORFGBG", "COLORTERM", "STY", "TMUX", "COLUMNS", "LINES")


def serve(options: argparse.Namespace) -> int:
    """Serves the dashboard until it is interrupted.

    Raises:
        ConfigError: textual-serve is not installed, the address cannot be listened at, or it is one that other machines
            can reach and that was not asked for.
    """
    settings, problem = settings_for(options)
    if problem:
        print(f"hybrid-tui: {problem}", file=sys.stderr)
    if not is_loopback(options.host) and not options.expose_unencrypted:
        raise ConfigError(
            f"--host: {options.host} can be reached from other machines, and nothing is encrypted: forward a port "
            "instead (ssh -L), or add --expose-unencrypted"
        )
    try:
        from tui.web.server import DashboardServer, quiet_logging
    except ModuleNotFoundError:
        raise ConfigError("serve needs textual-serve: pip install 'hybrid-tui[web]'") from None
    quiet_logging()
    listening = _listen(options.host, options.port)
    for name in _OF_THE_TERMINAL:
        os.environ.pop(name, None)
    os.environ["TERM"] = "xterm-256color"
    gate = Gate(new_token(), options.host)
    server = DashboardServer(_dashboard_command(options), gate, f"hybrid-tui {runs_home(options.runs)}", settings.theme)
    lines = _addresses(options.host, listening.getsockname()[1], gate.token)
    return asyncio.run(_until_interrupted(server.serve(listening, lambda: print("\n".join(lines), flush=True))))


async def _until_interrupted(serving: Coroutine[Any, Any, None]) -> int:
    """Ctrl-C and SIGTERM end it in order: every dashboard is left, and nothing is waited for in vain."""
    task = asyncio.create_task(serving)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # which is nohup's
            loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        print("left; runs go on", flush=True)
    return 0


def _dashboard_command(options: argparse.Namespace) -> str:
    """What a shell starts for each page that is open."""
    command = [sys.executable, "-P", "-m", "tui.cli", "--runs", str(runs_home(options.runs))]
    for name in ("charset", "theme", "settings"):
        if (value := getattr(options, name)) is not None:
            command += [f"--{name}", str(value)]
    if options.no_mouse:
        command.append("--no-mouse")
    return f"exec {shlex.join(command)}"


def _listen(host: str, port: int) -> socket.socket:
    """
    Raises:
        ConfigError: there is no such address here, or another program has the port.
    """
    if port > _LARGEST_PORT:
        raise ConfigError(f"--port: {port} is above {_LARGEST_PORT}, the last there is")
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"--host, --port: cannot listen at {host}, port {port}: {reason}") from None


def _addresses(host: str, port: int, token: str) -> list[str]:
    """What the person is told."""
    shown = f"[{host}]" if ":" in host else host
    if host in ("0.0.0.0", "::", ""):
        shown = socket.gethostname()
    lines = [f"http://{shown}:{port}/{token}/", ""]
    if is_loopback(host):
        there = shlex.quote(f"{user_name()}@{socket.gethostname()}")
        lines += [
            "from another machine, forward the port first, and open the same address there:",
            f"  ssh -N -L {port}:{shown}:{port} {there}",
        ]
    else:
        lines.append("nothing is encrypted: whoever can listen on the network learns this address")
    lines += ["", "whoever has the address works with your runs and files as you do; Ctrl-C ends this, and no run"]
    return lines
