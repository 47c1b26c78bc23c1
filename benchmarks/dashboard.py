"""Measures what the dashboard promises: how soon it is there, how quietly it watches, how it bears a slow line.

    python benchmarks/dashboard.py [--json] [--only PART ...] [--seconds 30] [--output auto|textual|both]

Parts: ``first`` (frame with 50 runs, against a minimal Textual app), ``replay`` (a log of 1,000,000 steps, and opening
from the snapshot), ``redraw`` (2 x 100,000 points at 120x36), ``idle`` (CPU and bytes on a live run, by tab) and
``line`` (four live runs in tmux over a pseudo-terminal that takes 64 KiB a second; skipped without tmux).
Live runs are written by live_runs.py, at the greatest rate that a worker is allowed. ``--output`` says by which output:
the dashboard's own, which sends changed cells alone, or Textual's. The own one is the default.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import replay
from terminals import PacedTerminal

from tui.draw.curve import Curve
from tui.draw.glyphs import BRAILLE
from tui.draw.lines import Axes, Series, line_chart

Measures = dict[str, dict[str, float | str]]

COLUMNS, LINES = 120, 36
HYBRID_TUI = str(Path(sys.executable).parent / "hybrid-tui")
LIVE_RUNS = Path(__file__).with_name("live_runs.py")
LINE_BYTES = 64 * 1024
MINIMAL = """
from textual.app import App
from textual.widgets import Static
class Minimal(App):
    def compose(self):
        yield Static("hello-from-textual")
Minimal().run()
"""


def dashboard(home: Path, output: str) -> list[str]:
    """The command that opens it, with the settings of ``output``."""
    settings = home.parent / f"{output}.toml"
    settings.write_text(f'output = "{output}"\n')
    return [HYBRID_TUI, "--runs", str(home), "--settings", str(settings)]


def environment() -> dict[str, str]:
    """256 colours, as SSH leaves them; no tmux around this one; compiled modules are kept, as Python does by itself."""
    left_out = ("TMUX", "NO_COLOR", "COLORTERM", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    return kept | {"TERM": "xterm-256color"}


@contextlib.contextmanager
def live_home(live: int, finished: int, history: int = 2000) -> Iterator[Path]:
    """A runs home, and a process that writes its live runs."""
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary) / "runs"
        command = [sys.executable, str(LIVE_RUNS), str(home), "--runs", str(live), "--finished", str(finished)]
        writer = subprocess.Popen([*command, "--history", str(history), "--seconds", "900"], stdout=subprocess.PIPE)
        try:
            assert writer.stdout is not None
            writer.stdout.readline()
            yield home
        finally:
            writer.kill()
            writer.wait()


def first_frame(output: str, repeats: int = 9) -> Measures:
    """From the start of the process until 30 of the 50 runs stand on the screen; repeats alternate with the peer's."""

    def seconds_until(command: list[str], there: Callable[[bytes], bool]) -> float:
        start = time.perf_counter()
        terminal = PacedTerminal(command, environment(), columns=COLUMNS, lines=LINES)
        seen = bytearray()
        terminal.tap = seen.extend
        while not there(bytes(seen)):
            terminal.step(emulate=False)
            if time.perf_counter() - start > 30:
                raise TimeoutError(f"no first frame from {command}: {bytes(seen)!r}")
        took = time.perf_counter() - start
        terminal.close()
        return took

    with live_home(live=0, finished=50, history=1000) as home:
        own, peer = [], []
        for _ in range(repeats):
            peer.append(seconds_until([sys.executable, "-c", MINIMAL], lambda seen: b"hello-from-textual" in seen))
            own.append(
                seconds_until(dashboard(home, output), lambda seen: len(set(re.findall(rb"done-\d{3}", seen))) >= 30)
            )
    ours, theirs = min(own), min(peer)
    return {
        "first frame, 50 runs": {
            "value": ours * 1e3, "unit": "ms", "peer": "minimal Textual app (one Static)", "peer_value": theirs * 1e3,
            "ratio": ours / theirs,
        },
        "first frame, median": {
            "value": statistics.median(own) * 1e3, "unit": "ms", "peer": "minimal Textual app (one Static)",
            "peer_value": statistics.median(peer) * 1e3, "ratio": statistics.median(own) / statistics.median(peer),
        },
    }  # fmt: skip


