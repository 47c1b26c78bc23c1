"""The dual encoder: equal to a plain padded forward pass, in order, and equal in every library after saving."""

import numpy as np
import pytest
import torch
from peers import sentence_transformer
from transformers import AutoModel, AutoTokenizer, RobertaConfig, RobertaModel

from engine.config import ConfigError, ModelConfig
from engine.encoder import DualEncoder, EncodingOptions, load_encoder


def plain_vectors(model, tokenizer, texts, limit, pooling="mean"):
    """One padded batch through transformers, pooled by hand."""
    batch = tokenizer(texts, padding=True, truncation=True, max_length=limit, return_tensors="pt")
    hidden = model(**batch).last_hidden_state
    mask = batch["attention_mask"].unsqueeze(-1)
    pooled = hidden[:, 0] if pooling == "cls" else (hidden * mask).sum(1) / mask.sum(1)
    return torch.nn.functional.normalize(pooled, dim=-1)


@pytest.fixture(scope="module")
def roberta(tiny):
    """The other position scheme: positions counted from the padding id + 1."""
    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=len(tiny.hub_tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=66,
        pad_token_id=tiny.hub_tokenizer.pad_token_id,
        type_vocab_size=1,
    )
    return DualEncoder(RobertaModel(config, add_pooling_layer=False), tiny.hub_tokenizer, tiny.options).eval()


@pytest.mark.parametrize("which", ["tiny", "roberta"])
def test_encoding_equals_one_padded_batch_in_transformers(which, texts, request):
    encoder = request.getfixturevalue(which)
    with torch.inference_mode():
        expected = plain_vectors(encoder.model, encoder.hub_tokenizer, ["query: " + text for text in texts], 16)
    encoded = encoder.encode_queries(texts)
    np.testing.assert_allclose(encoded.vectors, expected, atol=1e-6)
    assert encoded.vectors.dtype == np.float32
    whole = encoder.hub_tokenizer(["query: " + text for text in texts])["input_ids"]
    assert encoded.truncated == sum(len(ids) > 16 for ids in whole) > 0


def test_embedding_has_the_gradient_of_one_padded_batch(tiny, texts):
    weights = torch.randn(len(texts), tiny.width, generator=torch.Generator().manual_seed(0))
    gradients = []
    for vectors in (
        tiny.embed(tiny.tokenize(texts, kind="query")),
        plain_vectors(tiny.model, tiny.hub_tokenizer, ["query: " + text for text in texts], 16),
    ):
        (vectors * weights).sum().backward()
        gradients.append([parameter.grad.clone() for parameter in tiny.parameters()])
        tiny.zero_grad()
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_pairs_carry_the_second_text_of_a_pair_to_the_model(tiny, texts):
    contexts = [text * 2 for text in reversed(texts)]
    first = ["passage: " + text for text in texts]
    batch = tiny.hub_tokenizer(first, contexts, padding=True, truncation="only_second", max_length=48)
    with torch.inference_mode():
        inputs = {name: torch.tensor(values) for name, values in batch.items()}
        hidden, mask = tiny.model(**inputs).last_hidden_state, inputs["attention_mask"].unsqueeze(-1)
        expected = torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1)
    np.testing.assert_allclose(tiny.encode_passages(texts, contexts).vectors, expected, atol=1e-6)


def test_encoding_is_without_dropout_and_restores_training(texts):
    encoder = load_encoder(ModelConfig(dropout=0.5), "cpu", texts=texts)
    encoder.train()
    assert np.array_equal(encoder.encode_queries(texts).vectors, encoder.encode_queries(texts).vectors)
    assert encoder.training
    assert encoder.model.training


def test_a_call_for_which_memory_runs_out_is_split_until_it_fits(tiny, texts, monkeypatch):
    texts = texts[:9]
    expected = tiny.encode_queries(texts).vectors
    embed, seen = tiny._embed_call, []

    def scarce(rows, call):
        if len(call) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return embed(rows, call)

    monkeypatch.setattr(tiny, "_embed_call", scarce)
    found = tiny.encode_queries(texts, tick=lambda what, done, total: seen.append(done)).vectors
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert seen[-1] == len(texts)
    monkeypatch.setattr(tiny, "_embed_call", lambda rows, call: scarce(rows, range(3)))
    with pytest.raises(torch.OutOfMemoryError):
        tiny.encode_queries(texts[:1])


