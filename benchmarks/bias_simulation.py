"""What each measure says of rankings whose language bias is known: which moves it, and which does not.

    python benchmarks/bias_simulation.py [--json] [--seeds 20] [--write docs/measures.md]

Scores are drawn, not computed by a model. Every fact is asked in four languages and answered by two passages in each; a
relevant passage scores ``SIGNAL`` higher than another, and everything has normal noise of variance 1, half of which the
translations of a question share. Conditions:

- no language effect: that, and nothing else;
- own-language bonus: every passage in the question's language scores ``BONUS`` higher, relevant or not: language bias;
- own answers first: only relevant ones do, which serves whoever asks and brings up no wrong passage;
- language ignored: all translations of a question have the same scores, as if nobody knew what language was asked;
- one bad language: questions and passages in one of the languages have less than half of the signal.

A cell is the mean over seeds. It has a star where it differs from that without language effect by more than four
standard errors: the measure is moved. In brackets stands what the measure would be on the same rankings if languages
did not matter, where it has such a null.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np
import numpy.typing as npt

from engine.data.benchmark import Benchmark, Candidate, Query, build_benchmark
from engine.evaluation.benchmarking import evaluate
from engine.evaluation.results import Summary
from engine.evaluation.systems.system import without_encoder
from engine.measures import METRICS, RANK_DISTANCE_NULL

LANGUAGES = ("ar", "de", "en", "zh")
BAD = "zh"
FACTS, COPIES, CLUSTERS = 40, 2, 20
SIGNAL, BONUS, LESS = 2.4, 1.0, 1.4
CONDITIONS = (
    "no language effect",
    "own-language bonus",
    "own answers first",
    "language ignored",
    "one bad language",
)
BEGIN, END = "<!-- bias_simulation -->", "<!-- end of bias_simulation -->"
MOVED = 4.0  # standard errors

Scores = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cell:
    """A measure in one condition; the null is None where the measure has none."""

    mean: float
    error: float  # standard error of the mean over seeds
    null: float | None
    moved: bool  # against the condition without language effect


def parallel_pool(facts: int = FACTS, copies: int = COPIES) -> Benchmark:
    """Every fact is asked in every language, and answered by ``copies`` passages in every language."""
    answers = [(language, fact, copy) for language in LANGUAGES for fact in range(facts) for copy in range(copies)]
    return build_benchmark(
        "simulated",
        (
            Query(
                id=f"{language}:q:{fact:03}",
                language=language,
                text="",
                group=f"f{fact:03}",
                cluster=f"c{fact % CLUSTERS:02}",
                relevant={f"{answered}:p:{fact:03}.{copy}": 1 for answered in LANGUAGES for copy in range(copies)},
            )
            for language in LANGUAGES
            for fact in range(facts)
        ),
        [Candidate(f"{language}:p:{fact:03}.{copy}", language, "") for language, fact, copy in answers],
        unit="fact",
        pool="all passages",
    )


def draw(condition: str, benchmark: Benchmark, rng: np.random.Generator) -> Scores:
    """[Q, C] scores."""
    queries, candidates = len(benchmark.query_ids), len(benchmark.candidate_ids)
    facts = queries // len(LANGUAGES)
    fact_of_query = np.tile(np.arange(facts), len(LANGUAGES))
    relevant = np.zeros((queries, candidates), bool)
    relevant[np.repeat(np.arange(queries), np.diff(benchmark.offsets)), benchmark.relevant] = True
    own = benchmark.query_language[:, None] == benchmark.candidate_language[None, :]

    shared = rng.standard_normal((facts, candidates))[fact_of_query]
    alone = rng.standard_normal((queries, candidates))
    noise = shared if condition == "language ignored" else np.sqrt(0.5) * (shared + alone)
    scores = SIGNAL * relevant + noise
    if condition == "own-language bonus":
        scores += BONUS * own
    elif condition == "own answers first":
        scores += BONUS * (own & relevant)
    elif condition == "one bad language":
        bad = benchmark.languages.index(BAD)
        weak = (benchmark.query_language[:, None] == bad) | (benchmark.candidate_language[None, :] == bad)
        scores -= LESS * (relevant & weak)
    return scores


def measured(benchmark: Benchmark, scores: Scores) -> Summary:
    """The evaluation of scores [Q, C], which are made the dot products of unit vectors and columns."""
    queries = np.eye(len(scores), dtype=np.float32)
    return evaluate(benchmark, queries, scores.T.astype(np.float32), without_encoder("simulated scores")).summary


def values(summary: Summary) -> dict[str, tuple[float, float | None]]:
    """Measure -> (its value, its null), of all that the evaluation has; matrices by their mean on the own language."""
    bias = summary.bias
    assert bias is not None
    found: dict[str, tuple[float, float | None]] = {}
    for name in METRICS:
        if (value := summary.metrics[name]) is not None:
            null = summary.metrics[RANK_DISTANCE_NULL] if name == "rank_distance" else None
            found[name] = (value, null)
    for name, value in bias.measures.items():
        found[name] = (value, 0.0 if name == "own_language_advantage" else bias.nulls.get(name))
    if bias.language_effect is not None:
        found["language_effect"] = (_diagonal(bias.language_effect.effect), 0.0)
    found["language_share_at_10"] = (_diagonal(bias.language_share_at_10), fmean(bias.pool_share.values()))
    found["friedman"] = (fmean(test.agreement for test in bias.friedman.values()), None)
    return found


def simulate(seeds: int, facts: int = FACTS) -> dict[str, dict[str, Cell]]:
    """Measure -> condition -> cell."""
    benchmark = parallel_pool(facts)
    drawn: dict[str, dict[str, list[tuple[float, float | None]]]] = {}
    for condition in CONDITIONS:
        for seed in range(seeds):
            rng = np.random.default_rng([seed, CONDITIONS.index(condition)])
            for name, value in values(measured(benchmark, draw(condition, benchmark, rng))).items():
                drawn.setdefault(name, {}).setdefault(condition, []).append(value)
    return {name: _cells(by_condition) for name, by_condition in drawn.items()}


def table(found: Mapping[str, Mapping[str, Cell]]) -> list[str]:
    """Lines of Markdown: a row a measure."""
    lines = [
        "| measure | " + " | ".join(CONDITIONS) + " |",
        "|---|" + "---|" * len(CONDITIONS),
    ]
    for name, cells in found.items():
        lines.append(f"| `{name}` | " + " | ".join(_shown(cells[condition]) for condition in CONDITIONS) + " |")
    return lines


def write_table(path: Path, lines: Sequence[str]) -> None:
    """Puts the table between the markers of a Markdown file.

    Raises:
        SystemExit: the file has no markers.
    """
    text = path.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        sys.exit(f"{path}: no lines {BEGIN} and {END}")
    path.write_text("".join([before, begin, "\n", "\n".join(lines), "\n", end, after]))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON object instead of the table")
    parser.add_argument("--seeds", type=int, default=20, help="draws of each condition")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table between the markers of this file")
    options = parser.parse_args()
    if options.seeds < 2:
        parser.error(f"--seeds: expected at least 2, got {options.seeds}")
    found = simulate(options.seeds)
    if options.json:
        cells = {
            name: {condition: {"mean": cell.mean, "error": cell.error, "null": cell.null, "moved": cell.moved}
                   for condition, cell in by_condition.items()}
            for name, by_condition in found.items()
        }  # fmt: skip
        print(json.dumps({"seeds": options.seeds, "measures": cells}, indent=1))
        return
    lines = table(found)
    print("\n".join(lines))
    if options.write is not None:
        write_table(options.write, lines)


def _cells(by_condition: Mapping[str, Sequence[tuple[float, float | None]]]) -> dict[str, Cell]:
    numbers = {condition: np.array([value for value, _ in drawn]) for condition, drawn in by_condition.items()}
    errors = {condition: float(drawn.std(ddof=1) / np.sqrt(len(drawn))) for condition, drawn in numbers.items()}
    fair = CONDITIONS[0]
    cells = {}
    for condition, drawn in numbers.items():
        nulls = [null for _, null in by_condition[condition] if null is not None]
        difference = abs(drawn.mean() - numbers[fair].mean())
        error = np.hypot(errors[condition], errors[fair])
        cells[condition] = Cell(
            mean=float(drawn.mean()),
            error=errors[condition],
            null=fmean(nulls) if nulls else None,
            moved=bool(difference > MOVED * error and difference > 1e-9),
        )
    return cells


def _shown(cell: Cell) -> str:
    text = _number(cell.mean) + ("\\*" if cell.moved else "")
    return text if cell.null is None else f"{text} ({_number(cell.null)})"


def _number(value: float) -> str:
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _diagonal(matrix: Mapping[str, Mapping[str, float]]) -> float:
    return fmean(row[asked] for asked, row in matrix.items() if asked in row)


if __name__ == "__main__":
    main()
