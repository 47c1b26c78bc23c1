"""``alerts``: rules and targets of a config or a run; ``--test`` says of each target whether its message went."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tui.cli import EXIT_DONE, EXIT_FAILED, EXIT_WRONG_USE, main

SECRET = "s3cr3t-t0ken"
CONFIG = """
name = "told"
[[sources]]
kind = "cldr"
[evaluation]
benchmarks = ["cldr"]
[hooks]
on_end = "notify"
[alerts]
targets = ["file://{file}", "${{CHAT}}"]
ends = ["failed"]
bounds = ["cldr map_monolingual < 0.5"]
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "told.toml"
    path.write_text(CONFIG.format(file=tmp_path / "alerts.txt"))
    return path


def test_rules_and_targets_are_listed_without_secrets(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CHAT", f"slack://{SECRET}")
    assert main(["alerts", str(config)]) == EXIT_DONE
    assert capsys.readouterr().out.splitlines() == [
        "at every end  notify",
        "when          the first loss that is not finite",
        "when          no progress for 30 minutes",
        "when          cldr map_monolingual < 0.5",
        "when          the run is failed",
        f"to            file://{config.parent}/alerts.txt  (alerts.targets[0])",
        "to            slack://...  (alerts.targets[1], $CHAT)",
    ]
    assert not (config.parent / "alerts.txt").exists()


def test_a_test_message_goes_to_each_target_and_failures_are_told(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CHAT", f"json://127.0.0.1:1/{SECRET}")
    assert main(["alerts", str(config), "--test", "--json"]) == EXIT_FAILED
    out = capsys.readouterr().out
    first, second = json.loads(out)["targets"]
    assert (first["sent"], first["error"]) == (True, None)
    assert second["sent"] is False
    assert second["error"]
    assert SECRET not in out
    assert (config.parent / "alerts.txt").read_text().endswith("  told: a test: alerts of this run arrive here\n")


def test_a_test_that_goes_everywhere_is_done(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CHAT", f"file://{config.parent}/more.txt")
    assert main(["alerts", str(config), "--test"]) == EXIT_DONE
    assert capsys.readouterr().out.count(": sent") == 2


def test_a_variable_that_is_not_set_is_named(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["alerts", str(config), "--test"]) == EXIT_FAILED
    assert "alerts.targets[1]: the environment variable CHAT is not set" in capsys.readouterr().err


def test_who_has_no_targets_cannot_test_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "quiet.toml"
    path.write_text('[[sources]]\nkind = "cldr"\n')
    assert main(["alerts", str(path)]) == EXIT_DONE
    assert "nobody is told" in capsys.readouterr().out
    assert main(["alerts", str(path), "--test"]) == EXIT_WRONG_USE
    assert main(["alerts", str(tmp_path / "none.toml")]) == EXIT_WRONG_USE
    assert main(["alerts", "no-such-run"]) == EXIT_WRONG_USE


def test_a_run_is_not_made_where_nobody_can_be_told(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--runs", str(tmp_path / "runs"), "run", str(config)]) == EXIT_WRONG_USE
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "runs").exists()
