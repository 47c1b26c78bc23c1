"""The process of one rank, started by torch's agent (engine.distributed.agent) with torchrun's variables set.

Rank 0 takes over the run's lock, which the agent passes on as standard input, the only descriptor that torch's agent
leaves to its children; it writes the log and obeys commands. Both hold the lock then: it is free only when the agent
and rank 0 are gone. The other ranks give up their copy at once.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import signal
import sys
import traceback
from pathlib import Path

from engine.config import RunConfig
from engine.distributed.errors import EXIT_RANK_LOST, EXIT_SPOKEN, RankLost
from engine.runs.folder import RunFolder, Spec, read_spec
from engine.runs.lock import RunLock
from engine.worker.attempt import EXIT_FAILED, attempt, open_session
from engine.worker.loading import import_frameworks
from engine.worker.session import LostRun

_PR_SET_PDEATHSIG = 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m engine.distributed.rank", description="One rank of a run.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--attempt", type=int, required=True)
    parser.add_argument("--devices", required=True, help="of this machine's ranks: cuda:0,cuda:1")
    parser.add_argument("--agent", type=int, required=True, help="process id of the agent")
    parser.add_argument("--evaluate", action="store_true")
    options = parser.parse_args()
    die_with(options.agent)
    inherited = os.dup(0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    folder = RunFolder(options.folder)
    devices = options.devices.split(",")
    device = devices[int(os.environ["LOCAL_RANK"])]
    if int(os.environ["RANK"]) == 0:
        lock = RunLock.adopt(folder, inherited)
        return _lead(folder, read_spec(folder), lock, options, device, len(devices))
    os.close(inherited)
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)  # a batch scheduler signals every process; rank 0 decides for all
    return _follow(read_spec(folder).config, device, len(devices))


def _lead(
    folder: RunFolder, spec: Spec, lock: RunLock, options: argparse.Namespace, device: str, processes: int
) -> int:
    """0 once the others were let go; what became of the run is in its log."""
    session = open_session(folder, lock, options.attempt)
    try:
        import_frameworks()
        from engine.distributed.lead import Lead

        queued = session.state.device
        lead = Lead(device, device if queued is None else queued.name, processes)
        status = attempt(session, spec, evaluate_only=options.evaluate, lead=lead)
        # After a failure nobody knows what the others wait for.
        dismissed = status != EXIT_FAILED and lead.dismiss()
    except LostRun:
        os._exit(EXIT_SPOKEN)  # without a last word: the log is no longer ours to write
    except RankLost as lost:
        print(f"rank 0: {lost}", file=sys.stderr, flush=True)
        session.close()
        os._exit(EXIT_RANK_LOST)  # torch's own clean-up would wait for the rank that is lost
    session.close()
    if not dismissed:
        os._exit(EXIT_SPOKEN)
    return 0


def _follow(config: RunConfig, device: str, processes: int) -> int:
    import_frameworks()
    from torch.distributed.elastic.multiprocessing.errors import record

    from engine.distributed.follow import follow

    try:
        record(follow)(config, device, processes)  # leaves an error where the agent finds it
    except RankLost as lost:
        print(f"rank {os.environ['RANK']}: {lost}", file=sys.stderr, flush=True)
        os._exit(EXIT_RANK_LOST)
    except Exception:
        traceback.print_exc()
        os._exit(EXIT_FAILED)  # at once, before the others notice and leave
    return 0


def die_with(agent: int) -> None:
    """Killed with the agent, however it ends: a rank without an agent would hold its device for ever."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != agent:
        os._exit(EXIT_RANK_LOST)


if __name__ == "__main__":
    sys.exit(main())
