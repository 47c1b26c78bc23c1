"""Panels of text say of a run what its spec records, and no more."""

from __future__ import annotations

import hashlib

import pytest
from runs_factory import model_loaded, run_config

from engine.config import DebiasMethod, ModelConfig, SystemConfig
from engine.events import ModelLoaded
from engine.runs.folder import Provenance, Spec
from tui.draw.text import row_width
from tui.run.text_rows import config_rows, toml_rows


@pytest.mark.parametrize(
    ("diff", "shown"), [(b"", "0123456789ab"), (b"--- a\n+++ b\n", "0123456789ab with changes"), (None, "0123456789ab")]
)
def test_changes_are_told_of_only_where_something_had_been_changed(diff: bytes | None, shown: str) -> None:
    digest = None if diff is None else hashlib.sha256(diff).hexdigest()
    provenance = Provenance(git_commit="0123456789abcdef", git_diff_digest=digest)
    rows = config_rows(Spec(config=run_config("a"), created=0.0, provenance=provenance), None, "runs/a", 80)
    (commit,) = ("".join(text for text, _ in row) for row in rows if row and row[0][0].strip() == "commit")
    assert commit.removeprefix("commit").strip() == shown


INSTRUCTION = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: "


def texts_of(model: ModelLoaded | None, width: int) -> list[str]:
    spec = Spec(config=run_config("a", model=ModelConfig(name="/models/labse")), created=0.0, provenance=Provenance())
    rows = config_rows(spec, model, "runs/a", width)
    assert max(map(row_width, rows)) <= width
    return ["".join(text for text, _ in row) for row in rows]


def test_below_its_section_stands_the_model_as_it_was_loaded_and_who_said_so() -> None:
    config = run_config("a", model=ModelConfig(pooling="cls", query_prefix="query: "))
    loaded = model_loaded(config, modules="Transformer, cls pooling, Dense 32 Tanh", trained=1000, revision="c0ffee")
    told = texts_of(loaded, 80)
    section = told[told.index("[model]") : told.index("[[sources]]")]
    assert [" ".join(line.split()) for line in section[section.index("the model as it was loaded") + 1 :]] == [
        "modules Transformer, cls pooling, Dense 32 Tanh", "pooling cls (config)", 'query_prefix "query: " (config)',
        'passage_prefix "" (default)', "max_query_tokens 64 (default)", "max_passage_tokens 256 (default)",
        "include_prompt true (default)", "lower_case false (default)", "similarity cosine (default)",
        "truncate_dim all dimensions (default)", "width 128 dimensions", "parameters 1,127,168, 1,000 of them trained",
        "attention padded, math", "precision float32", "revision c0ffee", "",
    ]  # fmt: skip


def test_a_run_that_told_nothing_of_its_model_shows_its_config_alone() -> None:
    assert not any("loaded" in line for line in texts_of(None, 80))


@pytest.mark.parametrize("debias", ["none", "lir"])
def test_an_evaluation_shows_its_pairs_where_its_vectors_are_corrected(debias: DebiasMethod) -> None:
    config = run_config("a", kind="evaluation", system=SystemConfig(debias=debias))
    rows = config_rows(Spec(config=config, created=0.0, provenance=Provenance()), None, "runs/a", 80)
    told = ["".join(text for text, _ in row) for row in rows]
    assert [line for line in told if line in ("[system]", "[model]", "[[sources]]", "[batch]")] == (
        ["[model]"] if debias == "none" else ["[system]", "[model]", "[[sources]]"]
    )


@pytest.mark.parametrize("width", [116, 80, 56])
def test_nothing_of_a_model_is_cut_however_long_it_is(width: int) -> None:
    modules = "Transformer, lasttoken pooling, " + ", ".join(f"Dense {number} Tanh" for number in range(30))
    loaded = model_loaded(run_config("a", model=ModelConfig(query_prefix=INSTRUCTION)), modules=modules)
    flat = " ".join(" ".join(texts_of(loaded, width)).split())
    assert modules in flat
    assert INSTRUCTION.replace("\n", "\\n").strip() in flat


def test_a_long_value_of_the_config_goes_on_below_it() -> None:
    line = f'query_prefix = "{"a rather long instruction " * 9}"'
    rows = toml_rows(line, 56)
    assert max(map(row_width, rows)) <= 56
    assert " ".join("".join(text for row in rows for text, _ in (*row, (" ", ""))).split()) == " ".join(line.split())
    assert rows[0][0] == ("query_prefix = ", "dim")
