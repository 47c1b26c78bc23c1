"""Runs on a BEIR data set, which has one language: as this version writes them, and as an earlier one did.

The earlier version measured bias there too. Its numbers are planted here, all with the digits 737, so that a test finds
them wherever they are shown.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import msgspec
from runs_factory import RunWriter, run_config

from engine import events
from engine.config import EvaluationConfig
from engine.data.benchmark import Benchmark
from engine.data.sources import load_benchmark
from engine.evaluation.results import Bounds, Evaluation, Summary, write_results
from engine.events import Advantage, EvaluationResult, Friedman, LanguageBias, LanguageEffect, RankDistances
from engine.measures import NEEDS

sys.path.append(str(Path(__file__).parents[1] / "engine" / "export"))
from query_cases import own_evaluation

BENCHMARK = "beir/toy"
MEANINGLESS = tuple(name for name, needs in NEEDS.items() if needs != "nothing")
PLANTED = re.compile(r"(?<![\w])[-+]?(?:0?\.737|73\.7|73,?737|7\.37)")
_SHARE, _RANK, _DOUBLINGS = 0.7373, 73_737.0, 7.3737


def write_beir(folder: Path, questions: int = 24) -> Path:
    """Each question has one or two relevant passages of grades 1 and 2."""
    (folder / "qrels").mkdir(parents=True, exist_ok=True)

    def write(name: str, rows: list[dict[str, str]]) -> None:
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    write("corpus", [{"_id": f"d{n:03}", "title": f"Thing {n}", "text": f"About {n}."} for n in range(2 * questions)])
    write("queries", [{"_id": f"q{n:03}", "text": f"What of {n}?"} for n in range(questions)])
    rows = [f"q{n:03}\td{n:03}\t2\n" for n in range(questions)]
    rows += [f"q{n:03}\td{n + questions:03}\t1\n" for n in range(0, questions, 2)]
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(rows))
    return folder


def single_language(home: Path, name: str, mode: str, seed: int, *, earlier: bool) -> RunWriter:
    """A finished run with its log and its results; ``earlier``: as a version wrote them that measured bias anywhere."""
    data = write_beir(home.parent / "toy")
    benchmark = load_benchmark(f"{BENCHMARK}={data}")
    config = msgspec.structs.replace(
        run_config(name, mode, seed=seed),
        evaluation=EvaluationConfig(benchmarks=(f"{BENCHMARK}={data}",), every=400),
    )
    writer = RunWriter(home, name, config).started().steps(1, 5)
    for step in (0, 400):
        found = _evaluation(benchmark, seed, earlier=earlier)
        write_results(found, writer.folder.results / f"step-{step:06d}" / BENCHMARK)
        writer.add(events.EvalFinished(benchmark=BENCHMARK, step=step, seconds=1.9, result=found.result))
    return writer.add(events.RunFinished(step=400, seconds=34.2))


def _evaluation(benchmark: Benchmark, seed: int, *, earlier: bool) -> Evaluation:
    found = own_evaluation(benchmark, seed)
    if not earlier:
        return found
    return Evaluation(found.benchmark, found.ranks, found.top, _planted(found.summary))


def _planted(summary: Summary) -> Summary:
    bounds = summary.bounds
    result: EvaluationResult = msgspec.structs.replace(
        summary,
        settings={"monolingual": 1, "crosslingual": 0, "multilingual": 1},
        metrics=_filled(summary.metrics),
        map_multilingual_by_language={"en": _SHARE},
        rank_distance={"en": RankDistances(queries=24, mean=_RANK, median=_RANK, p90=_RANK, histogram=[0, 0, 12, 12])},
        own_language_advantage={"en": Advantage(mean=_DOUBLINGS, interval=(_DOUBLINGS, _DOUBLINGS))},
        bias=LanguageBias(
            measures={name: _value(name) for name in MEANINGLESS},
            by_language={name: {"en": _value(name)} for name in MEANINGLESS},
            own_language_advantage=Advantage(mean=_DOUBLINGS, interval=(_DOUBLINGS, _DOUBLINGS)),
            language_effect=LanguageEffect(effect={"en": {"en": _DOUBLINGS}}, p=_SHARE, permutations=199),
            language_share_at_10={"en": {"en": _SHARE}},
            pool_share={"en": _SHARE},
            friedman={"en": Friedman(statistic=_DOUBLINGS, p=_SHARE, p_clusters=None, agreement=_SHARE, queries=24)},
            not_applicable={},
        ),
        micro=_filled(summary.micro),
        bounds=Bounds(optimistic=_filled(bounds.optimistic), pessimistic=_filled(bounds.pessimistic)),
    )
    assert isinstance(result, Summary)
    return result


def _filled(values: dict[str, float | None]) -> dict[str, float | None]:
    return {name: _value(name) if name in MEANINGLESS else value for name, value in values.items()}


def _value(name: str) -> float:
    return _RANK if "rank" in name else _SHARE
