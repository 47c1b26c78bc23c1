"""The process of one rank, started by torchrun's launcher (engine.worker.agent) with its variables set.

Every rank runs the same training loop. Rank 0 writes the log and obeys commands, as the worker of a run of one process
does. It takes over the run's lock, which the agent passes on as standard input; both hold it then, and it is free only
when both are gone. The other ranks give up their copy at once, write nothing in the run's folder, and what they print
goes to worker.log.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from engine.config import RunConfig, needs_whole_weights
from engine.runs.errors import EXIT_RANK_LOST, RankLost
from engine.runs.folder import RunFolder, read_spec
from engine.runs.lock import RunLock
from engine.worker.attempt import EXIT_FAILED, attempt, open_session
from engine.worker.devices import HeldDevice
from engine.worker.loading import build_trainer, import_frameworks, load_corpora, set_up_torch
from engine.worker.session import PAUSE_SIGNALS, LostRun

if TYPE_CHECKING:
    from engine.distributed.control import Action
    from engine.distributed.mesh import Mesh
    from engine.training.trainer import Trainer

_PR_SET_PDEATHSIG = 1
_GRACE_SECONDS = 2.0  # for rank 0 to tell of the error that a rank has too, before that one ends them all


def run_rank(folder: RunFolder, number: int, devices: list[str], agent: int) -> int:
    """Takes part in attempt ``number``; returns this process's exit status. ``devices``: of this machine's ranks."""
    obey(agent)
    _watch_machines()
    inherited = os.dup(0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    device = devices[int(os.environ["LOCAL_RANK"])]
    if int(os.environ["RANK"]) == 0:
        return _lead(folder, number, RunLock.adopt(folder, inherited), device, len(devices))
    os.close(inherited)
    for signum in (signal.SIGHUP, *PAUSE_SIGNALS):
        signal.signal(signum, signal.SIG_IGN)  # a batch scheduler signals every process; rank 0 decides for all
    return _follow(folder, read_spec(folder).config, device, len(devices))


def obey(agent: int) -> None:
    """This process is killed with the agent, however that ends, and leaves at once when the agent asks it to.

    The agent sends SIGTERM where another rank has failed; anybody else means pause by it.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != agent:
        os._exit(EXIT_RANK_LOST)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

    def wait() -> None:
        while not _comes_from(agent):
            os.kill(os.getpid(), signal.SIGUSR1)
        os._exit(EXIT_RANK_LOST)

    threading.Thread(target=wait, name="agent", daemon=True).start()


def _comes_from(agent: int) -> bool:
    """Waits for SIGTERM; whether the agent sent it. Where no system call tells (macOS) everyone's counts as its own."""
    if not hasattr(signal, "sigwaitinfo"):
        signal.sigwait({signal.SIGTERM})
        return True
    return signal.sigwaitinfo({signal.SIGTERM}).si_pid == agent


def _watch_machines() -> None:
    """The first rank of each machine leaves, and with it the others, when another machine no longer answers."""
    from torch.distributed import TCPStore  # type: ignore[attr-defined]
    from torch.distributed.elastic.multiprocessing.errors import get_error_handler

    from engine.distributed.control import watch_machines

    machine, machines, first = (int(os.environ[name]) for name in ("GROUP_RANK", "GROUP_WORLD_SIZE", "LOCAL_RANK"))
    if machines == 1 or first != 0:
        return
    store = TCPStore(os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]), is_master=False)

    def leave(line: str) -> None:
        get_error_handler().record_exception(RankLost(line))
        print(line, file=sys.stderr, flush=True)
        os._exit(EXIT_RANK_LOST)

    watch_machines(store, machine, machines, leave)


