"""Numbers of an update on a device that lags behind: nobody waits for the newest ones, and none is lost."""

from collections import deque

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from engine.config import BatchConfig, LossConfig, OptimizerConfig, RunConfig
from engine.training import step_values
from engine.training.step_values import StepValues
from engine.training.trainer import Trainer


class LateCopy:
    """A copy to the host of which nothing is there before its event says so."""

    def __init__(self, device, numbers):
        self._device, self._numbers = device, numbers
        self.host = torch.full_like(numbers, float("nan"))

    def finish(self):
        self.host.copy_(self._numbers)

    def query(self):
        return self not in self._device.copies

    def synchronize(self):
        if not self.query():
            self._device.waits += 1
            self._device.finish(self)


class SlowDevice:
    """Computes updates ``lag`` behind the host.

    Attributes:
        copies: those under way, the oldest first.
        waits: how often the host waited for one.
    """

    def __init__(self, lag):
        self._lag, self.copies, self.waits = lag, deque(), 0

    def to_host(self, numbers):
        self.copies.append(LateCopy(self, numbers.clone()))
        newest = self.copies[-1]
        while len(self.copies) > self._lag:
            self.copies.popleft().finish()
        return newest.host, newest

    def finish(self, copy):
        while copy in self.copies:
            self.copies.popleft().finish()


class NoReading(TorchDispatchMode):
    """Fails where a tensor becomes a number of Python, which waits on a GPU."""

    def __torch_dispatch__(self, operator, types, arguments=(), options=None):
        assert operator is not torch.ops.aten._local_scalar_dense.default, "a number was read"
        return operator(*arguments, **(options or {}))


def config_of(**loss):
    return RunConfig(
        seed=2,
        batch=BatchConfig(size=8),
        loss=LossConfig(**loss),
        optimizer=OptimizerConfig(learning_rate=1e-3, max_steps=20),
    )


@pytest.fixture
def make_trainer(corpora, make_encoder):
    trainers = []

    def make(config):
        trainers.append(Trainer(config, make_encoder(0.1), corpora, torch.device("cpu")))
        return trainers[-1]

    yield make
    for trainer in trainers:
        trainer.close()


@pytest.fixture
def device(monkeypatch):
    device = SlowDevice(lag=2)
    monkeypatch.setattr(step_values, "_to_host", device.to_host)
    return device


def test_values_are_those_that_were_given():
    loss, norm = torch.tensor(1 / 3), torch.tensor(float("inf"))
    plain = StepValues.of(loss, norm)
    assert (plain.loss, plain.grad_norm, plain.temperature, plain.scale) == (loss.item(), float("inf"), None, None)
    scaled = StepValues.of(loss, norm, scale=torch.tensor(4.0))
    assert (scaled.temperature, scaled.scale) == (None, 4.0)
    both = StepValues.of(loss.double(), norm, temperature=torch.tensor(0.05), scale=torch.tensor(4.0))
    assert (both.loss, both.temperature, both.scale) == (loss.item(), torch.tensor(0.05).item(), 4.0)


def test_later_writes_do_not_reach_what_was_copied():
    """The weights of the loss are updated in place while the copy is on its way."""
    temperature = torch.tensor(0.5)
    values = StepValues.of(torch.ones(()), torch.ones(()), temperature=temperature)
    temperature.fill_(9.0)
    assert values.temperature == 0.5


def test_updates_wait_for_no_number_and_later_all_are_the_same(device, make_trainer, monkeypatch):
    trainer = make_trainer(config_of(learned_temperature=True))
    with NoReading():
        records = [trainer.update() for _ in range(5)]
        trainer.check(weights=False)
    assert [record.has_arrived() for record in records] == [True, True, True, False, False]
    assert device.waits == 0
    late = [(record.loss, record.grad_norm, record.temperature) for record in records]
    assert device.waits == 2
    monkeypatch.undo()
    trainer = make_trainer(config_of(learned_temperature=True))
    plain = [trainer.update() for _ in range(5)]
    assert late == [(record.loss, record.grad_norm, record.temperature) for record in plain]


def test_a_lost_update_is_told_when_its_number_arrives_and_known_where_one_waits(device, make_trainer):
    trainer = make_trainer(config_of())
    parameter = next(iter(trainer.encoder.parameters()))
    parameter.register_hook(lambda gradient: gradient * float("nan") if trainer.step + 1 in (2, 5) else gradient)
    records = [trainer.update() for _ in range(5)]
    assert [len(record.notes) for record in records] == [0, 0, 0, 1, 0], "two updates behind"
    assert records[3].notes == ("step 2: the gradient is infinite or NaN, its update is left out",)
    assert trainer.skipped.count == 1
    assert trainer.skipped.state() == (2, 1)
