"""The one door to slow work: a thread does it, its owner gets the answer, and every error is told.

An owner is the screen, dialog or widget that asked. An answer that comes after its owner has gone is dropped, or told
in another way (``late``); an error is then told on the screen in front. Threads are daemons: leaving the dashboard
never waits for a disk.
"""

from __future__ import annotations

import itertools
import threading
import traceback
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar

from engine.config_error import ConfigError
from engine.files import write_file
from engine.paths import state_folder
from engine.progress import Tick
from tui.numbers import visible

Answer = TypeVar("Answer")
EXPECTED = (ConfigError, OSError, ValueError)  # their message says what a person can do about it


class Owner(Protocol):
    """What asks for work: any Textual screen or widget."""

    @property
    def is_attached(self) -> bool: ...

    @property
    def is_running(self) -> bool: ...


class Background:
    """``post`` runs a callback in the interface's thread; ``tell`` says an error on the screen in front.

    ``done`` is called in the interface's thread after each piece of work. All methods but ``report`` belong to the
    interface's thread.
    """

    def __init__(
        self, post: Callable[[Callable[[], None]], object], tell: Callable[[str], None], done: Callable[[], None]
    ) -> None:
        self._post, self._tell, self._done = post, tell, done
        self._keys: set[Hashable] = set()
        self._names: dict[int, str] = {}
        self.count = 0  # pieces of work under way
        self._numbers = itertools.count(1)
        self._closed = False

    def run(
        self,
        owner: Owner,
        work: Callable[[], Answer],
        then: Callable[[Answer], None],
        *,
        failed: Callable[[str], None] | None = None,
        late: Callable[[Answer], object] | None = None,
        key: Hashable = None,
        name: str = "",
    ) -> bool:
        """Runs ``work`` in a thread and hands what it returns to ``then``, in the interface's thread.

        Args:
            failed: takes the error in one line, while the owner is there; without it the screen in front says it.
            late: takes the answer where the owner has gone; without it that answer is dropped.
            key: of work with the same key only one piece is under way at a time, whoever asks for it.
            name: what is written or started, for ``unfinished``; empty where leaving in between loses nothing.

        Returns:
            False where work with this key is under way already: then nothing was started.
        """
        if key is not None and key in self._keys:
            return False
        if key is not None:
            self._keys.add(key)
        self.count += 1
        number = next(self._numbers)
        if name:
            self._names[number] = name

        def end(deliver: Callable[[], None]) -> None:
            self.count -= 1
            self._keys.discard(key)
            self._names.pop(number, None)
            try:
                deliver()
            except Exception as error:
                self._tell(_unexpected(error))
            self._done()

        def fail(line: str) -> None:
            if failed is not None and alive(owner):
                failed(line)
            else:
                self._tell(line)

        def take(answer: Answer) -> None:
            if alive(owner):
                then(answer)
            elif late is not None:
                late(answer)

        def run() -> None:
            try:
                answer = work()
            except EXPECTED as error:
                line = visible(str(error)) or type(error).__name__
                self._deliver(lambda: end(lambda: fail(line)))
            except Exception as error:
                line = _unexpected(error)
                self._deliver(lambda: end(lambda: fail(line)))
            else:
                self._deliver(lambda: end(lambda: take(answer)))

        threading.Thread(target=run, name=f"work-{number}", daemon=True).start()
        return True

    def report(self, owner: Owner, callback: Callable[[], None]) -> None:
        """Has ``callback`` called in the interface's thread while the owner is there: how far the work is."""

        def deliver() -> None:
            if alive(owner):
                try:
                    callback()
                except Exception as error:
                    self._tell(_unexpected(error))

        self._deliver(deliver)

    def under_way(self, key: Hashable) -> bool:
        """Whether work with this key has been started and its answer is not there yet."""
        return key in self._keys

    @property
    def unfinished(self) -> list[str]:
        """Names of the work that leaving now would cut off."""
        return list(self._names.values())

    def close(self) -> None:
        """From here on nothing is delivered any more."""
        self._closed = True

    def _deliver(self, callback: Callable[[], None]) -> None:
        if not self._closed:
            self._post(callback)


class Latest(Generic[Answer]):
    """Work of one kind, one piece at a time: of what is asked meanwhile only the last is done.

    ``busy`` says whether an answer is still to come. An answer that was overtaken is dropped.
    """

    def __init__(
        self,
        background: Callable[[], Background],
        owner: Owner,
        then: Callable[[Answer], None],
        failed: Callable[[str], None] | None = None,
    ) -> None:
        self._background, self._owner, self._then, self._failed = background, owner, then, failed
        self._waiting: Callable[[Tick], Answer] | None = None
        self.busy = False
        self.progress = ""  # of the work under way; written by its thread

    def ask(self, work: Callable[[Tick], Answer]) -> None:
        """``work`` may tell its progress by calling what it is given."""
        if self.busy:
            self._waiting = work
        else:
            self._start(work)

    def _start(self, work: Callable[[Tick], Answer]) -> None:
        self.busy, self.progress = True, ""
        self._background().run(self._owner, lambda: work(self._tell), self._take, failed=self._fail)

    def _tell(self, what: str, done: int, total: int | None) -> None:
        self.progress = f": {what}" + (f" {done:,}" if done else "")

    def _next(self) -> bool:
        """Whether something newer was asked for, which is begun."""
        self.busy = False
        work, self._waiting = self._waiting, None
        if work is None:
            return False
        self._start(work)
        return True

    def _take(self, answer: Answer) -> None:
        if not self._next():
            self._then(answer)

    def _fail(self, line: str) -> None:
        if not self._next() and self._failed is not None:
            self._failed(line)


def alive(owner: Owner) -> bool:
    """Whether it is still on a screen that somebody can come back to."""
    return owner.is_running and owner.is_attached


def _unexpected(error: BaseException) -> str:
    """One line for an error that nobody foresaw; its traceback goes into a file whose path is told."""
    text = visible(str(error).splitlines()[0]) if str(error) else ""
    line = f"{type(error).__name__}: {text}" if text else type(error).__name__
    try:
        path = state_folder() / "dashboard-error.log"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_file(path, "".join(traceback.format_exception(error)).encode("utf-8", "replace"), 0o600)
    except OSError:
        return line
    return f"{line} (an error of the dashboard: see {path})"
