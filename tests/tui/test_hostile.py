"""Texts full of escape sequences, wherever others may put them: shown as marks on every screen and by every command.

The title bar and the clipboard stay untouched, no cell is drawn where it does not belong, nothing is written outside.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from helpers.terminal import HYBRID_TUI, Terminal
from runs_factory import LANGUAGES, evaluation_result, running

from engine import events
from engine.runs.folder import RunFolder, read_spec
from tui.dialogs.exporting import suggest

sys.path.append(str(Path(__file__).parents[1] / "engine" / "export"))
import query_cases

pytestmark = pytest.mark.timeout(120)

MARK = "␛]0;"
EVIL = (
    "\x1b]0;OWNED\x07\x1b]52;c;T1dORUQ=\x07\x1b[66;66H\x1b[5m\x9b66;66H\x9d0;OWNED\x9c\u202eDENWO\u2066"
    "\x1bP$q\x1b\\\x1bc\x0e\x08\r\x7f"
)
DRIVING = re.compile(
    rb"\x1b[]P_^Xc]|\x1b\[66|\x9b66|\xc2[\x80-\x9f]|\x07|\x08|\x0e|\x7f|\xe2\x80\xae|\xe2\x81\xa6|\x1b\[5m"
)


class Recorded(Terminal):
    """Refuses what would drive it."""

    def __init__(self, command: list[str], folder: Path) -> None:
        super().__init__(command, {"COLORTERM": "", "HYBRID_TUI_CACHE": str(folder / "cache")}, lines=50)

    def check(self) -> None:
        written = re.sub(rb"\x1b\]22;[a-z]*\x07", b"", bytes(self.written))  # Textual's own: the pointer's shape
        found = DRIVING.search(written)
        assert found is None, written[max(0, found.start() - 80) : found.end() + 40]
        assert self.screen.title in ("", ";default")  # the emulator takes the pointer's shape for one
        assert self.screen.icon_name == ""
        missing = re.search(
            r"(?<![␛\s])(?<!x1b)(?<!001b)\]0;OWNED", self.text()
        )  # after a space it may stand on the line before
        assert missing is None, self.text()[max(0, missing.start() - 100) : missing.end() + 20]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one run in which every text that somebody else can choose is evil, its folder's name included."""
    root = tmp_path_factory.mktemp("hostile")
    home = root / "runs"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HYBRID_TUI_CACHE", str(root / "cache"))
        for texts in ("_QUESTIONS", "_ANSWERS"):
            patch.setattr(query_cases, texts, {name: EVIL + text for name, text in getattr(query_cases, texts).items()})
        folder = query_cases.own_run(home, "evil")
    spec = read_spec(RunFolder(folder))
    provenance = msgspec.structs.replace(
        spec.provenance, command_line=(EVIL,), packages={EVIL: EVIL}, host=EVIL, python=EVIL, git_commit=EVIL
    )
    config = msgspec.structs.replace(spec.config, model=msgspec.structs.replace(spec.config.model, name=EVIL))
    (folder / "spec.json").write_bytes(
        msgspec.json.encode(msgspec.structs.replace(spec, provenance=provenance, config=config, parent=EVIL))
    )
    result = evaluation_result(0.5, ("de", "en", "th"))
    told: list[events.Event] = [
        events.RunStarted(
            name=EVIL, mode="hybrid", mono_share=0.5, max_steps=400, batch_size=64, seed=0, host=EVIL, pid=1
        ),
        events.Device(name=EVIL, waiting_for=EVIL),
        events.ModelLoaded(
            name=EVIL, revision=EVIL, parameters=2, trained=1, width=3, modules=EVIL, attention=EVIL, precision=EVIL,
            options={"pooling": EVIL, "query_prefix": EVIL, EVIL: EVIL}, origins={"pooling": EVIL, EVIL: EVIL},
        ),
        events.Warning(message=EVIL),
        events.Step(first_step=1, loss=[1.0], mode=["mono"], lr=[0.1], masked=[0.0], grad_norm=[1.0], seconds=[0.1],
                    data_wait=[0.0], tokens=[10]),
        events.Progress(what=EVIL, done=1, total=2),
        events.EvalFinished(benchmark=f"../{EVIL}", step=200, seconds=1.0, result=evaluation_result(0.2, LANGUAGES)),
        events.EvalFinished(benchmark="own/small", step=400, seconds=1.0, result=result),
        events.CheckpointSaved(step=400, path=f"../../{EVIL}", bytes=1, seconds=0.1),
        events.CommandReceived(uuid=EVIL, command="checkpoint"),
        events.CommandDone(uuid=EVIL, command="checkpoint", outcome="failed", detail=EVIL),
        events.RunFailed(error=EVIL, last_lines=[EVIL, EVIL], hint=EVIL),
    ]  # fmt: skip
    with (folder / "events.jsonl").open("wb") as log:
        for seq, event in enumerate(told, 1):
            log.write(events.encode(msgspec.structs.replace(event, seq=seq, t=1_790_000_000.0 + seq, attempt=1)))
    folder.rename(home / f"20260922-{EVIL.replace('/', '')}")
    return home


