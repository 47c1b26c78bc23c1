"""benchmarks/dashboard.py prints one document, and its live runs and slow terminal are what they say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.runs.folder import RunFolder
from engine.runs.lock import probe

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
from terminals import PacedTerminal

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
pytestmark = pytest.mark.timeout(150)


def test_the_document_has_a_value_and_a_unit_for_every_measure() -> None:
    command = [sys.executable, str(BENCHMARKS / "dashboard.py"), "--json", "--only", "redraw", "--points", "5000"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["redraw of 2 x 5,000 points at 120x36"]["unit"] == "ms"
    assert all(row["value"] >= 0 and row["unit"] for row in found.values())


def test_a_slow_terminal_takes_no_more_than_its_line_carries() -> None:
    rate = 20_000
    terminal = PacedTerminal(["sh", "-c", "yes | head -c 100000"], os.environ, bytes_per_second=rate)
    start = time.monotonic()
    terminal.read_for(1.0, emulate=False)
    took = time.monotonic() - start
    terminal.close()
    assert 0 < terminal.received <= rate * (took + 0.1)


def test_a_live_run_is_alive_to_everybody_else(tmp_path: Path) -> None:
    command = [sys.executable, str(BENCHMARKS / "live_runs.py"), str(tmp_path), "--runs", "2", "--history", "50"]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"ready\n"
    folders = [RunFolder(tmp_path / f"20260101-live-{index}") for index in range(2)]
    alive = [probe(folder).alive for folder in folders]
    writer.kill()
    writer.wait()
    writer.stdout.close()
    assert alive == [True, True]
    assert [probe(folder).alive for folder in folders] == [False, False]
