"""The web server: one page, its scripts and fonts, and a websocket that each time starts a dashboard of its own.

textual-serve brings the terminal for the browser and the talk with a Textual process. Its own server is not used: it
asks for no token, looks at no header, and its page fetches a font from the network.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
from collections.abc import Awaitable, Callable
from html import escape
from pathlib import Path
from typing import Any

import textual_serve
from aiohttp import WSMsgType, web
from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

from tui.web.gate import Gate

_ASSETS = Path(__file__).parent / "assets"
_STATIC = Path(textual_serve.__file__).parent / "static"
_LARGEST = 1000  # columns or lines
_HEARTBEAT_SECONDS = 15.0
_GOODBYE_SECONDS = 5.0  # for browsers to close and dashboards to end
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self' data:; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",  # the address is a secret
    "X-Content-Type-Options": "nosniff",
}

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _Session(AppService):
    """A dashboard in a process of its own, and the browser that shows it."""

    async def run(self) -> None:
        """Where the process could not even start, the browser is told too: textual-serve leaves it waiting."""
        try:
            await super().run()
        finally:
            await self.remote_close()


class DashboardServer:
    """Serves ``command``, a shell command that starts a dashboard."""

    def __init__(self, command: str, gate: Gate, title: str, theme: str = "dark") -> None:
        """``theme``: "light" or "dark", of what surrounds the dashboard."""
        self._command = command
        self._gate = gate
        self._title = title
        self._theme = theme
        self._downloads = DownloadManager()
        self._sessions: set[asyncio.Task[Any]] = set()

    async def serve(self, listening: socket.socket, ready: Callable[[], None]) -> None:
        """Serves until it is cancelled; ``ready`` is called once requests are answered."""
        runner = web.AppRunner(self.application(), access_log=None, shutdown_timeout=_GOODBYE_SECONDS)
        await runner.setup()
        try:
            await web.SockSite(runner, listening).start()
            ready()
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()

    def application(self) -> web.Application:
        application = web.Application(middlewares=[self._guard])
        root = f"/{self._gate.token}"
        application.add_routes(
            [
                web.get(root, self._add_slash),
                web.get(f"{root}/", self._page),
                web.get(f"{root}/ws", self._websocket),
                web.get(f"{root}/download/{{key}}", self._download),
                web.static(f"{root}/assets", _ASSETS),
                web.static(f"{root}/static", _STATIC),
            ]
        )
        application.on_shutdown.append(self._say_goodbye)
        return application

    @web.middleware
    async def _guard(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        reason = self._gate.refusal(
            request.rel_url.raw_path,
            request.host,
            request.headers.get("Origin"),
            is_websocket="Upgrade" in request.headers or request.path.endswith("/ws"),
        )
        if reason is not None:
            return web.Response(status=403, text=f"hybrid-tui: {reason}\n", headers=_HEADERS)
        response = await handler(request)
        if not response.prepared:
            response.headers.update(_HEADERS)
        return response

    async def _add_slash(self, request: web.Request) -> web.StreamResponse:
        raise web.HTTPPermanentRedirect(f"{request.rel_url.raw_path}/")

    async def _page(self, request: web.Request) -> web.StreamResponse:
        page = (_ASSETS / "page.html").read_text(encoding="utf-8")
        page = page.replace("THEME", escape(self._theme)).replace("TITLE", escape(self._title))
        return web.Response(text=page, content_type="text/html")

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        websocket = web.WebSocketResponse(heartbeat=_HEARTBEAT_SECONDS)
        await websocket.prepare(request)
        session = _Session(
            self._command,
            write_bytes=websocket.send_bytes,
            write_str=websocket.send_str,
            close=_closing(websocket),
            download_manager=self._downloads,
        )
        task = asyncio.current_task()
        assert task is not None
        self._sessions.add(task)
        try:
            await session.start(_cells(request.query.get("width"), 80), _cells(request.query.get("height"), 24))
            await _take_messages(websocket, session)
        except asyncio.CancelledError:  # the server ends
            await websocket.close()
        finally:
            self._sessions.discard(task)
            await session.stop()
        return websocket

    async def _download(self, request: web.Request) -> web.StreamResponse:
        """A file that a dashboard hands out, a screenshot say."""
        key = request.match_info["key"]
        try:
            download = await self._downloads.get_download_metadata(key)
        except KeyError:
            raise web.HTTPNotFound from None
        response = web.StreamResponse(headers={**_HEADERS, "Content-Type": "application/octet-stream"})
        name = "".join(letter for letter in download.file_name if letter.isalnum() or letter in "-_. ")
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        await response.prepare(request)
        async for chunk in self._downloads.download(key):
            await response.write(chunk)
        await response.write_eof()
        return response

    async def _say_goodbye(self, _: web.Application) -> None:
        sessions = set(self._sessions)
        for task in sessions:
            task.cancel()
        if sessions:
            await asyncio.wait(sessions, timeout=_GOODBYE_SECONDS)


def _closing(websocket: web.WebSocketResponse) -> Callable[[], Awaitable[None]]:
    async def close() -> None:
        await websocket.close()

    return close


async def _take_messages(websocket: web.WebSocketResponse, session: AppService) -> None:
    """What the browser sends, until it is gone."""
    async for message in websocket:
        if message.type is WSMsgType.TEXT:
            with contextlib.suppress(AttributeError, LookupError, TypeError, ValueError):  # of another form: left out
                await _take(json.loads(message.data), websocket, session)


async def _take(envelope: Any, websocket: web.WebSocketResponse, session: AppService) -> None:
    """``envelope`` is [kind, data]. Raises as Python does where it is of another form."""
    kind = envelope[0]
    if kind == "stdin":
        await session.send_bytes(envelope[1].encode("utf-8", "replace"))
    elif kind == "resize":
        await session.set_terminal_size(_cells(envelope[1]["width"], 80), _cells(envelope[1]["height"], 24))
    elif kind == "ping":
        await websocket.send_json(["pong", envelope[1]])
    elif kind == "focus":
        await session.focus()
    elif kind == "blur":
        await session.blur()


def _cells(value: Any, default: int) -> int:
    try:
        return min(max(int(value), 1), _LARGEST)
    except (TypeError, ValueError):
        return default


def quiet_logging() -> None:
    """Errors only: what textual-serve logs besides is of use to who writes it."""
    logging.getLogger("textual-serve").setLevel(logging.ERROR)
