"""Gradients that are not finite: no weight takes them up, they are counted, and too many of them end the run."""

import msgspec
import pytest
import torch

from engine.config import BatchConfig, ConfigError, LossConfig, OptimizerConfig, RunConfig
from engine.training.checkpoint import load_checkpoint, newest_whole, save_checkpoint
from engine.training.errors import NonFiniteError
from engine.training.loop import train
from engine.training.optimizer import clip_gradients
from engine.training.trainer import Trainer

NAN, INFINITE = float("nan"), float("inf")


def config_of(**optimizer):
    return RunConfig(
        seed=2,
        batch=BatchConfig(size=8),
        loss=LossConfig(learned_temperature=True),
        optimizer=OptimizerConfig(learning_rate=1e-3, max_steps=20, **optimizer),
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


def spoil(trainer, steps, value=NAN):
    """From here on one number of the gradients of these updates is ``value``."""

    def spoiled(gradient):
        if trainer.step + 1 not in steps:
            return gradient
        gradient = gradient.clone()
        gradient.view(-1)[0] = value
        return gradient

    parameter = next(iter(trainer.encoder.parameters()))
    parameter.register_hook(spoiled)


def state_of(trainer):
    """Copies of weights, moments, step counts and average."""
    tensors = dict(trainer.named_parameters())
    tensors |= {(name, key): v for name, p in tensors.items() for key, v in trainer.optimizer.state[p].items()}
    tensors |= {("average", name): v for name, v in (trainer.average.tensors if trainer.average else {}).items()}
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


class Watcher:
    def __init__(self):
        self.records = []

    def boundary(self):
        pass

    def record(self, record):
        self.records.append(record)

    def checkpoint(self):
        pass

    def evaluate(self):
        return False


@pytest.mark.parametrize("value", [NAN, INFINITE])
@pytest.mark.parametrize("clip", [0.0, 1.0])
def test_an_update_without_a_finite_gradient_changes_nothing(clip, value, make_trainer):
    trainer = make_trainer(config_of(clip=clip, ema_decay=0.5))
    spoil(trainer, {2}, value)
    assert trainer.update().notes == ()
    before = state_of(trainer)
    record = trainer.update()
    assert record.notes == ("step 2: the gradient is infinite or NaN, its update is left out",)
    assert not torch.isfinite(torch.tensor(record.grad_norm))
    assert equal(state_of(trainer), before)
    assert trainer.update().notes == ()
    after = state_of(trainer)
    assert not any(torch.equal(after[name], before[name]) for name in trainer.average.tensors)
    assert not any(torch.equal(after["average", name], before["average", name]) for name in trainer.average.tensors)


def test_without_clipping_no_gradient_is_changed():
    """Finite ones too large for a finite norm were all divided by it, infinity, and became NaN or 0."""
    large, small = torch.nn.Parameter(torch.zeros(2)), torch.nn.Parameter(torch.zeros(1))
    large.grad, small.grad = torch.tensor([3e19, INFINITE]), torch.tensor([1.0])
    assert clip_gradients([large, small], 0.0) == INFINITE
    assert torch.equal(large.grad, torch.tensor([3e19, INFINITE]))
    assert torch.equal(small.grad, torch.tensor([1.0]))


def test_only_the_first_one_and_powers_of_two_are_told(make_trainer):
    trainer = make_trainer(config_of(max_nonfinite=0))
    spoil(trainer, {2, 4, *range(6, 30)})
    told = [(record.step, record.notes) for record in (trainer.update() for _ in range(12)) if record.notes]
    assert [step for step, _ in told] == [2, 4, 7, 11]
    assert told[-1][1] == ("step 11: the gradient is infinite or NaN, its update is left out, 8 updates by now",)


def test_as_many_in_a_row_as_the_config_allows_end_the_run(make_trainer):
    """Those before an update that was made do not count."""
    trainer, watcher = make_trainer(config_of(max_nonfinite=3)), Watcher()
    spoil(trainer, {1, 2, 4, 5, 7, 8, 9, 10})
    with pytest.raises(NonFiniteError, match=r"^optimizer.max_nonfinite: 3 updates in a row were .* up to step 9,"):
        train(trainer, trainer.config, watcher)
    assert [record.step for record in watcher.records] == list(range(1, 10))
    assert trainer.is_finite()


def test_none_end_it_where_there_is_no_limit(make_trainer):
    trainer, watcher = make_trainer(config_of(max_nonfinite=0)), Watcher()
    spoil(trainer, set(range(1, 21)))
    train(trainer, trainer.config, watcher)
    assert len(watcher.records) == 20


@pytest.mark.parametrize("limit", [0, 10])
def test_weights_that_are_not_finite_end_the_run_at_the_next_update(limit, make_trainer):
    trainer, watcher = make_trainer(config_of(max_nonfinite=limit)), Watcher()
    with torch.no_grad():
        next(iter(trainer.encoder.parameters())).fill_(NAN)
    with pytest.raises(NonFiniteError, match=r"^optimizer: some weights are infinite or NaN after step 1$"):
        train(trainer, trainer.config, watcher)
    assert isinstance(NonFiniteError(""), ConfigError)


def test_weights_that_no_batch_uses_are_looked_at_before_they_are_saved(make_trainer):
    """An embedding that is NaN shows in no gradient."""
    config = config_of()
    config = msgspec.structs.replace(config, optimizer=msgspec.structs.replace(config.optimizer, max_steps=2))
    trainer, saved = make_trainer(config), []
    watcher = Watcher()
    watcher.checkpoint = lambda: saved.append(trainer.step)
    tokens = trainer.encoder.model.get_input_embeddings().weight
    with torch.no_grad():
        tokens[-1].fill_(INFINITE)
    with pytest.raises(NonFiniteError, match="after step 2"):
        train(trainer, config, watcher)
    assert saved == []


def test_a_resumed_run_counts_on_and_equals_one_that_never_stopped(make_trainer, tmp_path):
    config, bad = config_of(max_nonfinite=4, ema_decay=0.9), {2, 4, 5, 6, 7}
    whole = make_trainer(config)
    spoil(whole, bad)
    for _ in range(5):
        whole.update()
    saved = save_checkpoint(whole, tmp_path, keep=1)
    assert (whole.skipped.count, whole.skipped.in_a_row) == (3, 2)

    resumed = make_trainer(config)
    spoil(resumed, bad)
    load_checkpoint(resumed, saved.path)
    assert (resumed.skipped.count, resumed.skipped.in_a_row) == (3, 2)
    ends = []
    for trainer in (whole, resumed):
        watcher = Watcher()
        with pytest.raises(NonFiniteError, match="up to step 7"):
            train(trainer, config, watcher)
        ends.append(([(r.step, r.loss, r.notes) for r in watcher.records], state_of(trainer)))
    assert ends[0][0] == ends[1][0]
    assert equal(ends[0][1], ends[1][1])


def test_checkpoints_of_weights_that_are_not_finite_push_out_no_finite_one(make_trainer, tmp_path):
    trainer = make_trainer(config_of())
    for step in (1, 2, 3):
        trainer.step = step
        save_checkpoint(trainer, tmp_path, keep=2)
    sound = next(iter(trainer.encoder.parameters())).detach().clone()
    with torch.no_grad():
        next(iter(trainer.encoder.parameters())).view(-1)[0] = NAN
    for step in (4, 5, 6):
        trainer.step = step
        save_checkpoint(trainer, tmp_path, keep=2)
        assert names(tmp_path) == ["step-000002", "step-000003", f"step-00000{step}"]
    told = []
    assert newest_whole(tmp_path, told.append).name == "step-000003"
    assert ["step-000006 are infinite or NaN" in message for message in told] == [True]
    with torch.no_grad():
        next(iter(trainer.encoder.parameters())).copy_(sound)
    trainer.step = 7
    save_checkpoint(trainer, tmp_path, keep=2)
    assert names(tmp_path) == ["step-000003", "step-000007"]


def names(folder):
    return sorted(path.name for path in folder.iterdir())
