"""The batch plan: pure, complete in every epoch, and of the modes, languages and sources that were asked for."""

from collections import Counter
from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from small_corpora import make_corpus, tokenized

from engine.config import BatchConfig, ConfigError
from engine.mono_share import mono_share_at
from engine.training.plan import BatchPlan

MODES = ("mono", "cross", "hybrid", "mixed", "english")


def plan_of(corpora, batch, seed, max_steps=1):
    return BatchPlan([tokenized(corpus) for corpus in corpora], batch, seed, max_steps)


def equal(first, second):
    return (first.mode, first.source) == (second.mode, second.source) and all(
        np.array_equal(getattr(first, field), getattr(second, field))
        for field in ("groups", "query_language", "passage_language")
    )


@st.composite
def corpus_lists(draw):
    """One to three sources with gaps, in which every mode is possible."""
    languages = ("de", "en", "th", "zh")
    corpora = []
    for index in range(draw(st.integers(1, 3))):
        groups = draw(st.integers(2, 12))
        gaps = draw(st.sets(st.tuples(st.integers(1, groups - 1), st.sampled_from(languages)), max_size=20))
        corpora.append(make_corpus(f"source{index}", groups, languages, gaps, draw(st.sampled_from((0.5, 1.0, 3.0)))))
    return corpora


@settings(deadline=None, max_examples=40)
@given(corpora=corpus_lists(), mode=st.sampled_from(MODES), seed=st.integers(0, 99), data=st.data())
def test_batches_are_pure_and_made_of_rows_that_exist(corpora, mode, seed, data):
    config = BatchConfig(mode=mode, size=8)
    plan = plan_of(corpora, config, seed)
    for t in data.draw(st.lists(st.integers(0, 40_000), min_size=1, max_size=6)):
        batch = plan.batch(t)
        assert equal(batch, plan_of(corpora, config, seed).batch(t))
        row_of = corpora[batch.source].row_of
        assert (row_of[batch.groups, batch.query_language] >= 0).all()
        assert (row_of[batch.groups, batch.passage_language] >= 0).all()
        same = batch.query_language == batch.passage_language
        if batch.mode == "cross":
            assert not same.any()
        else:
            assert same.all()
        if batch.mode in ("mono", "english"):
            assert len(set(batch.query_language.tolist())) == 1
        if batch.mode == "english":
            assert corpora[batch.source].languages[batch.query_language[0]] == "en"
        if mode != "hybrid":
            assert batch.mode == mode


def streams(plan, corpora, steps):
    """(source, mode, language) -> the groups it gave, in order."""
    found = {}
    for t in range(steps):
        batch = plan.batch(t)
        language = batch.query_language[0] if batch.mode == "mono" else None
        found.setdefault((batch.source, batch.mode, language), []).extend(batch.groups.tolist())
    return found


@settings(deadline=None, max_examples=25)
@given(corpora=corpus_lists(), mode=st.sampled_from(MODES), size=st.integers(2, 9))
def test_every_usable_group_comes_once_in_every_epoch_of_its_stream(corpora, mode, size):
    plan = plan_of(corpora, BatchConfig(mode=mode, size=size), seed=5)
    for (source, kind, language), groups in streams(plan, corpora, 60).items():
        has = corpora[source].row_of >= 0
        usable = {
            "mono": lambda has=has, language=language: has[:, language],
            "cross": lambda has=has: has.sum(axis=1) >= 2,
            "mixed": lambda has=has: has.any(axis=1),
            "english": lambda has=has, source=source: has[:, corpora[source].languages.index("en")],
        }[kind]()
        expected = np.flatnonzero(usable).tolist()
        for start in range(0, len(groups) - len(expected) + 1, len(expected)):
            assert sorted(groups[start : start + len(expected)]) == expected


def test_no_two_streams_or_epochs_share_an_order():
    corpora = [make_corpus("first"), make_corpus("second")]
    plan = plan_of(corpora, BatchConfig(size=40), seed=0)  # a batch is one epoch of 40 groups
    orders = [tuple(plan.batch(t).groups) for t in range(300)]
    assert len(set(orders)) == 300


