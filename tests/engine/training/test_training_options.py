"""Adapters, averaged weights, learned temperature: trained exactly, resumed bit for bit, saved as ordinary models."""

from hashlib import sha256

import msgspec
import numpy as np
import pytest
import torch
from peers import sentence_transformer
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer

from engine.config import BatchConfig, ConfigError, LoraConfig, LossConfig, ModelConfig, OptimizerConfig, RunConfig
from engine.encoder import load_encoder
from engine.encoder.adapters import frozen_digest, merged
from engine.training.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from engine.training.flops import FlopCounter
from engine.training.trainer import Trainer

PLAIN = RunConfig(
    seed=2,
    batch=BatchConfig(size=8),
    optimizer=OptimizerConfig(learning_rate=1e-3, warmup_steps=2, max_steps=20),
)
LORA = LoraConfig(rank=4, dropout=0.1, targets=("query", "value"))
AVERAGED = msgspec.structs.replace(PLAIN.optimizer, ema_decay=0.9)
LOSSES = LossConfig(learned_temperature=True, symmetric=True, matryoshka_dimensions=(32, 64))
OPTIONS = {
    "average": {"optimizer": AVERAGED},
    "adapters": {"lora": LORA},
    "losses": {"loss": LOSSES},
    "schedule": {
        "batch": BatchConfig(size=8, mono_share=1.0, mono_share_schedule="linear", mono_share_end=0.0),
        "optimizer": msgspec.structs.replace(PLAIN.optimizer, max_steps=6),  # over the steps that are tested
    },
    "all": {"optimizer": AVERAGED, "lora": LoraConfig(rank=2, dropout=0.2), "loss": LOSSES},
}


def config_of(which):
    return msgspec.structs.replace(PLAIN, **OPTIONS[which])


@pytest.fixture
def make_trainer(corpora, make_encoder):
    trainers = []

    def make(config=PLAIN, dropout=0.1):
        trainers.append(Trainer(config, make_encoder(dropout), corpora, torch.device("cpu")))
        return trainers[-1]

    yield make
    for trainer in trainers:
        trainer.close()


def files_of(path):
    return {file.name: sha256(file.read_bytes()).hexdigest() for file in sorted(path.glob("*.safetensors"))}


@pytest.mark.parametrize("which", OPTIONS)
def test_a_resumed_run_equals_one_that_never_stopped(which, make_trainer, tmp_path):
    """Every file of a checkpoint is the same, byte for byte: what is trained, its average, moments, temperature."""
    config = config_of(which)
    whole = make_trainer(config)
    losses = [whole.update().loss for _ in range(3)]
    saved = save_checkpoint(whole, tmp_path / "stopped", keep=1)
    losses += [whole.update().loss for _ in range(3)]

    resumed = make_trainer(config)
    resumed.update()  # whatever a trainer did before, loading replaces it
    load_checkpoint(resumed, saved.path)
    assert [resumed.update().loss for _ in range(3)] == losses[3:]
    ends = [save_checkpoint(trainer, tmp_path / name, 1) for name, trainer in (("a", whole), ("b", resumed))]
    assert files_of(ends[0].path) == files_of(ends[1].path)


@pytest.mark.parametrize("which", ["average", "all"])
def test_evaluating_and_saving_in_between_change_nothing(which, corpora, make_trainer, tmp_path):
    plain, disturbed = make_trainer(config_of(which)), make_trainer(config_of(which))
    for _ in range(3):
        with disturbed.finished() as encoder:
            encoder.encode_queries(corpora[0].questions)
            encoder.digests()
            encoder.save(tmp_path)
        assert plain.update().loss == disturbed.update().loss
    assert plain.encoder.digests() == disturbed.encoder.digests()


def test_the_average_is_the_one_its_formula_says_and_leaves_training_alone(make_trainer):
    plain, averaged = make_trainer(), make_trainer(config_of("average"))
    name, parameter = averaged.named_parameters()[5]
    expected = parameter.detach().clone().double()
    for step in range(1, 6):
        assert plain.update().loss == averaged.update().loss
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * parameter.detach()
    torch.testing.assert_close(averaged.average.tensors[name].double(), expected, rtol=1e-6, atol=1e-7)
    own = parameter.detach().clone()
    with averaged.finished():
        assert torch.equal(parameter, averaged.average.tensors[name])
        assert not torch.equal(parameter, own)
    assert torch.equal(parameter, own)


def test_adapters_alone_are_trained_and_start_from_the_model_as_it_is(corpora, make_encoder, make_trainer):
    trainer = make_trainer(config_of("adapters"))
    before = make_encoder().encode_queries(corpora[0].questions).vectors
    assert np.array_equal(trainer.encoder.encode_queries(corpora[0].questions).vectors, before)
    assert {name.split(".")[-3] for name, _ in trainer.named_parameters()} == {"lora_A", "lora_B"}
    frozen, trained = frozen_digest(trainer.encoder.model), [p.detach().clone() for _, p in trainer.named_parameters()]
    for _ in range(3):
        trainer.update()
    assert frozen_digest(trainer.encoder.model) == frozen
    assert all(not torch.equal(p, old) for (_, p), old in zip(trainer.named_parameters(), trained, strict=True))