def redraw(points: int, repeats: int = 30) -> Measures:
    """Two curves with raw envelope, smoothed line, axes and labels; plotext draws the smoothed lines and axes alone."""
    import plotext

    draw = random.Random(0)
    series = []
    for mode in ("mono", "cross"):
        curve = Curve(0.99)
        curve.extend(range(1, points + 1), [draw.random() + 1 for _ in range(points)])
        series.append(Series(mode, mode, curve.view()))
    axes = Axes(1, points, log=True)

    def theirs() -> None:
        figure = plotext.figure
        figure.clear()
        figure.theme("colorless")
        figure.plot_size(COLUMNS, LINES)
        for one in series:
            figure.draw(figure.signal(list(one.view.curve.steps), list(one.view.curve.smooth), marker="braille"))
        figure.build().string(colorless=True)
        figure.clear()

    plotext.terminal.limit(False, False)
    best = min(replay.timed(lambda: line_chart(COLUMNS, LINES, series, axes, BRAILLE)) for _ in range(repeats))
    peer = min(replay.timed(theirs) for _ in range(2))
    return {
        f"redraw of 2 x {points:,} points at {COLUMNS}x{LINES}": {
            "value": best * 1e3, "unit": "ms", "peer": "plotext", "peer_value": peer * 1e3, "ratio": best / peer,
        }
    }  # fmt: skip


def idle(output: str, seconds: float) -> Measures:
    """CPU and bytes while nobody touches a key, on one live run."""
    found: Measures = {}
    with live_home(live=1, finished=3) as home:
        terminal = PacedTerminal(dashboard(home, output), environment(), columns=COLUMNS, lines=LINES)
        terminal.until(lambda: "live-0" in terminal.text(), "the list of runs")
        for screen, key in (("runs", None), ("overview", "enter"), ("heatmap", "2"), ("bias", "3")):
            if key is not None:
                terminal.press(key)
            terminal.read_for(3.0)
            before = cpu_seconds(terminal.process.pid)
            received = terminal.read_for(seconds, emulate=False)
            used = cpu_seconds(terminal.process.pid) - before
            found[f"idle on a live run, {screen}: CPU"] = {"value": 100 * used / seconds, "unit": "% of a core"}
            found[f"idle on a live run, {screen}: output"] = {"value": received / seconds / 1024, "unit": "KiB/s"}
        terminal.close()
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Pane:
    """What tmux itself knows to be on its pane, however slow the terminal is; looked at by a thread."""

    def __init__(self, socket: Path) -> None:
        self.lines: list[str] = []
        self._command = ["tmux", "-S", str(socket), "capture-pane", "-p"]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._stop.wait(0.03):
            done = subprocess.run(self._command, capture_output=True, text=True)
            self.lines = [line.rstrip() for line in done.stdout.split("\n")]

    def close(self) -> None:
        self._stop.set()
        self._thread.join()


