"""Commands on their way: requested -> acknowledged -> done, stale or failed, as the disk tells it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.runs.commands import Command, CommandStage
from engine.runs.state import CommandState
from tui.numbers import age, visible

RECENT = 90.0  # seconds an answered command stays on screen
_OUTCOMES = {"pause": ("pausing", "paused"), "stop": ("stopping", "stopped")}  # states in which it is still true
PATIENCE = 10.0  # seconds after which an unanswered one says so


@dataclass(frozen=True)
class Request:
    """One command of this dashboard or of anybody else."""

    uuid: str
    command: str
    stage: CommandStage
    t: float  # unix seconds it was asked or received
    detail: str = ""


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


def describe(requests: Iterable[Request], state: str, alive: bool | None, now: float) -> tuple[str, str]:
    """(text, style name) about the newest command worth telling; empty when there is none.

    ``state`` is the run's shown one: a pause that was done long before a resume is no news any more.
    """
    worth = [
        request
        for request in requests
        if request.stage in ("requested", "acknowledged")
        or (now - request.t <= RECENT and not _overtaken(request, state))
    ]
    if not worth:
        return "", ""
    newest = worth[-1]
    text = f"{newest.command}: {newest.stage}"
    waiting = max(0.0, now - newest.t)
    if newest.stage == "requested":
        if alive is False:
            return f"{text}, no worker is there to answer", "warning"
        return (f"{text} {age(waiting)} ago, not answered yet", "warning") if waiting > PATIENCE else (text, "accent")
    if newest.stage == "acknowledged":
        return text, "accent"
    if newest.stage == "done":
        return text, "good"
    return f"{text}{f' ({newest.detail})' if newest.detail else ''}", "error" if newest.stage == "failed" else "warning"
