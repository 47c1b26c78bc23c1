"""A headless Chromium, driven through its DevTools protocol: a page as a person's browser shows it, network off."""

from __future__ import annotations

import asyncio
import base64
import itertools
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pyte
import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

KEYS = {"Enter": ("\r", 13), "Escape": ("", 27), "ArrowDown": ("", 40), "ArrowUp": ("", 38)}


class Page:
    """One tab. What it asks for and what it receives is kept."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._loaded = asyncio.Event()
        self.requests: list[str] = []  # addresses
        self.errors: list[str] = []  # what a console would show in red
        self.received: list[bytes] = []  # through websockets
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self._socket:
            event = message.json()
            if "id" in event:
                self._answers.pop(event["id"]).set_result(event)
                continue
            details = event.get("params", {})
            match event.get("method"):
                case "Network.requestWillBeSent":
                    self.requests.append(details["request"]["url"])
                case "Network.webSocketCreated":
                    self.requests.append(details["url"])
                case "Network.webSocketFrameReceived":
                    if details["response"]["opcode"] == 2:
                        self.received.append(base64.b64decode(details["response"]["payloadData"]))
                case "Log.entryAdded":
                    if details["entry"]["level"] == "error":
                        self.errors.append(details["entry"]["text"])
                case "Runtime.exceptionThrown":
                    self.errors.append(str(details["exceptionDetails"]))
                case "Page.loadEventFired":
                    self._loaded.set()

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._number)
        self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        answer = await asyncio.wait_for(self._answers[number], 60)
        assert "error" not in answer, answer
        return answer["result"]

    async def open(self, address: str, *, width: int = 1280, height: int = 800, dark: bool = False) -> None:
        for domain in ("Page", "Network", "Log", "Runtime"):
            await self.call(f"{domain}.enable")
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])
        self._loaded.clear()
        await self.call("Page.navigate", url=address)
        await asyncio.wait_for(self._loaded.wait(), 60)

    async def value_of(self, expression: str) -> Any:
        """Of JavaScript, a promise included."""
        answer = await self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def until(self, condition: Callable[[], object], what: str) -> None:
        for _ in range(600):
            if condition():
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"waited in vain for {what}")

    async def press(self, key: str) -> None:
        text, code = KEYS.get(key, (key, ord(key[0].upper())))
        await self.call("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, text=text)
        await self.call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    async def screenshot(self, path: Path, *, whole: bool = False) -> bytes:
        answer = await self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(answer["data"]))
        return path.read_bytes()

    async def pdf(self) -> bytes:
        answer = await self.call("Page.printToPDF", preferCSSPageSize=True, printBackground=False)
        return base64.b64decode(answer["data"])

    def terminal(self, columns: int, lines: int) -> str:
        """What a terminal of that size shows after all that the page received."""
        screen = pyte.Screen(columns, lines)
        stream = pyte.ByteStream(screen)
        for data in self.received:
            stream.feed(data)
        return "\n".join(screen.display)


@asynccontextmanager
async def chromium(folder: Path) -> AsyncIterator[Page]:
    """A browser with its profile in ``folder`` that reaches nothing but this machine, ended with all its processes."""
    assert CHROMIUM is not None
    process = subprocess.Popen(
        [
            CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
            "--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
            "--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank",
        ],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        port = await _port_of(folder / "DevToolsActivePort", process)
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                tabs = await answer.json()
            address = next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
            async with session.ws_connect(address, max_msg_size=0) as socket:
                yield Page(socket)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


async def _port_of(file: Path, process: subprocess.Popen[bytes]) -> str:
    for _ in range(600):
        if file.exists() and (text := file.read_text()).count("\n"):
            return text.splitlines()[0]
        assert process.poll() is None, "Chromium ended at once"
        await asyncio.sleep(0.1)
    raise AssertionError("Chromium opens no port")
