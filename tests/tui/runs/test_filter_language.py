"""The language of filters: what each term keeps, what is wrong said in one short line, and no expression that hangs."""

from __future__ import annotations

import math
import threading
import time

import msgspec
import pytest
from helpers.rows import make_run_row
from hypothesis import given
from hypothesis import strategies as st
from runs_factory import run_config

from engine.config import ModelConfig, OptimizerConfig, SourceConfig
from tui.follow.rows import RunRow
from tui.runs import fields
from tui.runs.filter_language import FilterError, Verdicts, judge_at_once, parse, search

CONFIG = msgspec.structs.replace(
    run_config("sweep-a"), seed=3, model=ModelConfig(name="models/xlmr-base"),
    optimizer=OptimizerConfig(learning_rate=2e-4, max_steps=1000),
    sources=(SourceConfig(kind="cldr"), SourceConfig(kind="jsonl", path="data/pairs.jsonl")),
)  # fmt: skip
ROW = make_run_row(
    1, name="sweep-a", mode="hybrid", mono_share=0.3, state="running", device="GPU0 NVIDIA H200", host="box-1",
    study="batches", tags=("paper", "draft-2"), note="rate too high", benchmark="cldr", loss=1.25, step=250,
    max_steps=1000, metrics={"map_monolingual": 0.71, "rank_distance": 40.0, "map_crosslingual": None},
    results={"xquad-r": {"map_monolingual": 0.5}}, config=CONFIG, seed=3, pinned=True,
)  # fmt: skip


def keeps(text: str, row: RunRow = ROW) -> bool:
    return parse(text).fits(row, row.name, judge_at_once())


@pytest.mark.parametrize(
    "text",
    ["", "  ", "SWEEP", "sweep hybrid running", "h200 box-1", "batches", "paper", '"gpu0 nvidia"', "-finished", "-",
     "lr>=1e-4", "lr=2e-4", "optimizer.learning_rate<1", "learning_rate>0.0001", "model~xlmr", "model~XLMR",
     "model=models/xlmr-base", "model.name!=tiny", "seed=3", "seed:3", "alpha=.3", "alpha<50%", "mono>.7",
     "map_monolingual<=.71", "xquad-r.map_monolingual=.5", "xquad-r.mono<.6", "rank_distance=40", "loss<2", "step>=250",
     "progress=25%", "max_steps=1_000", "state:running", "state=live", "state!=paused", "tag:paper", "tag=PAPER",
     "tag~draft", "tag!=none", "tags:draft-2", "note~rate", 'note~"too high"', "cross=none", "pinned:yes", "host:box-1",
     "sources.path~pairs", "sources.kind=jsonl", "-tag:old", "-mono<.7", "name~/^sweep-[ab]$/", "/GPU\\d/", "-/^x/",
     "model~/xlmr|e5/", "kind=training", "device~h200", "mode:hybrid study=batches"],
)  # fmt: skip
def test_a_run_that_fits_is_kept(text: str) -> None:
    assert keeps(text)
    if text.strip(" -"):
        assert not keeps(f"{text} nowhere-to-be-found"), "every term has to fit"