def _lead(folder: RunFolder, number: int, lock: RunLock, device: str, processes: int) -> int:
    """Rank 0: 0 once the others were let go; what became of the run is in its log."""
    from torch.distributed.elastic.multiprocessing.errors import record

    session = open_session(folder, lock, number)
    mesh: Mesh | None = None

    def lead() -> int:
        nonlocal mesh
        import_frameworks()
        from engine.distributed.mesh import Mesh

        spec = read_spec(folder)
        queued = session.state.device
        held = HeldDevice(device, device if queued is None else queued.name, lock=None)
        set_up_torch(spec.config.runtime, processes)
        mesh = Mesh(held.torch_device, _parallel(spec.config))
        return attempt(session, spec, evaluate_only=False, mesh=mesh, held=held)

    try:
        status = record(lead)()
    except LostRun:
        os._exit(EXIT_FAILED)  # without a last word: the log is no longer ours to write
    except RankLost as lost:
        print(f"rank 0: {lost}", file=sys.stderr, flush=True)
        session.close()
        os._exit(EXIT_RANK_LOST)  # torch's own clean-up would wait for the rank that is lost
    session.close()
    if status == EXIT_FAILED or mesh is None or not mesh.is_in_step:
        os._exit(EXIT_FAILED)  # the others wait for what will not come, and are ended
    mesh.dismiss()
    return 0


def _follow(folder: RunFolder, config: RunConfig, device: str, processes: int) -> int:
    """Every other rank."""
    from torch.distributed.elastic.multiprocessing.errors import record

    try:
        record(_take_part)(folder, config, device, processes)  # leaves an error where the agent finds it
    except RankLost as lost:
        print(f"rank {os.environ['RANK']}: {lost}", file=sys.stderr, flush=True)
        os._exit(EXIT_RANK_LOST)
    except Exception:
        traceback.print_exc()
        time.sleep(_GRACE_SECONDS)
        os._exit(EXIT_FAILED)
    return 0


def _take_part(folder: RunFolder, config: RunConfig, device: str, processes: int) -> None:
    import_frameworks()
    import torch

    from engine.distributed.control import Dismissed
    from engine.distributed.mesh import Mesh

    set_up_torch(config.runtime, processes)
    mesh = Mesh(torch.device(device), _parallel(config))
    trainer: Trainer | None = None
    try:
        trainer = _build(config, torch.device(device), mesh)
        _train(trainer, config, mesh)
    except Dismissed:
        mesh.close()
    finally:
        if trainer is not None:
            trainer.close()


def _build(config: RunConfig, device: Any, mesh: Mesh) -> Trainer:
    """When rank 0 has built its own, so that what that has put into caches is there."""
    from engine.training.checkpoint import load_checkpoint

    mesh.control.listen()
    checkpoint: Path | None = mesh.control.receive()
    trainer = build_trainer(config, load_corpora(config, _quiet), device, _quiet, mesh, checkpoint)
    if checkpoint is not None:
        load_checkpoint(trainer, checkpoint, checked=True)
    return trainer


def _train(trainer: Trainer, config: RunConfig, mesh: Mesh) -> None:
    """Until rank 0 dismisses the others."""
    from engine.distributed.control import Action, Follower
    from engine.distributed.encode import help_encoding
    from engine.training.checkpoint import load_checkpoint
    from engine.training.loop import train

    def carry_out(action: Action, _: int) -> None:
        if action is Action.ENCODE:
            with trainer.finished() as encoder:
                help_encoding(encoder, mesh, carry_out)
        elif action is Action.LOAD:
            load_checkpoint(trainer, mesh.control.receive(), checked=True)
        elif action is Action.WEIGHTS:
            with trainer.ranks.whole(trainer.encoder):
                pass
        else:
            trainer.ranks.whole_tensors(trainer.optimizer_state().values())

    follower = Follower(trainer, mesh.control, carry_out)
    train(trainer, config, follower)
    while True:  # rank 0 saves the model
        follower.follow()


def _parallel(config: RunConfig) -> Literal["auto", "replicate", "shard"]:
    """As the config has it; "auto" replicates where one of its options needs that."""
    chosen = config.runtime.parallel
    return "replicate" if chosen == "auto" and needs_whole_weights(config) else chosen


def _quiet(*_: object) -> None:
    """Rank 0 reports progress for all."""