def test_another_seed_is_another_plan(corpora):
    first, second = (plan_of(corpora, BatchConfig(size=8), seed) for seed in (0, 1))
    assert sum(equal(first.batch(t), second.batch(t)) for t in range(100)) == 0


@pytest.mark.parametrize(("share", "mode"), [(1.0, "mono"), (0.0, "cross")])
def test_hybrid_at_its_ends_is_the_pure_mode_bit_for_bit(corpora, share, mode):
    hybrid = plan_of(corpora, BatchConfig(mode="hybrid", mono_share=share, size=8), seed=3)
    pure = plan_of(corpora, BatchConfig(mode=mode, size=8), seed=3)
    assert all(equal(hybrid.batch(t), pure.batch(t)) for t in range(200))


def test_a_constant_share_gives_the_batches_that_it_gave_before_there_were_schedules():
    """A run that was begun with an earlier version goes on with the batches that it would have had."""
    corpora = [make_corpus("first"), make_corpus("second", groups=24, gaps={(3, "th")})]
    plan, digest = plan_of(corpora, BatchConfig(mono_share=0.3, size=4), seed=7, max_steps=300), sha256()
    for t in [*range(200), 20_000]:
        batch = plan.batch(t)
        digest.update(f"{t} {batch.mode} {batch.source} ".encode())
        digest.update(batch.groups.astype("<i8").tobytes())
        for languages in (batch.query_language, batch.passage_language):
            digest.update(languages.astype("<i2").tobytes())
    assert digest.hexdigest() == "8717c866eb5e99af5b31299baf42a34d3467403a9cd002fc79d68123c86aae3b"


