"""Where alerts go: a file, a service of Apprise behind a variable, a file of addresses; and no address is shown."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest
from making import config

from engine.alerts.sending import Message, send
from engine.alerts.targets import Target, targets_of
from engine.config import AlertsConfig, ConfigError, RunConfig, problems
from engine.runs.preflight import preflight

SECRET = "s3cr3t-t0ken"
MESSAGE = Message("a run", "loss is nan")


class _Service(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server: Any = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server.posts.append((self.path, json.loads(body)))
        self.send_response(server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing on stderr."""


class Service(HTTPServer):
    """A web hook on this machine."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Service)
        self.posts: list[tuple[str, dict[str, Any]]] = []
        self.status = 200

    @property
    def address(self) -> str:
        return f"json://127.0.0.1:{self.server_port}/{SECRET}"


@pytest.fixture
def service() -> Iterator[Service]:
    server = Service()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def with_alerts(**alerts: Any) -> RunConfig:
    return msgspec.structs.replace(config(), alerts=AlertsConfig(**alerts))


def test_targets_are_files_variables_and_lines_of_a_file(tmp_path: Path) -> None:
    lines = tmp_path / "targets"
    lines.write_text("# mine\n\n  ntfy://topic \n")
    alerts = AlertsConfig(targets=("file:///a", "${CHAT}", "${NONE}"), targets_file=str(lines))
    targets, missing = targets_of(alerts, {"CHAT": "slack://a/b  mailto://c"})
    assert [(target.address, target.origin) for target in targets] == [
        ("file:///a", "alerts.targets[0]"),
        ("slack://a/b", "alerts.targets[1], $CHAT"),
        ("mailto://c", "alerts.targets[1], $CHAT"),
        ("ntfy://topic", f"{lines}:3"),
    ]
    assert missing == ["alerts.targets[2]: the environment variable NONE is not set"]


@pytest.mark.parametrize("address", ["slack://T1/B2/" + SECRET, SECRET, "mailto://me:" + SECRET + "@host", "${CHAT}x"])
def test_an_address_in_a_config_is_refused_and_not_quoted(address: str) -> None:
    ((field, reason),) = problems(with_alerts(targets=(address,)))
    assert field == "alerts.targets[0]"
    assert "environment variable" in reason
    assert SECRET not in reason


@pytest.mark.parametrize(
    ("alerts", "message"),
    [
        ({"targets": ("file:///x",), "bounds": ("loss > 1", "lose > 1")}, "alerts.bounds[1]: 'lose > 1'"),
        ({"targets": ("file:///x",), "bounds": ("cldr ndcg_at_10 < 1",)}, "'cldr' is none of evaluation.benchmarks"),
        ({"bounds": ("loss > 1",)}, "alerts.bounds: nobody would be told"),
        ({"targets_file": "/none/at/all"}, "alerts.targets_file: no file"),
        ({"targets": ("file:///x",), "no_progress_minutes": -1.0}, "alerts.no_progress_minutes: "),
        ({"targets": ("file:///x",), "ends": ("done",)}, "expected one of finished, failed"),
    ],
)
def test_what_is_wrong_with_alerts_is_named(alerts: dict[str, Any], message: str) -> None:
    found = [f"{field}: {reason}" for field, reason in problems(with_alerts(**alerts))]
    assert any(message in line for line in found), found


def test_what_is_shown_of_an_address_is_no_secret() -> None:
    target = Target(f"slack://T0KEN1/{SECRET}%2Fx/?key=value1", "here")
    assert target.masked() == "slack://..."
    assert SECRET not in repr(target)
    said = target.scrubbed(f"cannot post to https://hooks/T0KEN1/{SECRET}/x\n(value1)")
    assert said == "cannot post to https://hooks/.../.../x (...)"
    assert Target("nothing-but-a-token", "here").masked() == "..."


def test_a_message_goes_to_a_service_and_to_a_file(service: Service, tmp_path: Path) -> None:
    file = tmp_path / "alerts.txt"
    targets = [Target(service.address, "one"), Target(f"file://{file}", "two")]
    assert [(outcome.target, outcome.error) for outcome in send(targets, MESSAGE)] == [
        ("json://...", ""),
        (f"file://{file}", ""),
    ]
    ((path, post),) = service.posts
    assert (path, post["title"], post["message"]) == (f"/{SECRET}", "a run", "loss is nan")
    assert file.read_text().endswith("  a run: loss is nan\n")
    assert file.stat().st_mode & 0o077 == 0
    send(targets[1:], MESSAGE)
    assert len(file.read_text().splitlines()) == 2


def test_a_target_that_fails_says_why_without_its_secret_and_spares_the_others(
    service: Service, tmp_path: Path
) -> None:
    service.status = 500
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    names = [
        service.address,
        f"json://127.0.0.1:1/{SECRET}",
        f"nosuch://{SECRET}",
        f"file://{fifo}",
        f"file://{tmp_path}",
    ]
    outcomes = send([Target(name, "here") for name in names] + [Target(f"file://{tmp_path}/ok", "here")], MESSAGE)
    errors = [outcome.error for outcome in outcomes]
    assert all(errors[:-1])
    assert errors[-1] == ""
    assert "error=500" in errors[0]
    assert errors[2] == "not an address that Apprise knows"
    assert SECRET not in repr(outcomes)


def test_what_cannot_be_sent_is_refused_before_a_run_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOD", f"json://127.0.0.1/{SECRET}")
    monkeypatch.setenv("BAD", f"nosuch://{SECRET}")
    empty = tmp_path / "empty"
    empty.write_text("# nothing\n")
    preflight(with_alerts(targets=(f"file://{tmp_path}/new", "${GOOD}")))
    for alerts, message in (
        ({"targets": ("${UNSET}",)}, "alerts.targets[0]: the environment variable UNSET is not set"),
        (
            {"targets": ("${GOOD}", "${BAD}")},
            "alerts.targets[1], $BAD: nosuch://...: not an address that Apprise knows",
        ),
        ({"targets": (f"file://{tmp_path}/none/x",)}, f"alerts.targets[0]: file://{tmp_path}/none/x: no folder"),
        ({"targets_file": str(empty)}, "alerts.targets_file: .*has no address"),
    ):
        with pytest.raises(ConfigError) as refused:
            preflight(with_alerts(**alerts))
        assert message.replace(".*", f"{empty} ") in str(refused.value)
        assert SECRET not in str(refused.value)
    assert not (tmp_path / "new").exists()


def test_without_apprise_one_line_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file needs no Apprise."""
    (tmp_path / "apprise.py").write_text("raise ModuleNotFoundError('No module named apprise')\n")
    before = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(tmp_path), before])))
    monkeypatch.setenv("CHAT", f"json://127.0.0.1/{SECRET}")
    preflight(with_alerts(targets=(f"file://{tmp_path}/new",)))
    with pytest.raises(ConfigError) as refused:
        preflight(with_alerts(targets=("${CHAT}",)))
    assert str(refused.value) == (
        "alerts.targets[0], $CHAT: json://...: Apprise is not installed: pip install 'hybrid-tui[alerts]'"
    )


def test_a_run_whose_folder_is_named_in_other_bytes_than_utf8_is_told(tmp_path: Path) -> None:
    """Somebody may have renamed the folder; the watcher must not die of it."""
    file, run = tmp_path / "alerts.txt", os.fsdecode(b"caf\xe9-20260101-000000")
    (outcome,) = send([Target(f"file://{file}", "alerts.targets[0]")], Message(run, "finished at step 6"))
    assert outcome.error == ""
    assert file.read_text().endswith("caf\\udce9-20260101-000000: finished at step 6\n")
