"""Commands on their way: requested -> acknowledged -> done, stale or failed, as the disk tells it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Protocol

import msgspec

from engine.runs.commands import Command, CommandStage
from engine.runs.state import CommandState
from tui.numbers import age, visible

RECENT = 90.0  # seconds an answered command stays on screen
_OUTCOMES = {
    "pause": ("pausing", "paused"),
    "stop": ("stopping", "stopped"),
    "discard": ("stopping", "stopped"),
}  # states in which it is still true
PATIENCE = 10.0  # seconds after which an unanswered one says so


class Request(msgspec.Struct, frozen=True):
    """One command of this dashboard or of anybody else."""

    uuid: str
    command: str
    stage: CommandStage
    t: float  # unix seconds it was asked or received
    detail: str = ""


class Steered(Protocol):
    """A run that commands are given to."""

    @property
    def name(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def alive(self) -> bool | None: ...
    @property
    def requests(self) -> tuple[Request, ...]: ...


def merge(pending: Iterable[Command], known: Iterable[CommandState]) -> tuple[Request, ...]:
    """Files in control/ and what the log says about commands, oldest first; the log knows better."""
    found = {command.uuid: Request(command.uuid, command.command, "requested", command.t) for command in pending}
    for command in known:
        stage: CommandStage = command.outcome or "acknowledged"
        asked = found[command.uuid].t if command.uuid in found else command.received
        found[command.uuid] = Request(command.uuid, command.command, stage, asked, visible(command.detail))
    return tuple(sorted(found.values(), key=lambda request: request.t))


def to_tell(requests: Iterable[Request], now: float, since: float) -> tuple[Request, ...]:
    """Those under way, just answered, or failed after ``since`` (unix seconds), which may not have been read yet."""
    return tuple(
        request
        for request in requests
        if request.stage in ("requested", "acknowledged")
        or now - request.t <= RECENT
        or (request.stage == "failed" and request.t >= since)
    )


def _overtaken(request: Request, state: str) -> bool:
    return request.stage == "done" and state not in _OUTCOMES.get(request.command, (state,))


class News(msgspec.Struct, frozen=True):
    """What is to be said of commands."""

    text: str = ""
    style: str = ""
    failures: frozenset[str] = frozenset()  # uuids of those that it says have failed


def describe(
    requests: Iterable[Request], state: str, alive: bool | None, now: float, read: Collection[str] = ()
) -> tuple[str, str]:
    """(text, style name) about the newest command worth telling; empty when there is none.

    ``state`` is the run's shown one: a pause that was done long before a resume is no news any more. ``read``: uuids of
    failures that somebody has seen.
    """
    newest = _newest(requests, state, now, read)
    return ("", "") if newest is None else _one(newest, alive, now)


def news(rows: Iterable[Steered], now: float, read: Collection[str]) -> News:
    """Of the commands of several runs: those that failed, else the newest and who else was given the same one."""
    newest = [(row, request) for row in rows if (request := _newest(row.requests, row.state, now, read)) is not None]
    if failed := [(row, request) for row, request in newest if request.stage == "failed"]:
        text = "; ".join(f"{row.name}: {_one(request, row.alive, now)[0]}" for row, request in failed)
        return News(text, "error", frozenset(request.uuid for _, request in failed))
    if not newest:
        return News()
    row, latest = max(newest, key=lambda each: each[1].t)
    same = [(row, request) for row, request in newest if request.command == latest.command]
    if len(same) == 1:
        text, style = _one(latest, row.alive, now)
        return News(f"{row.name}: {text}", style)
    stages: dict[str, list[str]] = {}
    for row, request in same:
        stages.setdefault(request.stage, []).append(row.name)
    told = "; ".join(f"{stage} {', '.join(names)}" for stage, names in stages.items())
    return News(f"{latest.command}: {told}", "good" if set(stages) == {"done"} else "accent")


def _newest(requests: Iterable[Request], state: str, now: float, read: Collection[str]) -> Request | None:
    worth = [
        request
        for request in requests
        if request.stage in ("requested", "acknowledged")
        or (request.stage == "failed" and request.uuid not in read)
        or (now - request.t <= RECENT and not _overtaken(request, state))
    ]
    return worth[-1] if worth else None


def _one(request: Request, alive: bool | None, now: float) -> tuple[str, str]:
    text = f"{request.command}: {request.stage}"
    waiting = max(0.0, now - request.t)
    if request.stage == "requested":
        if alive is False:
            return f"{text}, no worker is there to answer", "warning"
        if waiting > PATIENCE:
            return f"{text} {age(waiting)} ago, not answered yet", "warning"
        return f"{text}; p resumes it" if request.command == "pause" else text, "accent"
    if request.stage == "acknowledged":
        return text, "accent"
    if request.stage == "done":
        return text, "good"
    if request.stage == "failed":
        return f"{request.command} failed{f': {request.detail}' if request.detail else ''}", "error"
    return f"{text}{f' ({request.detail})' if request.detail else ''}", "warning"
