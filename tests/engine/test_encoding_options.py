"""Who decides how texts become vectors: what is set goes first, then what the model says, then the defaults."""

from __future__ import annotations

import msgspec
import pytest

from engine.config import ConfigError, ModelConfig
from engine.encoding_options import TaskPrompts, options_for_task, resolve_options
from engine.model_description import HeadModule, ModelDescription

E5 = ModelDescription(
    pooling=("cls",),
    prompts={"query": "query: ", "document": "passage: ", "sts": "sts: "},
    max_query_tokens=128,
    max_passage_tokens=512,
    similarity="dot",
)
PLAIN = ModelDescription()


def resolve(config: ModelConfig, described: ModelDescription = E5, limit: int | None = 512):
    return resolve_options(config, described, limit)


def test_a_model_without_a_description_has_the_defaults():
    resolved = resolve(ModelConfig(), PLAIN)
    options = resolved.options
    assert (options.pooling, options.query_prefix, options.passage_prefix) == ("mean", "", "")
    assert (options.max_query_tokens, options.max_passage_tokens, options.similarity) == (64, 256, "cosine")
    assert set(resolved.origins.values()) == {"default"}


def test_what_the_model_says_goes_before_the_defaults():
    resolved = resolve(ModelConfig())
    options = resolved.options
    assert (options.pooling, options.query_prefix, options.passage_prefix) == ("cls", "query: ", "passage: ")
    assert (options.max_query_tokens, options.max_passage_tokens, options.similarity) == (128, 512, "dot")
    assert resolved.origins["pooling"] == resolved.origins["query_prefix"] == "model"
    assert resolved.origins["truncate_dim"] == "default"


def test_what_is_set_goes_before_all_also_where_it_equals_a_default():
    config = ModelConfig(
        pooling="mean",
        query_prefix="",
        passage_prefix="",
        max_query_tokens=64,
        max_passage_tokens=256,
        similarity="cosine",
    )
    resolved = resolve(config)
    assert resolved.options == resolve(ModelConfig(), PLAIN).options
    names = ("pooling", "query_prefix", "passage_prefix", "max_query_tokens", "max_passage_tokens", "similarity")
    assert {resolved.origins[name] for name in names} == {"config"}


def test_our_own_file_goes_before_the_rest_of_the_description():
    described = ModelDescription(
        pooling=("mean",), prompts={"query": "q: "}, options={"pooling": "cls", "query_prefix": ""}
    )
    options = resolve(ModelConfig(), described).options
    assert (options.pooling, options.query_prefix) == ("cls", "")


@pytest.mark.parametrize("described", [PLAIN, E5])
def test_a_length_that_nobody_set_is_cut_to_what_the_model_takes(described: ModelDescription):
    resolved = resolve(ModelConfig(), described, limit=48)
    assert (resolved.options.max_query_tokens, resolved.options.max_passage_tokens) == (48, 48)
    assert resolved.origins["max_passage_tokens"] == "model"
    with pytest.raises(ConfigError, match=r"^model.max_passage_tokens: 49, but this model takes at most 48 tokens$"):
        resolve(ModelConfig(max_passage_tokens=49), described, limit=48)


def test_a_described_model_without_a_length_has_no_limit():
    """T5's relative positions reach as far as one likes, and SentenceTransformer cuts nothing."""
    options = resolve(ModelConfig(), ModelDescription(pooling=("mean",)), limit=None).options
    assert (options.max_query_tokens, options.max_passage_tokens) == (None, None)


def test_prompts_are_chosen_by_name():
    options = resolve(ModelConfig(query_prompt="sts")).options
    assert options.query_prefix == "sts: "
    with pytest.raises(ConfigError, match=r"^model.query_prompt: .* no prompt 'web'; it has document, query, sts$"):
        resolve(ModelConfig(query_prompt="web"))
    with pytest.raises(ConfigError, match=r"model.query_prompt: .* leave one out"):
        resolve(ModelConfig(query_prompt="sts", query_prefix="q: "))


def test_a_passage_prompt_has_three_names_and_an_empty_one_is_passed_over():
    described = ModelDescription(pooling=("mean",), prompts={"query": "q: ", "document": "", "passage": "p: "})
    resolved = resolve(ModelConfig(), described)
    assert resolved.options.passage_prefix == "p: "
    assert any('"passage" is put before passages' in note for note in resolved.notes)