def slow_line(output: str, presses: int = 30) -> Measures:
    """Keys on four live runs through tmux and a slow terminal."""
    if shutil.which("tmux") is None:
        return {}
    with live_home(live=4, finished=10) as home:
        socket = home.parent / "tmux"
        start = ["tmux", "-S", str(socket), "-f", os.devnull, "new-session", shlex.join(dashboard(home, output))]
        terminal = PacedTerminal(start, environment(), columns=COLUMNS, lines=LINES, bytes_per_second=LINE_BYTES)
        pane = Pane(socket)
        try:
            terminal.until(lambda: "live-0" in terminal.text(), "the list of runs")
            terminal.read_for(2.0)
            answers = [answer_seconds(terminal, "up" if index % 2 else "down") for index in range(presses)]
            repaints = {}
            tour = ((("enter", "1 overview"), ("2", "others"), ("3", "median"), ("1", "pairs/s"),
                     ("?", "keys of the run"), ("q", "pairs/s"), ("q", "live-3")) * 3)  # fmt: skip
            for key, expected in tour:
                repaints.setdefault(f"{key} -> {expected}", []).append(
                    repaint_seconds(terminal, pane, lambda key=key: terminal.press(key), expected)
                )
            for columns in (COLUMNS - 20, COLUMNS):
                repaints.setdefault("resize", []).append(
                    repaint_seconds(terminal, pane, lambda c=columns: terminal.resize(c, LINES), "live-3")
                )
        finally:
            pane.close()
            subprocess.run(["tmux", "-S", str(socket), "kill-server"], capture_output=True)
            terminal.close()
    worst = max(repaints, key=lambda name: max(repaints[name]))
    every = [took for each in repaints.values() for took in each]
    return {
        "slow line, four live runs: answer to a key, worst": {"value": max(answers) * 1e3, "unit": "ms"},
        "slow line, four live runs: answer to a key, median": {"value": statistics.median(answers) * 1e3, "unit": "ms"},
        "slow line, four live runs: full repaint, worst": {"value": max(every), "unit": "s", "where": worst},
        "slow line, four live runs: full repaint, median": {"value": statistics.median(every), "unit": "s"},
    }


def answer_seconds(terminal: PacedTerminal, key: str) -> float:
    """From a cursor key until the cursor stands on another line: later than the first byte that the key changes."""

    def cursor() -> int | None:
        return next((index for index, line in enumerate(terminal.screen.display) if BRAILLE.cursor in line[:3]), None)

    before = cursor()
    terminal.press(key)
    took = terminal.until(lambda: cursor() != before, "an answer to the key", 10)
    terminal.read_for(random.Random(key).uniform(0.2, 0.6))
    return took


def repaint_seconds(terminal: PacedTerminal, pane: Pane, act: Callable[[], object], expected: str) -> float:
    """From an action until the terminal shows the new screen whole: what tmux itself has on its pane."""
    start = time.monotonic()
    act()

    def whole() -> bool:
        shown = [line.rstrip() for line in terminal.screen.display[: LINES - 1]]
        return expected in "\n".join(shown) and shown == pane.lines[: LINES - 1]

    terminal.until(whole, f"the whole screen with {expected!r}", 20)
    took = time.monotonic() - start
    terminal.read_for(0.7)
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--only", nargs="+", choices=("first", "replay", "redraw", "idle", "line"), metavar="PART")
    parser.add_argument("--seconds", type=float, default=30.0, help="for which each idle screen is watched")
    parser.add_argument("--points", type=int, default=100_000, help="of each curve that is redrawn")
    parser.add_argument("--output", choices=("auto", "textual", "both"), default="auto", help="by which output")
    options = parser.parse_args()
    drawn: dict[str, Callable[[str], Measures]] = {
        "first": first_frame,
        "idle": lambda output: idle(output, options.seconds),
        "line": slow_line,
    }
    others: dict[str, Callable[[], Measures]] = {
        "replay": lambda: replay.measure(1_000_000),
        "redraw": lambda: redraw(options.points),
    }
    outputs = ("auto", "textual") if options.output == "both" else (options.output,)
    found: Measures = {}
    for name in options.only or ("first", "replay", "redraw", "idle", "line"):
        if name in drawn:
            measured = {}
            for output in outputs:
                measures = drawn[name](output)
                measured |= {
                    f"{label}{', by Textual' if output == 'textual' else ''}": measures[label] for label in measures
                }
        else:
            measured = others[name]()
        found |= measured
        if not options.json:
            replay.print_measures(measured)
    if options.json:
        print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
