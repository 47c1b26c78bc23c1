"""A saved folder: nothing of it is lost by saving, and saving it again changes nothing."""

import json

import numpy as np
import pytest
from model_folders import bert, edit
from peers import sentence_transformer

from engine.config import ModelConfig
from engine.encoder import load_encoder

TEXTS = ["the house, water?", "  Das  Haus", "дом вода", "水 [MASK] water", ""]
MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
]


def load(folder, **options):
    return load_encoder(ModelConfig(name=str(folder), **options), "cpu")


def described(folder, **overall):
    """A BERT with the description of SentenceTransformers 5."""
    bert(folder)
    (folder / "1_Pooling").mkdir()
    (folder / "modules.json").write_text(json.dumps(MODULES))
    edit(folder / "1_Pooling" / "config.json", word_embedding_dimension=16, pooling_mode_cls_token=True)
    edit(folder / "sentence_bert_config.json", max_seq_length=24, do_lower_case=False)
    edit(folder / "config_sentence_transformers.json", **overall)
    return folder


@pytest.fixture
def folder(tmp_path):
    prompts = {"query": "query: ", "passage": "passage: ", "sts": "same: ", "bitext": "translate: "}
    return described(tmp_path / "base", prompts=prompts, similarity_fn_name="dot")


def test_prompts_of_other_names_are_kept(folder, tmp_path):
    load(folder).save(tmp_path / "saved")
    prompts = json.loads((tmp_path / "saved" / "config_sentence_transformers.json").read_text())["prompts"]
    assert prompts == {
        "query": "query: ", "passage": "passage: ", "document": "passage: ", "sts": "same: ", "bitext": "translate: ",
    }  # fmt: skip
    assert load(tmp_path / "saved", query_prompt="bitext").options.query_prefix == "translate: "


def test_prefixes_that_the_config_sets_take_the_place_of_the_model_s(folder, tmp_path):
    load(folder, query_prefix="", passage_prefix="p: ").save(tmp_path / "saved")
    peer = sentence_transformer(tmp_path / "saved")
    assert {name: peer.prompts[name] for name in ("query", "document", "passage", "sts")} == {
        "query": "", "document": "p: ", "passage": "p: ", "sts": "same: ",
    }  # fmt: skip


def test_a_second_save_changes_nothing(folder, tmp_path):
    first = load(folder)
    first.save(tmp_path / "one")
    second = load(tmp_path / "one")
    second.save(tmp_path / "two")
    third = load(tmp_path / "two")
    assert first.digests() == second.digests() == third.digests()
    assert first.options == second.options == third.options
    for encode in ("encode_queries", "encode_passages"):
        vectors = [getattr(encoder, encode)(TEXTS).vectors for encoder in (first, second, third)]
        assert np.array_equal(vectors[0], vectors[1])
        assert np.array_equal(vectors[0], vectors[2])
    names = {path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file()}
    assert names == {path.relative_to(tmp_path / "two") for path in (tmp_path / "two").rglob("*") if path.is_file()}
    # Who said an option is another matter: what the config or a default said once, the model says from then on.
    same = names - {next(name for name in names if name.name == "dual_encoder.json")}
    assert all((tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() for name in same)


def test_sentence_transformer_opens_it_with_the_same_modules_and_vectors(folder, tmp_path):
    encoder = load(folder)
    encoder.save(tmp_path / "saved")
    base, peer = sentence_transformer(folder), sentence_transformer(tmp_path / "saved")
    assert [str(module) for module in list(peer)[1:]] == [str(module) for module in list(base)[1:]]
    assert (peer.max_seq_length, peer.similarity_fn_name) == (base.max_seq_length, "dot") == (24, "dot")
    assert np.abs(encoder.encode_queries(TEXTS).vectors - peer.encode_query(TEXTS)).max() < 1e-5
    assert np.abs(encoder.encode_passages(TEXTS).vectors - peer.encode_document(TEXTS)).max() < 1e-5
