"""``serve``: only the address that it printed leads to a dashboard, in a real browser too, and nothing stays behind."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from browser import chromium, needs_chromium

from tui.cli import EXIT_WRONG_USE, main
from tui.web.gate import Gate, new_token
from tui.web.server import DashboardServer

pytestmark = pytest.mark.long

TOKEN = "a-token"
ASSETS = Path(__file__).resolve().parents[2] / "tui" / "web" / "assets"


@asynccontextmanager
async def serving(home: Path, *options: str) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """(address, process) of a server that answers; ended afterwards."""
    command = [sys.executable, "-m", "tui.cli", "serve", "--runs", str(home), *options]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdout is not None
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), 60)).decode()
        yield line.strip(), process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        await asyncio.wait_for(process.wait(), 30)


async def status(address: str, **headers: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(address, headers=headers) as answer:
        return answer.status


async def websocket_status(address: str, **headers: str) -> int:
    """101: it was opened."""
    async with aiohttp.ClientSession() as session:
        try:
            async with session.ws_connect(f"{address}ws", headers=headers):
                return 101
        except aiohttp.WSServerHandshakeError as error:
            return error.status


def children(process: int) -> list[int]:
    return [int(number) for number in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


async def until(condition, what: str) -> None:
    for _ in range(300):
        if condition():
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"waited in vain: {what}")


def is_alive(process: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


@pytest.mark.parametrize(
    ("path", "host", "origin", "is_websocket"),
    [
        ("/", "127.0.0.1:8000", None, False),
        ("/ws", "127.0.0.1:8000", "http://127.0.0.1:8000", True),
        ("/a-tokenx/", "127.0.0.1:8000", None, False),
        ("/A-TOKEN/", "127.0.0.1:8000", None, False),
        ("/static/a-token/", "127.0.0.1:8000", None, False),
        ("*", "127.0.0.1:8000", None, False),
        ("/a-token/", "evil.example:8000", None, False),
        ("/a-token/", "evil.example", "http://evil.example", True),
        ("/a-token/", "127.0.0.1.evil.example:8000", None, False),
        ("/a-token/", "192.168.1.7:8000", None, False),
        ("/a-token/", "", None, False),
        ("/a-token/", "[", None, False),
        ("/a-token/ws", "127.0.0.1:8000", None, True),
        ("/a-token/ws", "127.0.0.1:8000", "http://evil.example", True),
        ("/a-token/ws", "127.0.0.1:8000", "http://127.0.0.1:9000", True),
        ("/a-token/ws", "127.0.0.1:8000", "http://localhost:8000", True),
        ("/a-token/ws", "127.0.0.1:8000", "null", True),
    ],
)
def test_the_gate_refuses(path, host, origin, is_websocket):
    assert Gate(TOKEN, "127.0.0.1").refusal(path, host, origin, is_websocket=is_websocket)


@pytest.mark.parametrize(
    ("listens_at", "host"),
    [
        ("127.0.0.1", "127.0.0.1:8000"),
        ("127.0.0.1", "localhost:9000"),  # a port forward
        ("::1", "[::1]:8000"),
        ("0.0.0.0", "192.168.1.7:8000"),
        ("gpu-box", "gpu-box:8000"),
        ("0.0.0.0", f"{socket.gethostname()}:8000"),
    ],
)
def test_the_gate_lets_in_who_knows_the_address(listens_at, host):
    gate = Gate(TOKEN, listens_at)
    assert gate.refusal("/a-token/", host, None) is None
    assert gate.refusal("/a-token/ws", host, f"http://{host}", is_websocket=True) is None
    assert gate.refusal("/other/ws", host, f"http://{host}", is_websocket=True) is not None


def test_the_gate_of_an_exposed_server_knows_no_name_of_others():
    assert Gate(TOKEN, "0.0.0.0").refusal("/a-token/", "evil.example:8000", None) is not None


def test_tokens_are_long_and_differ():
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert min(map(len, tokens)) >= 32


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--host", "0.0.0.0"], "--expose-unencrypted"),
        (["--host", "192.168.1.7"], "--expose-unencrypted"),
        (["--host", "no.such.name.invalid", "--expose-unencrypted"], "cannot listen"),
        (["--port", "70000"], "--port"),
        (["--port", "x"], "--port"),
    ],
)
def test_wrong_use_is_one_line(tmp_path, capsys, options, named):
    try:
        code = main(["--runs", str(tmp_path), "serve", *options])
    except SystemExit as end:
        code = end.code
    assert code == EXIT_WRONG_USE
    printed = capsys.readouterr()
    assert named in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""


def test_a_port_that_is_taken_is_told(tmp_path, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--runs", str(tmp_path), "serve", "--port", str(port)]) == EXIT_WRONG_USE
    assert f"port {port}" in capsys.readouterr().err


def test_without_the_extra_it_is_named(tmp_path, capsys, monkeypatch):
    for name in [name for name in sys.modules if name.startswith(("tui.web.server", "textual_serve"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "textual_serve", None)
    assert main(["--runs", str(tmp_path), "serve"]) == EXIT_WRONG_USE
    assert "pip install 'hybrid-tui[web]'" in capsys.readouterr().err


async def test_requests_without_the_token_are_refused(tmp_path):
    async with serving(tmp_path) as (address, process):
        root = address.removesuffix(urlsplit(address).path)
        own = urlsplit(address).netloc
        guessed = f"{root}/{new_token()}/"
        assert await status(address) == 200
        assert await status(address.removesuffix("/")) == 200  # led to the page
        for path in ("/", "/ws", "/static/js/textual.js", "/assets/page.css", "/favicon.ico", "/download/x"):
            assert await status(f"{root}{path}") == 403
        assert await status(guessed) == 403
        assert await status(address, Host="evil.example") == 403
        assert await status(address, Origin="http://evil.example") == 403
        assert await websocket_status(f"{root}/", Origin=root) == 403
        assert await websocket_status(guessed, Origin=root) == 403
        assert await websocket_status(address) == 403
        assert await websocket_status(address, Origin="http://evil.example") == 403
        assert await websocket_status(address, Host="evil.example", Origin="http://evil.example") == 403
        assert children(process.pid) == []  # no dashboard was started for any of them
        assert await websocket_status(address, Origin=f"http://{own}") == 101
        assert await status(f"{address}static/../../../etc/passwd") == 403
        assert await status(f"{address}static/%2e%2e/server.py") in (403, 404)
        assert await status(f"{address}download/unknown") == 404


@pytest.mark.exhaustive
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
async def test_dashboards_end_with_their_server(tmp_path, how):
    async with serving(tmp_path) as (address, process), aiohttp.ClientSession() as session:
        origin = f"http://{urlsplit(address).netloc}"
        async with session.ws_connect(f"{address}ws", headers={"Origin": origin}) as websocket:
            assert (await websocket.receive()).type is aiohttp.WSMsgType.BINARY
            (dashboard,) = children(process.pid)
            process.send_signal(how)
            assert await asyncio.wait_for(process.wait(), 30) == (-how if how == signal.SIGKILL else 0)
            await until(lambda: not is_alive(dashboard), "the dashboard leaves")


async def test_a_page_that_is_closed_ends_its_dashboard(tmp_path):
    async with serving(tmp_path) as (address, process), aiohttp.ClientSession() as session:
        origin = f"http://{urlsplit(address).netloc}"
        async with session.ws_connect(f"{address}ws?width=100&height=30", headers={"Origin": origin}) as websocket:
            assert (await websocket.receive()).type is aiohttp.WSMsgType.BINARY
            (dashboard,) = children(process.pid)
            for nonsense in ("", "x", "[]", "{}", '["stdin"]', '["stdin", 3]', '["resize", {}]', '["resize", null]'):
                await websocket.send_str(nonsense)
            await websocket.send_json(["resize", {"width": "a", "height": -4}])
            await websocket.send_json(["ping", "now"])
            while (message := await websocket.receive()).type is aiohttp.WSMsgType.BINARY:
                pass
            assert message.json() == ["pong", "now"]
        await until(lambda: not is_alive(dashboard), "the dashboard leaves")


DELIVERING = """
import io
from textual.app import App
class Delivering(App):
    def on_key(self):
        self.deliver_text(io.StringIO("as it was"), save_filename="a file\\r\\nX: y.txt")
