"""A comparison in a process of its own says the same as the function, tells of its progress, and fails in one line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from export_cases import make_evaluation, make_run

from engine.export.background import JobFailure, JobProgress
from engine.export.compare import compare_runs
from engine.export.compare_job import CompareOutcome, CompareRequest
from engine.measures import HEADLINE


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("runs")
    for name, noise in (("mono", 2.0), ("hybrid", 0.6)):
        make_run(home, name, name, {400: {"toy": make_evaluation(0, noise, facts=30, clusters=25)}})
    return home


def ask(home: Path, benchmark: str = "toy") -> tuple[int, list[JobProgress | CompareOutcome | JobFailure]]:
    request = CompareRequest(
        runs=(str(home / "mono"), str(home / "hybrid")), baseline=str(home / "hybrid"), benchmark=benchmark
    )
    done = subprocess.run(
        [sys.executable, "-m", "engine.export.compare_job"],
        input=msgspec.json.encode(request), capture_output=True, check=False,
    )  # fmt: skip
    return done.returncode, [
        msgspec.json.decode(line, type=JobProgress | CompareOutcome | JobFailure) for line in done.stdout.splitlines()
    ]


def test_the_answer_is_the_comparison_after_progress_in_order(home: Path) -> None:
    status, answers = ask(home)
    *before, last = answers
    assert status == 0
    assert isinstance(last, CompareOutcome)
    assert last.comparison == compare_runs([home / "mono", home / "hybrid"], home / "hybrid")
    assert all(isinstance(one, JobProgress) for one in before)
    assert [one.done for one in before if isinstance(one, JobProgress)] == list(range(len(HEADLINE) + 1))
    assert {point.condition for point in last.points} == set(last.comparison.conditions)
    nulls = [point.rank_distance_null for point in last.points]
    assert all(null is not None and null > 0 for null in nulls)


def test_what_cannot_be_compared_is_told_in_one_line(home: Path) -> None:
    status, answers = ask(home, "miracl")
    assert status == 1
    assert isinstance(answers[-1], JobFailure)
    assert "no results on miracl" in answers[-1].message
    assert "\n" not in answers[-1].message
