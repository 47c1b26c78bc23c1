"""Studies that the tests of the study screen share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from runs_factory import RunWriter
from study_homes import state_of, study_under_way

from tui.follow.study_state import StudyState


@pytest.fixture
def study(home: Path) -> Iterator[list[RunWriter]]:
    """Ten runs of a study; the live ones hold their locks until the test ends."""
    writers = study_under_way(home)
    yield writers
    for writer in writers:
        writer.die()


@pytest.fixture
def under_way(study: list[RunWriter]) -> StudyState:
    """What a screen shows of it."""
    return state_of(study)
