"""The model card: read as a hub reads it and used as a person would, by running the code that it shows."""

from __future__ import annotations

import re

import msgspec
import numpy as np
import pytest
from export_cases import make_evaluation
from huggingface_hub import ModelCard

from engine.config import BatchConfig, LoraConfig, LossConfig, ModelConfig, RunConfig, SourceConfig
from engine.encoder import load_encoder
from engine.export.card import CardFacts, TrainedSource, model_card
from engine.runs.folder import Provenance
from engine.runs.status import SelectedStep

TEXTS = [f"{language} text number {number} of a few" for number in range(20) for language in ("de", "en")]
SUMMARY = make_evaluation(noise=0.5).summary
MODEL = ModelConfig(name="tiny", query_prefix='ask "it": ', passage_prefix="passage: ", max_query_tokens=24)


@pytest.fixture(scope="module")
def encoder():
    return load_encoder(MODEL, "cpu", texts=TEXTS)


def facts_of(encoder, **changes):
    config = RunConfig(
        name="carded",
        sources=(SourceConfig(kind="cldr"), SourceConfig(kind="hub", path="some/data", columns={})),
        loss=LossConfig(matryoshka_dimensions=(32,)),
        lora=LoraConfig(rank=4, targets=("query",)),
    )
    facts = CardFacts(
        config=config,
        options=encoder.options,
        origins={"pooling": "config"},
        modules=encoder.module_names(),
        is_normalized=encoder.is_normalized,
        is_plain=encoder.is_plain,
        requirements=encoder.requirements(),
        width=128,
        matryoshka_dimensions=(128, 32),
        digests=encoder.digests(),
        sources=[
            TrainedSource(config.sources[0], ("de", "en"), 20, 40),
            TrainedSource(config.sources[1], ("en", "th"), 1234, 2345),
        ],
        step=200,
        choice=SelectedStep(200, "loss", 0.25, 4, early=True),
        results=[SUMMARY],
        untrained={"toy": make_evaluation(noise=2.0).summary},
        provenance=Provenance(packages={"torch": "2.13.0"}),
    )
    return CardFacts(**{**{name: getattr(facts, name) for name in CardFacts.__slots__}, **changes})


def test_a_hub_reads_languages_data_and_results(encoder):
    data = ModelCard(model_card(facts_of(encoder))).data
    assert data.language == ["de", "en", "th"]
    assert data.datasets == ["some/data"]
    assert {"multilingual", "hybrid-batches", "matryoshka", "sentence-transformers"} <= set(data.tags)
    assert data.base_model is None
    found = {result.metric_type: result.metric_value for result in data.eval_results}
    assert found["map_crosslingual"] == pytest.approx(SUMMARY.metrics["map_crosslingual"], abs=1e-6)
    named = facts_of(encoder, config=msgspec.structs.replace(facts_of(encoder).config, model=ModelConfig(name="a/b")))
    assert ModelCard(model_card(named)).data.base_model == "a/b"


def test_every_pair_of_languages_and_the_null_are_told(encoder):
    card = model_card(facts_of(encoder))
    for asked, row in SUMMARY.matrix.items():
        cells = " | ".join(f"{100 * row[answered]:.1f}" for answered in sorted(row))
        assert f"| **{asked}** | {cells} |" in card
    null = SUMMARY.bias.by_language["rank_distance_null"]["de"]
    assert f"| de | {SUMMARY.rank_distance['de'].mean:,.1f} | {null:,.1f} |" in card
    before, after = (
        f"{found.metrics['map_multilingual']:.4f}" for found in (make_evaluation(noise=2.0).summary, SUMMARY)
    )
    assert f"| map_multilingual | {after} | {before} |" in card
    assert "best of 4 by loss (0.2500), step 200, training ended early" in card
    assert f"`{SUMMARY.protocol.tie_rule}`" in card
    assert encoder.digests()["model"] in card


def test_tables_have_as_many_cells_as_their_headers(encoder):
    for table in re.findall(r"(?:^\|.*\n)+", model_card(facts_of(encoder)), flags=re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1, table


def test_a_folder_of_the_users_machine_is_named_by_its_last_part(encoder, tmp_path):
    home = tmp_path / "home" / "somebody"
    (home / "my-encoder").mkdir(parents=True)
    source = SourceConfig(kind="jsonl", path=str(home / "pairs.jsonl"))
    config = RunConfig(model=ModelConfig(name=str(home / "my-encoder")), sources=(source,))
    card = model_card(facts_of(encoder, config=config, sources=[TrainedSource(source, ("de",), 3, 3)]))
    assert "somebody" not in card
    assert "`my-encoder`" in card
    assert "pairs.jsonl" in card
    assert ModelCard(card).data.base_model is None


def test_a_schedule_of_the_batches_is_told(encoder):
    batch = BatchConfig(mono_share=1.0, mono_share_schedule="cosine", mono_share_end=0.25)
    card = model_card(facts_of(encoder, config=msgspec.structs.replace(facts_of(encoder).config, batch=batch)))
    assert "monolingual with probability 1->0.25 cosine over training, else cross-lingual" in card
    assert "mode hybrid, mono_share 1->0.25 cosine" in card


def test_a_run_without_evaluation_has_a_card_too(encoder):
    card = model_card(facts_of(encoder, results=[], untrained={}, choice=None))
    assert "This model was not evaluated." in card
    assert "last step, fixed before training" in card


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_the_code_that_it_shows_gives_the_vectors_of_the_engine(pooling, tmp_path):
    encoder = load_encoder(msgspec.structs.replace(MODEL, pooling=pooling), "cpu", texts=TEXTS)
    encoder.save(tmp_path)
    card = model_card(facts_of(encoder)).replace("path/to/this/folder", str(tmp_path))
    expected = [
        encoder.encode_queries(["Who barks?"]).vectors,
        encoder.encode_passages(["Dogs bark."]).vectors,
    ]
    blocks = re.findall(r"```python\n(.*?)```", card, flags=re.DOTALL)
    assert len(blocks) == 3
    assert "model.max_seq_length = 24" in blocks[0], "questions are cut where they were in training"
    for block in (blocks[0], blocks[2]):
        names: dict[str, object] = {}
        exec(block, names)
        for name, vectors in zip(("questions", "passages"), expected, strict=True):
            np.testing.assert_allclose(np.asarray(names[name]), vectors, atol=1e-5)
    names = {}
    exec(
        "from sentence_transformers import SentenceTransformer\n" + blocks[1] + "\nv = model.encode_query(['x'])", names
    )
    assert names["v"].shape == (1, 32)


def test_who_set_an_option_stands_behind_it(encoder):
    protocol = msgspec.structs.replace(SUMMARY.protocol, pooling="cls", origins={"pooling": "model"})
    summary = msgspec.structs.replace(SUMMARY, protocol=protocol)
    card = model_card(facts_of(encoder, results=[summary]))
    assert "| pooling | `cls` (model) |" in card
    assert "origins" not in card