@pytest.mark.parametrize(
    "text",
    ["sweep-b", "-sweep", "sweep -paper", "lr>2e-4", "lr<2e-4", "lr!=2e-4", "model=xlmr", "mono>.71", "cross>0",
     "cross<=1", "mono=none", "xquad-r.mono>.5", "cldr-x.mono>0", "state:paused", "-state:live", "tag:pap", "tag=none",
     "/^gpu$/", "name~/^a/", "pinned:no", "note=rate", "alpha>.3", "seed!=3", '"hybrid running"', "-lr>1e-5"],
)  # fmt: skip
def test_a_run_that_does_not_fit_is_left_out(text: str) -> None:
    assert not keeps(text)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [("lr>=", "lr>= needs a value"), ("lr>=x", "lr>= needs a number, not 'x'"), ("lr>1e-", "needs a number"),
     ("learning_rat>1", "no key 'learning_rat'; learning_rate?"), ("foo=1", "no key 'foo'"), ("rank>1", ""),
     ('name="a', "a quote is open"), ("name~/a", "an expression is open"), ("name~/(/", "not a regular expression"),
     ("name=/a/", "an expression goes with ~: name~/a/"), ("state:runing", "no state 'runing'"),
     (f"/{'a' * 300}/", "at most 200 characters"), ("mono>nan", "needs a number"), ("mono>inf", "needs a number")],
)  # fmt: skip
def test_what_is_wrong_is_one_short_line(text: str, wrong: str) -> None:
    if not wrong:
        parse(text)
        return
    with pytest.raises(FilterError) as raised:
        parse(text)
    assert str(raised.value).startswith(wrong) or wrong in str(raised.value)
    assert "\n" not in str(raised.value)


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_any_text_is_a_filter_or_one_line_that_says_why_not(text: str) -> None:
    wrong = "one line"
    try:
        parse(text).fits(ROW, ROW.name, Verdicts().look_up)
    except FilterError as error:
        wrong = str(error)
    assert len(wrong.splitlines()) == 1


@given(st.sampled_from(("lr", "mono", "seed", "loss")), st.sampled_from(("<", "<=", ">", ">=", "=", "!=")),
       st.floats(allow_nan=False, allow_infinity=False))  # fmt: skip
def test_a_comparison_is_that_of_the_numbers(key: str, operator: str, number: float) -> None:
    value = fields.field(key).value(ROW)
    assert isinstance(value, float)
    equal = math.isclose(value, number, rel_tol=1e-9)
    right = {"<": value < number, "<=": value <= number, ">": value > number, ">=": value >= number, "=": equal,
             "!=": not equal}[operator]  # fmt: skip
    assert keeps(f"{key}{operator}{number!r}") is right
    assert keeps(f"-{key}{operator}{number!r}") is not right


@given(st.sampled_from([*fields.names()]))
def test_every_key_can_be_asked_of_every_run(key: str) -> None:
    for row in (ROW, make_run_row(2)):
        fields.text(fields.field(key).value(row))
        parse(f"{key}=none").fits(row, row.name, judge_at_once())


@given(st.lists(st.sampled_from(("sweep", "lr>1e-4", "-paper", "mono>.7", "state:running", '"a b"')), max_size=5))
def test_terms_may_come_in_any_order(terms: list[str]) -> None:
    assert keeps(" ".join(terms)) is all(map(keeps, terms)) is keeps("  ".join(reversed(terms)))


@pytest.mark.parametrize("pattern", ["(a+)+$b", "(a|aa)+$", "(a|a?)+c", "(?:(?:(?:a?){50}){50}){50}b"])
def test_an_expression_that_backtracks_ends_and_lets_others_work(pattern: str) -> None:
    """Python's own would search for longer than anybody waits, and hold every other thread meanwhile."""
    pairs = [(pattern, "a" * 60 + "!")]
    answers: list[object] = []

    def run() -> None:
        try:
            answers.append(search(pairs))
        except FilterError as error:
            answers.append(str(error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    turns = 0
    while thread.is_alive():
        turns += 1
        time.sleep(0.001)
    assert answers
    assert answers == [{pairs[0]: False}] or "takes too long" in str(answers[0])


def test_what_has_not_been_searched_yet_is_told_apart() -> None:
    verdicts = Verdicts()
    asked = parse("name~/^sweep/")
    assert asked.has_patterns
    assert not asked.fits(ROW, ROW.name, verdicts.look_up)
    assert verdicts.missing == {("^sweep", "sweep-a")}
    verdicts.found |= search(verdicts.missing)
    assert asked.fits(ROW, ROW.name, verdicts.look_up)


def test_a_term_that_nothing_ends_may_go_on() -> None:
    assert parse("paper l").is_open
    assert parse("lr>1").is_open
    assert not any(parse(text).is_open for text in ("", "lr ", '"two words"', "name~/x/"))
    assert [term.value for term in parse("paper l").without_last().terms] == ["paper"]