SCHEDULES = {
    "linear": {"mono_share": 1.0, "mono_share_schedule": "linear", "mono_share_end": 0.0},
    "cosine": {"mono_share": 0.1, "mono_share_schedule": "cosine", "mono_share_end": 0.9},
    "steps": {"mono_share": 0.8, "mono_share_schedule": "steps", "mono_share_steps": ((11, 0.3), (31, 0.0))},
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_over_many_seeds_the_coin_follows_the_schedule(corpora, name, monkeypatch):
    """At every update: of 300 runs, as many draw a monolingual batch as its share says."""
    monkeypatch.setattr("engine.training.plan._CHUNK", 64)  # of draws that are made together, and mostly not asked for
    batch, steps, seeds = BatchConfig(size=2, **SCHEDULES[name]), 40, 300
    arrays = [tokenized(corpus) for corpus in corpora]
    plans = [BatchPlan(arrays, batch, seed, steps) for seed in range(seeds)]
    for t in range(0, steps, 3):
        expected = mono_share_at(batch, steps, t + 1)
        mono = sum(plan._streams[plan._stream_at(t)[0]].mode == "mono" for plan in plans)
        if expected in (0.0, 1.0):
            assert mono == expected * seeds
        else:
            assert binomtest(mono, seeds, expected).pvalue > 1e-5


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_scheduled_plan_is_a_function_of_the_update_alone(corpora, name, monkeypatch):
    """Asked in another order, or from the middle on as after a resume, every batch is the same; and each stream goes
    through its groups without leaving one out, whatever the coins were."""
    monkeypatch.setattr("engine.training.plan._CHUNK", 16)
    batch = BatchConfig(size=4, **SCHEDULES[name])
    forwards, backwards = plan_of(corpora, batch, 3, 40), plan_of(corpora, batch, 3, 40)
    first = [forwards.batch(t) for t in range(40)]
    assert all(equal(backwards.batch(t), first[t]) for t in reversed(range(40)))
    drawn = Counter()
    for t in range(40):
        index, earlier = forwards._stream_at(t)
        assert earlier == drawn[index]
        drawn[index] += 1


def test_a_schedule_that_does_not_move_is_the_constant_share(corpora):
    same = BatchConfig(mono_share=0.4, mono_share_schedule="linear", mono_share_end=0.4, size=4)
    one, other = plan_of(corpora, same, 0, 50), plan_of(corpora, BatchConfig(mono_share=0.4, size=4), 0, 50)
    assert all(equal(one.batch(t), other.batch(t)) for t in range(50))


DRAWS = 1500


def test_the_coin_falls_as_often_as_it_should(corpora):
    plan = plan_of(corpora, BatchConfig(mono_share=0.3, size=2), seed=0)
    mono = sum(plan.batch(t).mode == "mono" for t in range(DRAWS))
    assert binomtest(mono, DRAWS, 0.3).pvalue > 1e-4


def shares(corpora, **options):
    plan = plan_of(corpora, BatchConfig(size=2, **options), seed=1)
    batches = [plan.batch(t) for t in range(DRAWS)]
    return Counter(batch.source for batch in batches), Counter(int(batch.query_language[0]) for batch in batches)


@pytest.mark.parametrize(("temperature", "expected"), [(1.0, 0.25), (0.0, 0.5), (0.5, 1 / (1 + 3**0.5))])
def test_sources_are_drawn_by_size_to_the_power_of_the_temperature(temperature, expected):
    corpora = [make_corpus("small", groups=20), make_corpus("large", groups=60)]
    by_source, _ = shares(corpora, mode="mono", source_temperature=temperature)
    assert binomtest(by_source[0], DRAWS, expected).pvalue > 1e-4


def test_weight_multiplies_the_share_of_a_source():
    corpora = [make_corpus("small", groups=20, weight=3.0), make_corpus("large", groups=60)]
    by_source, _ = shares(corpora, mode="cross")
    assert binomtest(by_source[0], DRAWS, 0.5).pvalue > 1e-4


@pytest.mark.parametrize(("sampling", "expected"), [("uniform", 1 / 3), ("size", 10 / 90)])
def test_languages_are_drawn_uniformly_or_by_size(sampling, expected):
    gaps = {(group, "th") for group in range(10, 40)}
    _, by_language = shares([make_corpus(gaps=gaps)], mode="mono", language_sampling=sampling)
    assert binomtest(by_language[2], DRAWS, expected).pvalue > 1e-4


def test_cross_pairs_are_uniform_over_ordered_pairs():
    plan = plan_of([make_corpus()], BatchConfig(mode="cross", size=50), seed=0)
    pairs = Counter()
    for t in range(60):
        batch = plan.batch(t)
        pairs.update(zip(batch.query_language.tolist(), batch.passage_language.tolist(), strict=True))
    assert len(pairs) == 6
    assert all(binomtest(count, 3000, 1 / 6).pvalue > 1e-4 for count in pairs.values())


def test_a_jump_far_ahead_continues_the_streams(corpora):
    """The arithmetic over chunks agrees with counting batches one by one across two chunk borders."""
    config = BatchConfig(size=2)
    walking, jumping = plan_of(corpora, config, 0), plan_of(corpora, config, 0)
    last = jumping.batch(33_000)
    for t in range(33_001):
        index, earlier = walking._stream_at(t)
        if t % 1000 == 0:
            assert earlier == sum_before(walking, index, t)
    assert equal(walking.batch(33_000), last)


def sum_before(plan, index, t):
    draws = np.concatenate([plan._draws(chunk) for chunk in range(3)])
    return np.count_nonzero(draws[:t] == index)


def test_what_cannot_be_drawn_is_an_error_that_names_the_field():
    one = [make_corpus(languages=("en",))]
    with pytest.raises(ConfigError, match=r"^batch.mode: 'cross' needs groups in two languages"):
        plan_of(one, BatchConfig(mode="cross"), 0)
    with pytest.raises(ConfigError, match=r"^batch.language: 'fr' is in no source \(they have en\)"):
        plan_of(one, BatchConfig(mode="english", language="fr"), 0)
    assert plan_of(one, BatchConfig(mode="hybrid", mono_share=1.0), 0).batch(0).mode == "mono"