def test_progress_reaches_the_total_and_may_abandon(tiny, texts):
    seen = []
    tiny.encode_queries(texts, tick=lambda what, done, total: seen.append((done, total)))
    assert seen[-1] == (len(texts), len(texts))
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})

    def abandon(what, done, total):
        raise KeyboardInterrupt

    tiny.train()
    with pytest.raises(KeyboardInterrupt):
        tiny.encode_queries(texts, tick=abandon)
    assert tiny.training
    tiny.eval()


def test_no_texts_give_no_vectors(tiny):
    assert tiny.encode_queries([]).vectors.shape == (0, tiny.width)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_a_saved_folder_gives_equal_vectors_in_transformers_and_sentence_transformer(pooling, texts, tmp_path):
    config = ModelConfig(pooling=pooling, query_prefix="query: ", passage_prefix="passage: ", max_passage_tokens=64)
    encoder = load_encoder(config, "cpu", texts=texts)
    encoder.save(tmp_path)
    queries, passages = encoder.encode_queries(texts).vectors, encoder.encode_passages(texts).vectors

    model, tokenizer = AutoModel.from_pretrained(tmp_path).eval(), AutoTokenizer.from_pretrained(tmp_path)
    with torch.inference_mode():
        by_hand = plain_vectors(model, tokenizer, ["query: " + text for text in texts], 64, pooling)
    np.testing.assert_allclose(by_hand, queries, atol=1e-5)

    peer = sentence_transformer(tmp_path)
    assert peer.max_seq_length == 64
    np.testing.assert_allclose(peer.encode_query(texts), queries, atol=1e-5)
    np.testing.assert_allclose(peer.encode_document(texts), passages, atol=1e-5)
    np.testing.assert_allclose(peer.encode(texts, prompt_name="passage"), passages, atol=1e-5)

    again = load_encoder(ModelConfig(name=str(tmp_path)), "cpu")
    assert again.digests() == encoder.digests()
    assert np.array_equal(again.encode_passages(texts).vectors, passages)


def test_saved_options_come_back_unless_overridden(tiny, tmp_path):
    tiny.save(tmp_path)
    assert load_encoder(ModelConfig(name=str(tmp_path)), "cpu").options == tiny.options
    changed = load_encoder(ModelConfig(name=str(tmp_path), query_prefix="q: ", pooling="cls"), "cpu").options
    assert changed == EncodingOptions(
        pooling="cls", query_prefix="q: ", passage_prefix="passage: ", max_query_tokens=16, max_passage_tokens=48
    )


def test_digests_change_with_one_weight_and_with_the_tokenizer(texts):
    encoder = load_encoder(ModelConfig(), "cpu", texts=texts)
    before = encoder.digests()
    with torch.no_grad():
        next(encoder.parameters())[0, 0] += 1e-3
    assert encoder.digests()["model"] != before["model"]
    assert encoder.digests()["tokenizer"] == before["tokenizer"]
    assert load_encoder(ModelConfig(), "cpu", texts=texts[:50]).digests()["tokenizer"] != before["tokenizer"]


def test_wrong_models_give_one_line_that_names_the_field(tiny, tmp_path):
    def message(model):
        with pytest.raises(ConfigError) as caught:
            load_encoder(model, "cpu")
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert message(ModelConfig()).startswith('model.name: "tiny"')
    assert message(ModelConfig(name="./no/such/folder")) == "model.name: no folder './no/such/folder'"
    assert message(ModelConfig(name=str(tmp_path))).startswith("model.name: cannot load")
    tiny.save(tmp_path)
    too_long = ModelConfig(name=str(tmp_path), max_passage_tokens=513)
    assert message(too_long) == "model.max_passage_tokens: 513, but this model takes at most 512 tokens"


def test_the_roberta_family_has_fewer_positions_than_embeddings(roberta, tmp_path):
    roberta.save(tmp_path)
    with pytest.raises(ConfigError, match="at most 65 tokens"):
        load_encoder(ModelConfig(name=str(tmp_path), max_passage_tokens=66), "cpu")


def test_weights_that_are_missing_are_an_error_not_random_numbers(tiny, tmp_path):
    tiny.save(tmp_path)
    from safetensors.torch import load_file, save_file

    weights = load_file(tmp_path / "model.safetensors")
    del weights["encoder.layer.1.output.dense.weight"]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ConfigError, match=r"no weights for encoder.layer.1.output.dense.weight"):
        load_encoder(ModelConfig(name=str(tmp_path)), "cpu")
