"""The acceptance of the large search, on 15,000 passages: capped, killed twice, ranks equal to one pass in memory."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

pytestmark = [pytest.mark.long, pytest.mark.exhaustive]

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "large_search.py"


def test_a_capped_and_killed_search_equals_one_pass_in_memory(tmp_path: Path, quick_python: list[str]) -> None:
    """What the script starts, caps and kills are processes of their own."""
    options = ["--passages", "15000", "--queries", "300", "--json", "--folder", str(tmp_path)]
    code = "import runpy, sys; sys.argv[:1] = []; runpy.run_path(sys.argv[0], run_name='__main__')"
    command = [*quick_python, "-c", code, str(SCRIPT), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=220)
    assert done.returncode == 0, done.stderr
    report = {name: row["value"] for name, row in json.loads(done.stdout).items()}
    assert report["values that differ from the pass in memory"] == 0
    assert 0 < report["anonymous memory, peak of the last process"] < report["anonymous memory, cap"]
    assert report["distinct vectors"] < report["passages"]
    assert report["encoding resumed at"] >= 8192
    assert report["search resumed at"] > 300
    assert not list(tmp_path.iterdir())
