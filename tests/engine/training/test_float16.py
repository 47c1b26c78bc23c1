"""float16: trained with a scaled loss that leaves out what overflows, on any number of ranks, resumed bit for bit."""

from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256

import msgspec
import numpy as np
import pytest
import torch

from engine.config import BatchConfig, LoraConfig, LossConfig, ModelConfig, OptimizerConfig, RunConfig, RuntimeConfig
from engine.encoder import load_encoder
from engine.training.backward import Backward
from engine.training.checkpoint import load_checkpoint, save_checkpoint
from engine.training.errors import NonFiniteError
from engine.training.optimizer import clip_gradients
from engine.training.ranks import Alone
from engine.training.scaling import LossScaler
from engine.training.skipping import SkippedUpdates
from engine.training.step_values import StepValues
from engine.training.trainer import Trainer

pytestmark = pytest.mark.long

OPTIONS = {
    "plain": {},
    "average": {"optimizer": OptimizerConfig(learning_rate=1e-3, warmup_steps=2, max_steps=20, ema_decay=0.9)},
    "adapters": {"lora": LoraConfig(rank=4, dropout=0.1, targets=("query", "value"))},
    "micro-batches": {"runtime": RuntimeConfig(precision="float16", tokens_per_micro_batch=60)},
    "padded": {"runtime": RuntimeConfig(precision="float16", layout="padded")},
    "checkpointing": {"runtime": RuntimeConfig(precision="float16", gradient_checkpointing=True)},
}


def config_of(which="plain", precision="float16"):
    config = RunConfig(
        seed=2,
        batch=BatchConfig(size=8),
        loss=LossConfig(learned_temperature=True),
        optimizer=OptimizerConfig(learning_rate=1e-3, warmup_steps=2, max_steps=20),
        runtime=RuntimeConfig(precision=precision),
    )
    return msgspec.structs.replace(config, **OPTIONS[which])


@pytest.fixture
def make_trainer(corpora, make_encoder):
    trainers = []

    def make(config, dropout=0.1):
        trainers.append(Trainer(config, make_encoder(dropout), corpora, torch.device("cpu")))
        return trainers[-1]

    yield make
    for trainer in trainers:
        trainer.close()


def set_scale(trainer, scale):
    trainer.scaler.load_state(trainer.scaler.state() | {"scale": torch.tensor(scale, dtype=torch.float64)})


def scale_of(trainer):
    return trainer.scaler.state()["scale"].item()


def files_of(path):
    return {file.name: sha256(file.read_bytes()).hexdigest() for file in sorted(path.glob("*.safetensors"))}


@pytest.mark.parametrize("which", OPTIONS)
def test_training_follows_float32_as_far_as_float16_goes(which, make_trainer):
    """Loss, gradient norm before clipping and temperature of five updates: nothing is left scaled."""
    config = config_of(which)
    exact = msgspec.structs.replace(config, runtime=msgspec.structs.replace(config.runtime, precision="float32"))
    half, single = make_trainer(config), make_trainer(exact)
    for _ in range(5):
        found, expected = half.update(), single.update()
        assert found.loss == pytest.approx(expected.loss, rel=5e-3)
        assert found.grad_norm == pytest.approx(expected.grad_norm, rel=3e-2)
        assert found.temperature == pytest.approx(expected.temperature, rel=1e-3)
        assert not any("float16" in note for note in found.notes)
    assert half.encoder.autocast is torch.float16
    assert all(parameter.dtype == torch.float32 for _, parameter in half.named_parameters())


def test_it_computes_in_float16(corpora, make_encoder):
    encoder = make_encoder()
    exact = encoder.encode_queries(corpora[0].questions).vectors
    encoder.precision = "float16"
    rounded = encoder.encode_queries(corpora[0].questions).vectors
    assert rounded.dtype == np.float32
    assert not np.array_equal(rounded, exact)
    np.testing.assert_allclose(rounded, exact, atol=5e-3)


@pytest.mark.parametrize("which", ["plain", "average", "adapters"])
def test_an_update_that_overflows_is_left_out_told_and_halves_the_scale(which, make_trainer):
    trainer = make_trainer(config_of(which))
    trainer.update()
    set_scale(trainer, 2.0**60)
    weights = [parameter.detach().clone() for _, parameter in trainer.named_parameters()]
    moments = [trainer.optimizer.state[p]["exp_avg"].clone() for _, p in trainer.named_parameters()]
    record = trainer.update()
    assert np.isfinite(record.loss)
    assert not np.isfinite(record.grad_norm)
    assert record.step == trainer.step == 2
    assert record.notes == (
        "step 2: the gradient overflows float16, its update is left out and the loss scale halved to 5.76461e+17",
    )
    assert scale_of(trainer) == 2.0**59
    for (_, parameter), weight, moment in zip(trainer.named_parameters(), weights, moments, strict=True):
        assert torch.equal(parameter, weight)
        assert torch.equal(trainer.optimizer.state[parameter]["exp_avg"], moment)
        assert trainer.optimizer.state[parameter]["step"].item() == 1
    set_scale(trainer, 2.0**16)
    assert trainer.update().notes == ()
    assert any(not torch.equal(p, old) for (_, p), old in zip(trainer.named_parameters(), weights, strict=True))


def test_only_the_first_overflow_and_powers_of_two_are_told(make_trainer):
    trainer = make_trainer(config_of())
    set_scale(trainer, 2.0**60)
    told = [record.step for record in (trainer.update() for _ in range(9)) if record.notes]
    assert told == [1, 2, 4, 8]