Delivering().run()
"""


async def test_a_file_that_a_dashboard_hands_out_can_be_fetched():
    """Textual's own screenshot takes this way. The route has the token in it, as all have."""
    before = set(children(os.getpid()))
    server = DashboardServer(f"exec {shlex.join([sys.executable, '-c', DELIVERING])}", Gate(TOKEN, "127.0.0.1"), "")
    async with TestServer(server.application()) as listening, aiohttp.ClientSession() as session:
        root = f"http://127.0.0.1:{listening.port}"
        async with session.ws_connect(f"{root}/{TOKEN}/ws", headers={"Origin": root}) as websocket:
            await websocket.receive()
            await websocket.send_json(["stdin", "x"])
            while (message := await websocket.receive()).type is aiohttp.WSMsgType.BINARY:
                pass
            kind, key = message.json()
            assert kind == "deliver_file_start"
            assert await status(f"{root}/download/{key}") == 403
            async with session.get(f"{root}/{TOKEN}/download/{key}") as answer:
                assert await answer.text() == "as it was"
                assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
                assert "X" not in answer.headers
        await until(lambda: set(children(os.getpid())) <= before, "the app ends")


def test_what_the_page_refers_to_comes_from_this_machine():
    for asset in ASSETS.iterdir():
        assert not re.search(r"https?:|//[a-z]+\.", asset.read_text(encoding="utf-8").replace('"https:"', "")), asset


@needs_chromium
async def test_a_browser_shows_the_runs(home, gallery, tmp_path):
    async with serving(home) as (address, _), chromium(tmp_path / "profile") as page:
        await page.open(address)
        await page.until(lambda: page.received, "the dashboard")
        (socket_address,) = [address for address in page.requests if address.startswith("ws://")]
        columns, lines = map(int, re.search(r"width=(\d+)&height=(\d+)", socket_address).groups())
        await page.until(lambda: "cldr-mono-s0" in page.terminal(columns, lines), "the runs")
        shown = page.terminal(columns, lines)
        for writer in gallery:
            assert writer.config.name in shown
        assert "enter open" in shown.splitlines()[-1]
        picture = await page.screenshot(tmp_path / "runs.png")
        assert len(set(picture)) > 200
        await page.press("Enter")
        await page.until(lambda: "1 overview" in page.terminal(columns, lines), "the run that is open")
        assert await page.screenshot(tmp_path / "run.png") != picture
        await page.press("q")
        await page.until(lambda: "1 overview" not in page.terminal(columns, lines), "the runs again")
        assert page.errors == []
        await page.press("q")
        for _ in range(100):
            if closed := await page.value_of("!document.getElementById('closed').hidden"):
                break
            await asyncio.sleep(0.1)
        assert closed
        own = urlsplit(address).netloc
        assert {urlsplit(request).netloc for request in page.requests} == {own}
        assert all(urlsplit(request).path.startswith(urlsplit(address).path) for request in page.requests)