def test_merged_adapters_give_the_vectors_of_the_adapters(corpora, make_trainer):
    trainer = make_trainer(config_of("all"))
    for _ in range(5):
        trainer.update()
    encoder, texts = trainer.encoder, corpora[0].passages
    apart = encoder.encode_passages(texts).vectors
    with merged(encoder.model):
        together = encoder.encode_passages(texts).vectors
        assert not any("lora" in name for name in encoder.model.state_dict())
    np.testing.assert_allclose(together, apart, atol=1e-5)
    assert np.array_equal(encoder.encode_passages(texts).vectors, apart)


@pytest.mark.parametrize("which", OPTIONS)
def test_the_saved_model_is_the_finished_one_in_every_library(which, corpora, make_trainer, tmp_path):
    trainer, texts = make_trainer(config_of(which)), corpora[0].questions[:20]
    for _ in range(4):
        trainer.update()
    saved = save_checkpoint(trainer, tmp_path / "checkpoints", 1)
    with trainer.finished() as encoder:
        encoder.save(tmp_path / "model")
        vectors, digests = encoder.encode_queries(texts).vectors, encoder.digests()
    for folder in (tmp_path / "model", saved.path):
        loaded = load_encoder(ModelConfig(name=str(folder)), "cpu")
        assert loaded.digests() == digests
        assert np.array_equal(loaded.encode_queries(texts).vectors, vectors)
        np.testing.assert_allclose(sentence_transformer(folder).encode_query(texts), vectors, atol=1e-5)
        model, tokenizer = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
        batch = tokenizer(texts, padding=True, return_tensors="pt")
        with torch.inference_mode():
            hidden, mask = model(**batch).last_hidden_state, batch["attention_mask"].unsqueeze(-1)
            by_hand = torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1)
        np.testing.assert_allclose(by_hand, vectors, atol=1e-5)


def test_a_matryoshka_model_is_truncated_by_sentence_transformers(corpora, make_trainer, tmp_path):
    trainer, texts = make_trainer(config_of("losses")), corpora[0].questions[:20]
    trainer.update()
    trainer.encoder.save(tmp_path)
    described = msgspec.json.decode((tmp_path / "dual_encoder.json").read_bytes())
    assert described["matryoshka_dimensions"] == [128, 64, 32]
    first = trainer.encoder.encode_queries(texts).vectors[:, :32]
    peer = sentence_transformer(tmp_path, truncate_dim=32)
    expected = first / np.linalg.norm(first, axis=1, keepdims=True)
    np.testing.assert_allclose(peer.encode_query(texts, normalize_embeddings=True), expected, atol=1e-5)


def test_more_dimensions_than_there_are_is_a_configuration_error(make_trainer):
    with pytest.raises(ConfigError, match=r"^loss.matryoshka_dimensions: 512, but this model's vectors have 128$"):
        make_trainer(msgspec.structs.replace(PLAIN, loss=LossConfig(matryoshka_dimensions=(512, 64))))


def test_adapters_for_layers_that_are_not_there_is_a_configuration_error(make_trainer):
    with pytest.raises(ConfigError, match=r"^lora.targets: ") as caught:
        make_trainer(msgspec.structs.replace(PLAIN, lora=LoraConfig(rank=2, targets=("no_such_layer",))))
    assert "\n" not in str(caught.value)


def test_adapters_are_refused_on_another_model_than_they_were_trained_on(corpora, make_encoder, make_trainer, tmp_path):
    """The checkpoint holds only what is trained: the frozen weights must be those of before."""
    trainer = make_trainer(config_of("adapters"))
    trainer.update()
    saved = save_checkpoint(trainer, tmp_path, 1)
    assert {name.split("/")[0] for name in load_file(saved.path / "weights.safetensors")} == {"trained"}
    other = make_encoder()
    with torch.no_grad():
        next(other.parameters())[0, 0] += 1
    changed = Trainer(config_of("adapters"), other, corpora, torch.device("cpu"))
    try:
        with pytest.raises(CheckpointError, match="the model that the adapters are for is another one now"):
            load_checkpoint(changed, saved.path)
    finally:
        changed.close()


def test_flops_are_those_of_the_matrix_products(make_encoder):
    """Against torch's own counter over one padded batch without padding; embeddings, norms and biases aside."""
    from torch.utils.flop_counter import FlopCounterMode

    encoder = make_encoder(0.0)
    encoder.model.set_attn_implementation("eager")  # the counter sees no fused attention on a CPU
    ids = torch.randint(5, 50, (3, 40))
    with FlopCounterMode(display=False) as counter:
        encoder.model(input_ids=ids, attention_mask=None).last_hidden_state.sum().backward()
    ours = FlopCounter(encoder.model)(np.full(3, 40))
    assert ours == pytest.approx(counter.get_total_flops(), rel=0.03)


def test_frozen_weights_need_no_gradient_of_their_own(make_trainer):
    plain, adapted = (FlopCounter(make_trainer(config).encoder.model) for config in (PLAIN, config_of("adapters")))
    short = np.ones(1000, dtype=np.int64)  # so short that attention hardly counts
    assert adapted(short) == pytest.approx(plain(short) * 4 / 6, rel=0.05)


def test_a_step_tells_a_learned_temperature_and_only_that(make_trainer):
    trainer = make_trainer(config_of("losses"))
    record = trainer.update()
    assert record.temperature == pytest.approx(trainer.loss.log_temperature.exp().item())
    assert record.temperature != pytest.approx(0.05, abs=1e-9)
    fixed = make_trainer().update()
    assert fixed.temperature is None
    assert fixed.flops > 0
