"""What the devices of this machine are at, who is on them and who waits: made in the reader thread."""

from __future__ import annotations

import pwd
import socket
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.machine.cores import usable_cores
from engine.machine.gpu_usage import GpuProcess, GpuUsage, NoUsage, read_gpus
from engine.machine.gpus import has_driver
from engine.machine.load import load_average, memory
from engine.runs.device_locks import cpu_slots
from engine.runs.device_queue import Holder, Waiting, holder_of, waiting_line
from engine.runs.errors import RunError
from tui.follow.rows import RunRow
from tui.numbers import visible

_HISTORY = 120  # looks that the small charts remember


@dataclass(frozen=True)
class Occupant:
    """Who is on a device. ``row`` is None for what is no run of this home."""

    text: str  # a run's name, or the program, its user and process
    row: RunRow | None = None
    is_ours: bool = True  # a run of this program, of this home or another


@dataclass(frozen=True)
class GpuState:
    usage: GpuUsage
    history: tuple[float, ...]  # percent, oldest first
    occupants: tuple[Occupant, ...]


@dataclass(frozen=True)
class SlotState:
    """One of the runs that may compute on the CPU at once."""

    name: str
    occupant: Occupant | None


@dataclass(frozen=True)
class WaitingState:
    """A run in the line, and why it waits."""

    name: str
    row: RunRow | None  # None: of another home
    wants: str
    why: str
    free_at: float | None  # unix seconds at which its device will be free, more or less


@dataclass(frozen=True)
class DevicesState:
    host: str
    gpus: tuple[GpuState, ...]
    no_gpus: str  # why nothing is told of GPUs; empty where there are some
    slots: tuple[SlotState, ...]
    cores: int
    load: float | None  # processes that ran or waited for a core, over the last minute
    load_history: tuple[float, ...]
    memory: tuple[int, int] | None  # bytes used, bytes there are
    queue: tuple[WaitingState, ...]


class DeviceReader:
    """Owned by the reader thread; remembers what the small charts show."""

    def __init__(self) -> None:
        self._use: dict[str, deque[float]] = {}  # percent, by GPU
        self._load: deque[float] = deque(maxlen=_HISTORY)

    def read(self, rows: Sequence[RunRow], now: float) -> DevicesState:
        """``rows``: the runs of the home. ``now``: unix seconds."""
        by_id = {row.id: row for row in rows}
        gpus, no_gpus = self._gpus(by_id)
        slots = _slots(by_id)
        load = load_average()
        if load is not None:
            self._load.append(load)
        free_in = {f"gpu-{gpu.usage.uuid}": _free_in(gpu.occupants) for gpu in gpus}
        free_in |= {slot.name: _free_in(() if slot.occupant is None else (slot.occupant,)) for slot in slots}
        last = {f"gpu-{gpu.usage.uuid}": gpu.occupants[0].text for gpu in gpus if gpu.occupants}
        last |= {slot.name: slot.occupant.text for slot in slots if slot.occupant is not None}
        return DevicesState(
            host=visible(socket.gethostname()),
            gpus=gpus,
            no_gpus=no_gpus,
            slots=slots,
            cores=usable_cores(),
            load=load,
            load_history=tuple(self._load),
            memory=memory(),
            queue=tuple(_queue(waiting_line(), by_id, free_in, last, now)),
        )

    def _gpus(self, rows: Mapping[str, RunRow]) -> tuple[tuple[GpuState, ...], str]:
        try:
            usages = read_gpus()
        except NoUsage as error:
            return (), visible(str(error)) if has_driver() else "no NVIDIA GPU on this machine"
        for usage in usages:
            history = self._use.setdefault(usage.uuid, deque(maxlen=_HISTORY))
            if usage.utilization is not None:
                history.append(usage.utilization)
        states = [GpuState(usage, tuple(self._use[usage.uuid]), _occupants(usage, rows)) for usage in usages]
        return tuple(states), "" if states else "no NVIDIA GPU on this machine"


