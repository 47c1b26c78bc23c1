"""Several machines: which one this is, and how the others find the first.

Every machine starts the same command, under Slurm through srun. The first makes the run; it writes where its agent
listens into the runs folder, which all of them share, and the others join it there.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from engine.config import ConfigError, RunConfig
from engine.files import write_file

NODE_VARIABLE, JOB_VARIABLE = "HYBRID_TUI_NODE", "HYBRID_TUI_JOB"
_POLL_SECONDS = 0.2


class Node(msgspec.Struct, frozen=True):
    """This machine among those of one job: ``number`` counts from 0."""

    number: int
    job: str


class Meeting(msgspec.Struct, frozen=True, kw_only=True):
    """Where the agent of the first machine listens, and what its ranks work on."""

    host: str
    port: int
    folder: str
    attempt: int
    evaluate: bool


def this_node() -> Node | None:
    """As $HYBRID_TUI_NODE and $HYBRID_TUI_JOB say, else Slurm's variables; None where neither do.

    Raises:
        ConfigError: the variable is no number.
    """
    environment = os.environ
    if NODE_VARIABLE in environment:
        number, job = environment[NODE_VARIABLE], environment.get(JOB_VARIABLE, "job")
    elif "SLURM_NODEID" in environment and "SLURM_JOB_ID" in environment:
        number = environment["SLURM_NODEID"]
        # A job that Slurm starts again keeps its id, and may find what it left in the runs folder when it was killed.
        parts = [environment.get(f"SLURM_{name}", "0") for name in ("JOB_ID", "STEP_ID", "RESTART_COUNT")]
        job = "-".join(["slurm", *parts])
    else:
        return None
    if not number.isdecimal() or not job or job.startswith(".") or os.sep in job:
        raise ConfigError(f"{NODE_VARIABLE}={number!r}, {JOB_VARIABLE}={job!r}: expected a number from 0 and a name")
    return Node(int(number), job)


def joins(config: RunConfig) -> bool:
    """Whether this machine joins a run of several that another one makes.

    Raises:
        ConfigError: the config asks for several machines, and nothing says which of them this is.
    """
    nodes = config.runtime.nodes
    if nodes == 1:
        return False
    node = this_node()
    if node is None:
        raise ConfigError(
            f"runtime.nodes: each of the {nodes} machines starts this command, through srun or with "
            f"{NODE_VARIABLE}=0 to {nodes - 1} and {JOB_VARIABLE}=a name of its own for the job"
        )
    if node.number >= nodes:
        raise ConfigError(f"runtime.nodes: this is machine {node.number}, counted from 0, of only {nodes}")
    return node.number > 0


def forget_meeting(config: RunConfig, home: Path) -> None:
    """Removes what a start of the same job left when it was killed; the first machine calls this when it starts."""
    node = this_node() if config.runtime.nodes > 1 else None
    if node is not None:
        _path(home, node).unlink(missing_ok=True)


@contextlib.contextmanager
def publish(meeting: Meeting, home: Path, node: Node | None) -> Iterator[None]:
    """Lets the other machines of the job find the meeting; nothing to do where there are none (None)."""
    if node is None:
        yield
        return
    path = _path(home, node)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    write_file(path, msgspec.json.encode(meeting), 0o600)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def wait_for_meeting(home: Path, node: Node) -> Meeting:
    """Waits until the first machine has its devices and is ready."""
    while True:
        with contextlib.suppress(OSError):
            return msgspec.json.decode(_path(home, node).read_bytes(), type=Meeting)
        time.sleep(_POLL_SECONDS)


def _path(home: Path, node: Node) -> Path:
    return home / ".meetings" / f"{node.job}.json"
