"""What an evaluation is held against: a step of its run, or another run at the same step."""

from __future__ import annotations

from pathlib import Path

from runs_factory import evaluation_result

from engine.runs.folder import RunFolder
from engine.runs.state import EvaluationPoint
from tui.run.contrast import Contrast, Other

OTHER = RunFolder(Path("other"))


def points(*steps: int, benchmark: str = "cldr") -> tuple[EvaluationPoint, ...]:
    result = evaluation_result(0.5, ("de", "en"))
    return tuple(EvaluationPoint(t=0.0, step=step, benchmark=benchmark, seconds=1.0, result=result) for step in steps)


def test_a_step_of_the_run_itself_unless_it_is_the_one_in_sight() -> None:
    own = points(0, 200, 400)
    found = Contrast(step=200).against(own, own[2])
    assert found is not None
    assert (found.point, found.folder, found.label) == (own[1], None, "step 200")
    assert Contrast(step=200).against(own, own[1]) is None
    assert Contrast(step=7).against(own, own[1]) is None


def test_another_run_at_the_same_step_else_its_newest_and_never_another_benchmark() -> None:
    own = points(0, 200, 400)
    other = Other(OTHER, "b", (*points(0, 200), *points(400, benchmark="else")), None, ())
    found = [Contrast(other=other).against(own, point) for point in own]
    assert [against.label for against in found if against is not None] == [
        "b at step 0", "b at step 200", "b at step 200",
    ]  # fmt: skip
    assert all(against is not None and against.folder == OTHER for against in found)
    assert Contrast(other=Other(OTHER, "b", points(400, benchmark="else"), None, ())).against(own, own[0]) is None