def _occupants(usage: GpuUsage, rows: Mapping[str, RunRow]) -> tuple[Occupant, ...]:
    """The run that has the lock of the GPU, and whoever else has processes on it."""
    holder = holder_of(f"gpu-{usage.uuid}")
    ours = () if holder is None else (_run(holder, rows),)
    pids = _family(holder.pid) if holder is not None and holder.pid is not None else frozenset()
    return (*ours, *(_stranger(process) for process in usage.processes if process.pid not in pids))


def _family(pid: int) -> frozenset[int]:
    """A process and its children: of several ranks the agent has the lock, and the ranks are on the GPU."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return frozenset({pid})
    return frozenset({pid, *map(int, children)})


def _run(holder: Holder, rows: Mapping[str, RunRow]) -> Occupant:
    row = rows.get(holder.run)
    return Occupant(visible(holder.run) if row is None else row.name, row)


def _stranger(process: GpuProcess) -> Occupant:
    """The program, the user and the process of somebody else, as far as this machine tells."""
    try:
        program = Path(f"/proc/{process.pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
        owner = Path(f"/proc/{process.pid}").stat().st_uid
    except OSError:
        return Occupant(f"pid {process.pid}", is_ours=False)
    try:
        user = pwd.getpwuid(owner).pw_name
    except KeyError:
        user = str(owner)
    return Occupant(visible(f"{program} (user {user}, pid {process.pid})"), is_ours=False)


def _slots(rows: Mapping[str, RunRow]) -> tuple[SlotState, ...]:
    try:
        locks = cpu_slots()
    except RunError:
        return ()  # the variable that counts them is wrong, which every run says
    held = [(lock.name, holder_of(lock.name)) for lock in locks]
    return tuple(SlotState(name, None if holder is None else _run(holder, rows)) for name, holder in held)


def _free_in(occupants: Sequence[Occupant]) -> float | None:
    """Seconds; 0 for a device that nobody is on, None where nobody knows."""
    if not occupants:
        return 0.0
    row = occupants[0].row
    return row.seconds_left if row is not None and len(occupants) == 1 else None


def _queue(
    line: Sequence[Waiting], rows: Mapping[str, RunRow], free_in: dict[str, float | None], last: dict[str, str],
    now: float,
) -> list[WaitingState]:  # fmt: skip
    """Each takes the device that is free first, as the line does; who comes later waits for that run too."""
    states = []
    for waiting in line:
        row = rows.get(waiting.run)
        name = row.name if row is not None else visible(waiting.run)
        wanted = [device for device in waiting.wanted if device in free_in]
        together = _together(row, len(wanted))
        taken = wanted if together else _soonest(wanted, free_in)
        times = [free_in[device] for device in taken]
        known = [time for time in times if time is not None]
        seconds = max(known) if known and len(known) == len(times) else None
        before = list(dict.fromkeys(last[device] for device in taken if device in last))
        why = f"after {' and '.join(before)}" if before else _said(row)
        if together and len(wanted) > 1:
            why += ", all at once: nobody who came later goes first"
        states.append(WaitingState(name, row, _wants(waiting.wanted, together), why,
                                   now + seconds if seconds else None))  # fmt: skip
        for device in taken:
            free_in[device], last[device] = None, name  # how long it will take, nobody has measured
    return states


def _together(row: RunRow | None, devices: int) -> bool:
    """Whether the run wants all the devices, or any one of them."""
    if row is None or row.config is None or devices < 2:
        return False
    _, _, which = row.config.runtime.devices.partition(":")
    return which == "all" or "," in which


def _soonest(wanted: Sequence[str], free_in: Mapping[str, float | None]) -> list[str]:
    known = [device for device in wanted if free_in[device] is not None]
    return [min(known, key=lambda device: free_in[device] or 0.0)] if known else list(wanted[:1])


def _wants(wanted: Sequence[str], together: bool) -> str:
    if all(name.startswith("cpu") for name in wanted):
        return "wants a CPU slot"
    return f"wants {len(wanted)} GPUs" if together else "wants 1 GPU"


def _said(row: RunRow | None) -> str:
    """What the run itself says that it waits for."""
    return row.reason if row is not None and row.state == "queued" else "takes the next device"
