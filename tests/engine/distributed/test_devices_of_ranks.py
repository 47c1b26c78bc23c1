"""How many processes a config asks for, and that a run takes all of its devices or none."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from engine.config import ConfigError, RuntimeConfig, parse_config, ranks_per_node, several_ranks
from engine.runs.device_locks import DeviceLock
from engine.runs.folder import RunFolder
from engine.worker import devices as device

SOURCE = '[[sources]]\nkind = "cldr"\n'


@pytest.mark.parametrize(
    ("devices", "ranks"),
    [
        ("auto", 1),
        ("cpu", 1),
        ("cuda", 1),
        ("cuda:3", 1),
        ("cpu:1", 1),
        ("cpu:4", 4),
        ("cuda:0,2", 2),
        ("cuda:all", None),
    ],
)
def test_devices_say_how_many_processes_a_machine_has(devices, ranks):
    assert ranks_per_node(devices) == ranks
    assert several_ranks(RuntimeConfig(devices=devices)) is (ranks != 1)
    assert several_ranks(RuntimeConfig(devices=devices, nodes=2))


@pytest.mark.parametrize("devices", ["cpu:0", "cuda:", "cuda:a", "cuda:0,", "cuda:0-3", "gpu", "cpu:2,3"])
def test_devices_that_mean_nothing_are_refused(devices):
    with pytest.raises(ConfigError, match=r"runtime\.devices"):
        parse_config(SOURCE, overrides=[f"runtime.devices={devices}"])


@pytest.mark.parametrize(
    ("overrides", "error"),
    [
        (["batch.size=6", "runtime.devices=cpu:4"], "batch.size: 6 pairs cannot be shared evenly by 4 ranks"),
        (["batch.size=6", "runtime.devices=cpu:2", "runtime.nodes=2"], "batch.size: 6 pairs .* by 4 ranks"),
        (["runtime.devices=cuda:1,1"], "runtime.devices: 'cuda:1,1' names a GPU twice"),
    ],
)
def test_what_ranks_cannot_do_is_one_line(overrides, error):
    with pytest.raises(ConfigError, match=f"^config, --set: {error}"):
        parse_config(SOURCE, overrides=overrides)


class Queue(SimpleNamespace):
    """A queue in which ``turn`` is called each time it waits."""

    def emit(self, event):
        self.told.append(event.waiting_for)

    def boundary(self, *, within):
        self.turn()


def test_a_run_takes_all_of_its_gpus_or_none(monkeypatch, tmp_path):
    """Two runs that each hold one of two GPUs would wait for each other for ever."""
    locks = [DeviceLock("gpu-a"), DeviceLock("gpu-b")]
    gpus = [device._Candidate(f"cuda:{i}", f"GPU{i}", lock, lambda: None) for i, lock in enumerate(locks)]
    monkeypatch.setattr(device, "_all_gpus", lambda: gpus)
    monkeypatch.setattr(device, "torch_indices", lambda uuids: range(len(uuids)))
    monkeypatch.setattr(device, "_POLL_SECONDS", 0.0)
    other, first = DeviceLock("gpu-b"), DeviceLock("gpu-a")
    assert other.try_acquire("other run")

    def turn():
        assert first.try_acquire("a look"), "the first GPU is held by a run that waits for the second"
        first.release()
        other.release()

    queue = Queue(folder=RunFolder(tmp_path / "run"), told=[], turn=turn)
    held = device.wait_for_devices(RuntimeConfig(devices="cuda:0,1"), queue)
    assert held.devices == ("cuda:0", "cuda:1")
    assert queue.told == ["GPU1 (held by other run)", None]
    with pytest.raises(ConfigError, match="no cuda:5 on this machine, which has cuda:0 to cuda:1"):
        device.wait_for_devices(RuntimeConfig(devices="cuda:0,5"), queue)


def test_processes_on_the_cpu_share_one_slot_of_it(tmp_path):
    queue = Queue(folder=RunFolder(tmp_path / "run"), told=[], turn=None)
    held = device.wait_for_devices(RuntimeConfig(devices="cpu:3", threads=6), queue)
    assert held.devices == ("cpu", "cpu", "cpu")
    assert len(held.locks) == 1
