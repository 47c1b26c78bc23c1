"""Micro-batches: the gradient of the whole batch, whatever they are and whenever memory runs out."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from engine import events
from engine.config import BatchConfig, ConfigError, LossConfig, OptimizerConfig, RunConfig, RuntimeConfig
from engine.encoder.layouts import token_chunks
from engine.encoder.packing import AttentionReport
from engine.training.backward import Backward
from engine.training.checkpoint import load_checkpoint, save_checkpoint
from engine.training.ranks import Alone
from engine.training.trainer import Trainer
from engine.worker.training import Training

pytestmark = pytest.mark.long


def config_of(tokens=0, layout="auto", compiled=False, steps=20):
    return RunConfig(
        seed=4,
        batch=BatchConfig(size=12),
        loss=LossConfig(learned_temperature=True),
        optimizer=OptimizerConfig(learning_rate=1e-3, max_steps=steps, clip=0.0),
        runtime=RuntimeConfig(tokens_per_micro_batch=tokens, layout=layout, compile=compiled),
    )


@pytest.fixture
def make_trainer(corpora, make_encoder):
    trainers = []

    def make(config, dropout=0.1):
        trainers.append(Trainer(config, make_encoder(dropout), corpora, torch.device("cpu")))
        return trainers[-1]

    yield make
    for trainer in trainers:
        trainer.close()


def gradient(trainer):
    return torch.cat([parameter.grad.flatten() for _, parameter in trainer.named_parameters()])


def relative(ours, theirs):
    return float((ours - theirs).norm() / theirs.norm())


@pytest.mark.parametrize("layout", ["packed", "padded"])
@pytest.mark.parametrize("tokens", [1, 60, 200, 10**6])
def test_without_dropout_loss_and_gradient_are_those_of_the_whole_batch(tokens, layout, make_trainer):
    """One sequence each, a few, half of them, all."""
    whole, parts = make_trainer(config_of(layout=layout), 0.0), make_trainer(config_of(tokens, layout), 0.0)
    for _ in range(2):
        expected, found = whole.update(), parts.update()
        assert found.loss == pytest.approx(expected.loss, rel=1e-5)
        assert relative(gradient(parts), gradient(whole)) < 1e-5
        assert found.notes == ()


def test_with_dropout_it_is_the_gradient_of_the_vectors_that_the_loss_saw(make_trainer):
    """The same masks in one graph over all micro-batches: the plain gradient, without a cache."""
    trainer = make_trainer(config_of(tokens=60), 0.3)
    encoder, backward = trainer.encoder, trainer._backward
    batch = trainer._batches.get(0)
    parts = token_chunks(batch.rows.lengths, 60)
    assert len(parts) > 4
    record = trainer.update()
    cached = gradient(trainer)

    twin = make_trainer(config_of(tokens=60), 0.3)  # the update has changed the weights of the first
    encoder, backward = twin.encoder.train(), twin._backward
    graphs = [backward._embed_part(batch.rows.take(part), 0, index) for index, part in enumerate(parts)]
    vectors = torch.cat(graphs)[torch.from_numpy(np.argsort(np.concatenate(parts)))]
    loss = backward._loss_of(vectors.unsqueeze(0), batch)
    loss.backward()
    assert record.loss == pytest.approx(loss.item(), rel=1e-6)
    assert relative(cached, gradient(twin)) < 1e-5
    assert encoder.training


def test_one_micro_batch_is_the_whole_batch_bit_for_bit(make_trainer):
    whole, one = make_trainer(config_of()), make_trainer(config_of(tokens=10**6))
    assert [whole.update().loss for _ in range(4)] == [one.update().loss for _ in range(4)]
    assert whole.encoder.digests() == one.encoder.digests()


def test_other_masks_are_told_of_once(make_trainer):
    trainer = make_trainer(config_of(tokens=80))
    assert [record.notes for record in (trainer.update(), trainer.update())] == [
        ("micro-batches: dropout masks differ from those of whole batches",),
        (),
    ]


class ScarceMemory:
    """An encoder's ``embed`` on a device with room for the graphs of so many tokens, with torch's own error."""

    def __init__(self, encoder, tokens, in_backward=False):
        self._embed, self._tokens, self._in_backward = encoder.embed, tokens, in_backward
        self.failures, self.fail_next = 0, False
        encoder.embed = self

    def __call__(self, rows):
        too_large, self.fail_next = self.fail_next or len(rows.ids) > self._tokens, False
        if too_large and not self._in_backward:
            self._fail()
        vectors = self._embed(rows)
        if too_large and vectors.requires_grad:
            vectors.register_hook(self._fail)
        return vectors

    def _fail(self, *_):
        self.failures += 1
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


@pytest.mark.parametrize("in_backward", [False, True])
def test_out_of_memory_halves_the_micro_batch_and_repeats_the_same_batch(in_backward, make_trainer):
    plain, scarce = make_trainer(config_of(), 0.0), make_trainer(config_of(), 0.0)
    first = plain._batches.get(0).rows
    memory = ScarceMemory(scarce.encoder, len(first.ids) // 3, in_backward)
    expected, found = plain.update(), scarce.update()
    assert found.loss == pytest.approx(expected.loss, rel=1e-5)
    assert relative(gradient(scarce), gradient(plain)) < 1e-5
    assert memory.failures == len(found.notes) == 3  # the whole twice; a half does not fit either, a quarter does
    assert found.notes[0] == "out of memory in step 1: its batch is computed once more"
    assert found.notes[1].startswith("out of memory in step 1: its batch is repeated in micro-batches of at most")
    assert scarce.tokens_per_micro_batch <= len(first.ids) // 3
    for _ in range(3):
        assert scarce.update().loss == pytest.approx(plain.update().loss, rel=1e-4)
    assert scarce.step == plain.step == 4


@pytest.mark.parametrize("in_backward", [False, True])
def test_one_allocation_that_fails_does_not_slow_the_run_for_ever(in_backward, make_trainer):
    """Memory in pieces is whole once the batch is given up: the same batch fits, and the run is the same."""
    plain, unlucky = make_trainer(config_of()), make_trainer(config_of())
    memory = ScarceMemory(unlucky.encoder, 10**6, in_backward)
    losses = []
    for step in range(4):
        memory.fail_next = step in (1, 3)
        losses.append(unlucky.update().loss)
    assert memory.failures == 2
    assert losses == [plain.update().loss for _ in range(4)]
    assert unlucky.tokens_per_micro_batch == 0
    assert unlucky.encoder.digests() == plain.encoder.digests()


@pytest.mark.parametrize("in_backward", [False, True])
def test_what_failed_leaves_no_trace(in_backward, make_trainer):
    """With dropout: the run goes on bit for bit as one that had the smaller micro-batches from the start."""
    scarce = make_trainer(config_of(), 0.1)
    ScarceMemory(scarce.encoder, 150, in_backward)
    losses = [scarce.update().loss for _ in range(3)]
    smaller = make_trainer(config_of(scarce.tokens_per_micro_batch), 0.1)
    assert [smaller.update().loss for _ in range(3)] == losses
    assert smaller.encoder.digests() == scarce.encoder.digests()


def test_a_resumed_run_keeps_the_smaller_micro_batches(make_trainer, tmp_path):
    whole = make_trainer(config_of())
    ScarceMemory(whole.encoder, 150)
    whole.update()
    saved = save_checkpoint(whole, tmp_path, keep=1)
    resumed = make_trainer(config_of())  # elsewhere, with plenty of memory
    load_checkpoint(resumed, saved.path)
    assert 0 < resumed.tokens_per_micro_batch == whole.tokens_per_micro_batch
    assert [resumed.update().loss for _ in range(3)] == [whole.update().loss for _ in range(3)]
    assert resumed.encoder.digests() == whole.encoder.digests()


def test_one_sequence_that_does_not_fit_is_the_error_it_is(make_trainer):
    trainer = make_trainer(config_of())
    ScarceMemory(trainer.encoder, 0)
    with pytest.raises(torch.OutOfMemoryError, match="CUDA out of memory"):
        trainer.update()


def test_one_long_sequence_that_does_not_fit_beside_short_ones_ends_in_an_error(make_trainer):
    """A row longer than the limit is a micro-batch by itself, however low the limit is by then."""
    trainer = make_trainer(config_of())
    rows = trainer._batches.get(0).rows
    ScarceMemory(trainer.encoder, int(rows.lengths.max()) - 1)
    with pytest.raises(torch.OutOfMemoryError, match="CUDA out of memory"):
        trainer.update()


def test_other_errors_are_not_taken_for_a_lack_of_memory(make_trainer):
    trainer = make_trainer(config_of())

    def broken(rows):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    trainer.encoder.embed = broken
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        trainer.update()


class OneOfTwo(Alone):
    """Two ranks as this one sees them; the other has the same texts."""

    world = 2

    def gather(self, vectors):
        return torch.stack([vectors.detach()] * 2)


def test_several_ranks_repeat_no_batch_and_the_error_is_what_it_is(make_trainer):
    """The others have parts of the gradient by then: no rank may go back alone."""
    trainer = make_trainer(config_of(), 0.0)
    batch = trainer._batches.get(0)
    ranks = OneOfTwo()
    ranks.adopt(trainer.encoder)
    ScarceMemory(trainer.encoder, 120)
    with pytest.raises(torch.OutOfMemoryError):
        Backward(trainer.encoder, trainer.loss, ranks, 4, 0)(batch, 0)


@pytest.mark.parametrize(("dropout", "in_backward"), [(0.0, False), (0.1, True)])
def test_what_fits_is_found_before_the_first_update_and_changes_nothing_else(dropout, in_backward, make_trainer):
    scarce = make_trainer(config_of(steps=8), dropout)
    largest = max(len(scarce._batches.get(t).rows.ids) for t in range(8))
    memory = ScarceMemory(scarce.encoder, largest // 3, in_backward)
    random_numbers = torch.get_rng_state()
    scarce.fit_into_memory()
    assert torch.equal(torch.get_rng_state(), random_numbers)
    assert all(parameter.grad is None for parameter in scarce.encoder.parameters())
    assert largest // 8 <= scarce.tokens_per_micro_batch <= largest // 3
    failures = memory.failures
    records = [scarce.update() for _ in range(8)]
    assert memory.failures == failures == 2, "no update runs out of memory"
    assert records[0].notes[0] == (
        f"the largest batch, of {largest:,} tokens, does not fit into memory at once: batches are computed in "
        f"micro-batches of at most {scarce.tokens_per_micro_batch:,} tokens (runtime.tokens_per_micro_batch)"
    )
    smaller = make_trainer(config_of(scarce.tokens_per_micro_batch, steps=8), dropout)
    assert [smaller.update().loss for _ in range(8)] == [record.loss for record in records]
    assert smaller.encoder.digests() == scarce.encoder.digests()


def test_where_all_fits_nothing_is_said(make_trainer):
    trainer, plain = make_trainer(config_of()), make_trainer(config_of())
    trainer.fit_into_memory()
    assert trainer.tokens_per_micro_batch == 0
    records = [(trainer.update(), plain.update()) for _ in range(2)]
    assert [(one.loss, one.notes) for one, _ in records] == [(other.loss, other.notes) for _, other in records]


def test_a_text_that_never_fits_is_told_before_the_first_update(make_trainer):
    trainer = make_trainer(config_of())
    ScarceMemory(trainer.encoder, 0)
    with pytest.raises(ConfigError, match=r"^model.max_passage_tokens: the device has no memory to train on one text"):
        trainer.fit_into_memory()


def lose_memory(monkeypatch, name, calls):
    """``torch.<name>`` fails in the calls with these numbers, from 0."""
    real, number = getattr(torch, name), itertools.count()

    def scarce(*arguments, **options):
        if next(number) in calls:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 734.00 MiB")
        return real(*arguments, **options)

    monkeypatch.setattr(torch, name, scarce)


def test_moments_that_do_not_fit_are_told_before_the_first_update(make_trainer, monkeypatch):
    trainer = make_trainer(config_of())
    lose_memory(monkeypatch, "empty_like", {7})
    with pytest.raises(
        ConfigError, match=r"^optimizer: the device has no memory for AdamW's two moments .* \(0\.0 GB\)"
    ):
        trainer.fit_into_memory()


def test_moments_are_made_again_where_memory_ran_out_in_between(make_trainer, monkeypatch):
    plain, unlucky = make_trainer(config_of()), make_trainer(config_of())
    expected = [plain.update().loss for _ in range(3)]
    with monkeypatch.context() as patched:
        lose_memory(patched, "zeros_like", {7})
        losses = [unlucky.update().loss]
    losses += [unlucky.update().loss for _ in range(2)]
    assert losses == expected
    assert unlucky.encoder.digests() == plain.encoder.digests()


def test_moments_that_never_fit_are_told_in_words(make_trainer, monkeypatch):
    trainer = make_trainer(config_of())
    lose_memory(monkeypatch, "zeros_like", range(7, 10**6))
    with pytest.raises(ConfigError, match=r"^optimizer: the device has no memory for AdamW's two moments"):
        trainer.update()


def test_layouts_that_cannot_be_had_are_told_of(make_trainer, monkeypatch):
    report = AttentionReport("sdpa", "XModel has an attention of its own")
    monkeypatch.setattr("engine.encoder.encoder.attention_report", lambda *_, **__: report)
    trainer = make_trainer(config_of())
    assert trainer.update().notes == (
        "sequences are padded to similar lengths, not packed: XModel has an attention of its own",
    )
    assert make_trainer(config_of(layout="padded")).update().notes == ()


@pytest.mark.cuda
def test_no_update_waits_for_the_device(corpora, make_encoder):
    trainer = Trainer(config_of(), make_encoder(), corpora, torch.device("cuda"))
    trainer.update()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(3):
            trainer.update()
    finally:
        torch.cuda.set_sync_debug_mode("default")
        trainer.close()


def test_a_run_tells_its_notes_as_warnings_and_saves_where_micro_batches_became_smaller():
    told = []

    class Session:
        def record(self, record):
            told.append(record)

        def emit(self, event):
            told.append(event)

    record = SimpleNamespace(notes=("first", "second"))
    trainer = SimpleNamespace(step=0, tokens_per_micro_batch=128)
    training = Training(Session(), RunConfig(), trainer, evaluator=None)
    training.save = lambda: told.append("saved")
    trainer.tokens_per_micro_batch = 64
    training.record(record)
    assert told == [record, events.Warning(message="first"), events.Warning(message="second"), "saved"]
    training.record(record)
    assert told.count("saved") == 1


@pytest.mark.exhaustive
def test_a_compiled_model_trains_to_the_same_losses_and_is_compiled_once(make_trainer, monkeypatch):
    """With dropout and a gradient cache: what is embedded twice draws the same masks, and batches of other lengths need
    no other graphs. Only traced here, not translated."""
    compile_in_place = torch.nn.Module.compile
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, **how: compile_in_place(self, backend="eager", **how))
    torch._dynamo.reset()
    frames = torch._dynamo.utils.counters["frames"]
    plain, compiled = (make_trainer(config_of(150, compiled=compiled)) for compiled in (False, True))
    assert compiled.update().loss == plain.update().loss
    traced = frames["total"]
    assert traced > 0
    assert [compiled.update().loss for _ in range(3)] == [plain.update().loss for _ in range(3)]
    assert frames["total"] == traced
    torch._dynamo.reset()