def test_named_prompts_that_are_nobodys_are_told_of():
    described = ModelDescription(pooling=("mean",), prompts={"web": "w: "}, default_prompt="web")
    resolved = resolve(ModelConfig(), described)
    assert resolved.options.query_prefix == ""
    assert any("web" in note and "model.query_prompt" in note for note in resolved.notes)
    assert any('default prompt "web" is not used' in note for note in resolved.notes)


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("Instruct: {task}\nQuery: ", "Instruct: find it\nQuery: "),
        ("Instruct: Given a web search query, retrieve passages\nQuery:", "Instruct: find it\nQuery:"),
    ],
)
def test_an_instruction_is_put_into_the_query_prefix(prefix: str, expected: str):
    described = ModelDescription(pooling=("lasttoken",), prompts={"query": prefix})
    resolved = resolve(ModelConfig(task="find it"), described)
    assert (resolved.options.query_prefix, resolved.options.passage_prefix) == (expected, "")
    assert resolved.origins["query_prefix"] == "config"


def test_an_instruction_without_a_place_and_a_place_without_an_instruction_are_refused():
    with pytest.raises(ConfigError, match=r"^model.task: .* has no \{task\}"):
        resolve(ModelConfig(task="find it"))
    with pytest.raises(ConfigError, match=r"^model.task: .* wants one"):
        resolve(ModelConfig(query_prefix="{task}: "))


def test_a_distance_is_a_cosine_only_for_unit_vectors():
    unit = ModelDescription(pooling=("mean",), head=(HeadModule(kind="normalize"),), similarity="euclidean")
    assert resolve(ModelConfig(), unit).options.similarity == "cosine"
    with pytest.raises(ConfigError, match=r"^model.similarity: the model compares by euclidean distance"):
        resolve(ModelConfig(), ModelDescription(pooling=("mean",), similarity="euclidean"))
    described = ModelDescription(pooling=("mean",), similarity="manhattan")
    assert resolve(ModelConfig(similarity="dot"), described).options.similarity == "dot"


def test_static_embeddings_have_one_pooling():
    static = ModelDescription(body="static", pooling=("mean",))
    with pytest.raises(ConfigError, match=r"^model.pooling: cls, but static embeddings are always averaged"):
        resolve(ModelConfig(pooling="cls"), static)


TASK = TaskPrompts(
    query=("SciFact-query", "SciFact", "Retrieval-query", "Retrieval", "query"),
    passage=("SciFact-document", "SciFact", "Retrieval-document", "Retrieval", "document"),
    instruction="Given a claim, find its proof",
)


def prefixes_for_task(config: ModelConfig, prompts: dict[str, str]) -> tuple[str, str, dict[str, str]]:
    resolved = resolve(config, msgspec.structs.replace(E5, prompts=prompts))
    options, origins = options_for_task(resolved.options, resolved.origins, prompts, TASK)
    return options.query_prefix, options.passage_prefix, origins


def test_a_prompt_of_the_model_for_a_task_goes_before_that_for_all_queries_and_mteb_has_the_order_of_names():
    own = {"query": "query: ", "document": "passage: "}
    assert prefixes_for_task(ModelConfig(), own)[:2] == ("query: ", "passage: ")
    of_type = {**own, "Retrieval-query": "search: ", "Retrieval": "retrieve: "}
    query, passage, origins = prefixes_for_task(ModelConfig(), of_type)
    assert (query, passage) == ("search: ", "retrieve: ")
    assert (origins["query_prefix"], origins["passage_prefix"], origins["pooling"]) == ("benchmark",) * 2 + ("model",)
    assert prefixes_for_task(ModelConfig(), {**of_type, "SciFact": "science: "})[:2] == ("science: ", "science: ")


def test_a_task_instructs_a_model_that_takes_instructions_and_changes_nothing_that_the_config_sets():
    instructed = {"query": "Instruct: Given a search query\nQuery: "}
    assert prefixes_for_task(ModelConfig(), instructed)[0] == "Instruct: Given a claim, find its proof\nQuery: "
    for config in (ModelConfig(query_prefix="Instruct: Mine\nQuery: "), ModelConfig(task="Mine")):
        query, _, origins = prefixes_for_task(config, {**instructed, "SciFact": "science: "})
        assert (query, origins["query_prefix"]) == ("Instruct: Mine\nQuery: ", "config")