def test_no_screen_of_the_dashboard_lets_a_text_drive_the_terminal(hostile: Path) -> None:
    terminal = Recorded([HYBRID_TUI, "--runs", str(hostile)], hostile.parent)
    terminal.until(MARK)
    terminal.press("enter")
    terminal.until("last event")
    for tab in "123456":
        terminal.press(tab)
        terminal.read(0.6)
        terminal.until(MARK)
        terminal.press("down", "right")
        terminal.check()
    terminal.press("4")
    terminal.read(1.0)
    terminal.press("enter", "right", "down")  # the passages of a query
    terminal.read(1.0)
    terminal.until(MARK)
    for keys, expected in (((":", "co"), "enter choose"), (("\x07", "?"), "keys of the run"), (("q", "x"), "export")):
        terminal.press(*keys)
        terminal.until(expected)
        terminal.check()
    terminal.press("\x1b")
    terminal.read(0.5)
    terminal.press("q")
    terminal.until("age")
    terminal.press("n")
    terminal.until("new run")
    terminal.press("\x07", "q")
    terminal.read(1.0)
    if terminal.process.poll() is None:
        terminal.press("q")
    assert terminal.wait() == 0
    terminal.check()


COMMANDS = (
    "list", "list --json", "status last", "log last", "log last --json", "protocol last", "show last",
    "queries last --cell en,th --worst 2", "queries last --cell en,th --worst 2 --json",
    "export last --table summary --format csv", "export last --table heatmap --format markdown",
    "export last --table ranks --format json", "export last --format trec", "pause last", "resume last",
    "export last --table summary --format parquet",
)  # fmt: skip
ONE_AFTER_THE_OTHER = """
import sys
from tui.cli import main
for line in sys.argv[2:]:
    try:
        main(["--runs", sys.argv[1], *line.split(" ", line.count(" ") if "last" in line else 1)])
    except SystemExit:
        pass
print("all told")
"""


def test_no_command_lets_a_text_drive_the_terminal_it_prints_to(hostile: Path) -> None:
    """The last ones are wrong use, and say so with the evil id."""
    lines = [*COMMANDS, f"status {EVIL}", f"pause{EVIL}"]
    terminal = Recorded([sys.executable, "-c", ONE_AFTER_THE_OTHER, str(hostile), *lines], hostile.parent)
    terminal.until("all told", 60.0)
    terminal.wait()
    assert terminal.written.decode().count(MARK) > len(COMMANDS)
    terminal.check()


def test_a_file_gets_every_character_as_it_is(hostile: Path, tmp_path: Path) -> None:
    """Only a terminal is spared: data that are exported stay what they were."""
    out = tmp_path / "out.csv"
    command = [HYBRID_TUI, "--runs", str(hostile), "export", "last", "--table", "summary"]
    command += ["--format", "csv", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert EVIL.split("\x1bP")[0].encode() in out.read_bytes()


@pytest.mark.parametrize("name", ["../../outside", "/etc/passwd", ".hidden/../x", EVIL, "a/b"])
def test_a_suggested_file_stays_in_the_current_folder(name: str) -> None:
    suggested = Path(suggest([name], "summary", "csv"))
    assert suggested.name == str(suggested)
    assert not DRIVING.search(str(suggested).encode())


def test_a_live_run_of_an_evil_name_is_named_on_leaving(home: Path) -> None:
    live = running(home, "evil")
    live.add(
        events.RunStarted(name=EVIL, mode="hybrid", mono_share=0.5, max_steps=9, batch_size=1, seed=0, host="", pid=1)
    )
    terminal = Recorded([HYBRID_TUI, "--runs", str(home)], home)
    terminal.until(MARK)
    terminal.press("q")
    terminal.wait()
    live.die()
    assert MARK in terminal.written.decode().split("left the dashboard")[1]
    terminal.check()
