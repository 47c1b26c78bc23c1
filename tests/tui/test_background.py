"""Slow work: it belongs to somebody, its errors are told, and what comes too late does no harm."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from engine.config import ConfigError
from tui.background import Background, Latest


class Owner:
    """A screen that is there until it is closed."""

    def __init__(self) -> None:
        self.is_attached = self.is_running = True

    def close(self) -> None:
        self.is_attached = self.is_running = False


class Interface:
    """Delivers what threads post when the test says so, as an event loop would."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.posts: list[object] = []
        self.arrived = threading.Condition()
        self.background = Background(self._post, self.lines.append, lambda: None)

    def _post(self, deliver: object) -> None:
        with self.arrived:
            self.posts.append(deliver)
            self.arrived.notify()

    def deliver(self) -> None:
        """Waits for one post and delivers it."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: self.posts, 10)
            deliver = self.posts.pop(0)
        deliver()  # type: ignore[operator]


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ConfigError("seed: expected a number"), "seed: expected a number"),
        (OSError("disk full"), "disk full"),
        (ValueError(), "ValueError"),
        (ValueError("red \x1b[31m"), "red ␛[31m"),
    ],
)
def test_an_error_that_a_person_can_mend_is_told_in_its_own_words(error: Exception, line: str) -> None:
    interface = Interface()

    def work() -> None:
        raise error

    interface.background.run(Owner(), work, lambda _: None)
    interface.deliver()
    assert interface.lines == [line]


@pytest.mark.parametrize("error", [RuntimeError("boom"), KeyError("x"), ImportError("no matplotlib"), TypeError("")])
def test_an_error_that_nobody_foresaw_is_told_and_its_traceback_kept(error: Exception, state: Path) -> None:
    interface = Interface()

    def work() -> None:
        raise error

    interface.background.run(Owner(), work, lambda _: None)
    interface.deliver()
    (line,) = interface.lines
    path = state / "hybrid-tui" / "dashboard-error.log"
    assert line.startswith(type(error).__name__)
    assert str(path) in line
    assert "in work" in path.read_text()


def test_an_error_of_what_takes_the_answer_is_told_too() -> None:
    interface = Interface()

    def then(answer: int) -> None:
        raise LookupError("no such row")

    interface.background.run(Owner(), lambda: 1, then)
    interface.deliver()
    assert interface.lines[0].startswith("LookupError: no such row")
    assert interface.background.count == 0


def test_an_answer_without_an_owner_is_dropped_or_told_in_another_way_and_an_error_is_always_told() -> None:
    interface, owner = Interface(), Owner()
    answers: list[str] = []
    failures: list[str] = []

    def fail() -> str:
        raise OSError("gone")

    interface.background.run(owner, lambda: "a", answers.append)
    interface.background.run(owner, lambda: "b", answers.append, late=lambda answer: answers.append(f"late {answer}"))
    interface.background.run(owner, fail, answers.append, failed=failures.append)
    owner.close()
    for _ in range(3):
        interface.deliver()
    assert answers == ["late b"]
    assert failures == []
    assert interface.lines == ["gone"]


def test_work_with_a_key_is_not_begun_twice_and_can_be_begun_again_afterwards() -> None:
    interface, gate = Interface(), threading.Event()
    owner = Owner()
    assert interface.background.run(owner, gate.wait, lambda _: None, key="start")
    assert interface.background.under_way("start")
    assert not interface.background.run(owner, gate.wait, lambda _: None, key="start")
    assert interface.background.run(owner, lambda: 1, lambda _: None, key="another")
    gate.set()
    interface.deliver()
    interface.deliver()
    assert interface.background.run(owner, lambda: 1, lambda _: None, key="start")
    interface.deliver()


def test_a_key_is_free_again_after_an_error() -> None:
    interface = Interface()

    def work() -> None:
        raise RuntimeError("boom")

    interface.background.run(Owner(), work, lambda _: None, key="start", name="FILE")
    assert interface.background.unfinished == ["FILE"]
    interface.deliver()
    assert not interface.background.under_way("start")
    assert interface.background.unfinished == []


def test_of_what_is_asked_while_work_is_under_way_only_the_last_is_done() -> None:
    interface, gate = Interface(), threading.Event()
    answers: list[int] = []
    done: list[int] = []
    latest: Latest[int] = Latest(lambda: interface.background, Owner(), answers.append)

    def work(number: int) -> int:
        gate.wait(10)
        done.append(number)
        return number

    for number in range(12):
        latest.ask(lambda _, number=number: work(number))  # type: ignore[misc]
    assert latest.busy
    gate.set()
    interface.deliver()
    interface.deliver()
    assert answers == [11]
    assert done == [0, 11]
    assert not latest.busy


def test_after_the_end_nothing_is_delivered() -> None:
    interface, gate = Interface(), threading.Event()
    ended = threading.Event()

    def work() -> None:
        gate.wait(10)
        ended.set()

    interface.background.run(Owner(), work, lambda _: None)
    interface.background.close()
    gate.set()
    assert ended.wait(10)
    assert interface.posts == []