def test_a_scale_below_one_names_the_way_out():
    """Gradients that no scale makes finite, as of a model whose own values overflow."""
    scaler, skipped = LossScaler(torch.device("cpu")), SkippedUpdates(10)
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.AdamW([weight], fused=True)
    notes = []
    for step in range(1, 33):
        weight.grad = torch.full_like(weight, float("nan"))
        scaler.unscale([weight])
        norm = clip_gradients([weight], 1.0)
        skipped.step(optimizer, norm, scaler)
        skipped.append(step, StepValues.of(torch.ones(()), norm, scale=scaler.factor))
        notes += skipped.take_notes()
        if step == 16 + 9:  # 2^16 is halved to 1 by 16 updates: they are a search, and none of the ten in a row
            skipped.check()
    assert [note.partition(":")[0] for note in notes] == [f"step {step}" for step in (1, 2, 4, 8, 16, 32)]
    assert notes[-1].endswith('32 updates by now: this model does not fit float16, set runtime.precision to "float32"')
    assert "set runtime.precision" not in notes[-2]
    assert torch.equal(weight, torch.ones(2))
    with pytest.raises(NonFiniteError, match="10 updates in a row were left out, up to step 26"):
        skipped.check()


def test_the_scale_is_that_of_torchs_own_scaler():
    """Over overflows, a growth and one at the largest scale there is."""
    ours, theirs = LossScaler(torch.device("cpu")), torch.amp.GradScaler("cpu")
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD([weight])
    for step in range(4100):
        weight.grad = torch.full_like(weight, float("inf" if step in (0, 3, 2050) else 1))
        theirs.scale(torch.ones(()))
        theirs.step(optimizer)
        theirs.update()
        ours.adapt(torch.tensor(step in (0, 3, 2050)))
        assert ours.state()["scale"] == theirs.get_scale()
    for scaler, state in ((ours, ours.state()), (theirs, theirs.state_dict())):
        largest, almost = 2.0**127, 1999
        if scaler is ours:
            scaler.load_state({"scale": torch.tensor(largest), "growth_tracker": torch.tensor(almost)})
            scaler.adapt(torch.tensor(False))
        else:
            scaler.load_state_dict(state | {"scale": largest, "_growth_tracker": almost})
            weight.grad = torch.ones_like(weight)
            scaler.step(optimizer)
            scaler.update()
    assert ours.state()["scale"] == theirs.get_scale() == 2.0**127


@pytest.mark.parametrize("which", OPTIONS)
def test_a_resumed_run_equals_one_that_never_stopped(which, make_trainer, tmp_path):
    """Over overflows before the stop and after it: the scale, and how often it was halved, go on too."""
    whole = make_trainer(config_of(which))
    set_scale(whole, 2.0**60)

    def update(trainer):
        record = trainer.update()
        return record.loss, record.notes, scale_of(trainer)

    assert [scale for *_, scale in (update(whole) for _ in range(3))] == [2.0**59, 2.0**58, 2.0**57]
    saved = save_checkpoint(whole, tmp_path / "stopped", keep=1)
    records = [update(whole)]
    assert "4 updates by now" in records[0][1][0]
    set_scale(whole, 2.0**16)
    records += [update(whole) for _ in range(3)]

    resumed = make_trainer(config_of(which))
    resumed.update()  # whatever a trainer did before, loading replaces it
    load_checkpoint(resumed, saved.path)
    again = [update(resumed)]
    set_scale(resumed, 2.0**16)
    assert [*again, *(update(resumed) for _ in range(3))] == records
    ends = [save_checkpoint(trainer, tmp_path / name, 1) for name, trainer in (("a", whole), ("b", resumed))]
    assert files_of(ends[0].path) == files_of(ends[1].path)
    assert "scaler.safetensors" in files_of(ends[0].path)


def test_a_checkpoint_goes_on_in_another_precision(make_trainer, tmp_path):
    """As "auto" asks for where a run moves from a GPU with bfloat16 to one without."""
    for first, second in (("float32", "float16"), ("float16", "float32")):
        trainer = make_trainer(config_of(precision=first))
        trainer.update()
        saved = save_checkpoint(trainer, tmp_path / first, keep=1)
        other = make_trainer(config_of(precision=second))
        load_checkpoint(other, saved.path)
        assert other.update().step == 2


class OtherRank(Alone):
    """A second rank with the same texts, whose gradient overflows where this one's does not."""

    world = 2

    def gather(self, vectors):
        return torch.stack([vectors.detach()] * 2)

    @contextmanager
    def summing(self, *, last):
        yield
        gradient = next(self._encoder.parameters()).grad
        if last and gradient is not None:
            gradient[0, 0] = float("inf")


def test_an_overflow_on_another_rank_is_left_out_here_too(make_trainer):
    """Gradients are summed before they are looked at."""
    trainer = make_trainer(config_of())
    batch = trainer._batches.get(0)
    ranks = OtherRank()
    ranks.adopt(trainer.encoder)
    backward = Backward(trainer.encoder, trainer.loss, ranks, 2, 0, trainer.scaler)
    before = trainer.encoder.digests()
    backward(replace(batch, mask=np.tile(batch.mask, (2, 2))), 0)
    parameters = [parameter for _, parameter in trainer.named_parameters()]
    trainer.scaler.unscale(parameters)
    assert trainer.skipped.step(trainer.optimizer, clip_gradients(parameters, 1.0), trainer.scaler)
    assert trainer.encoder.digests() == before


def test_weights_that_were_saved_are_float32(make_trainer, tmp_path):
    trainer = make_trainer(config_of())
    trainer.update()
    trainer.encoder.save(tmp_path)
    loaded = load_encoder(ModelConfig(name=str(tmp_path)), "cpu")
    assert loaded.digests() == trainer.encoder.digests()
    assert loaded.autocast is None
