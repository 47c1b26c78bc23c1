"""NanoBEIR in several languages as one pool: small samples of BEIR's data sets, machine-translated with equal ids.

On the hub it is ``lightonai/nanobeir-multilingual``: subset ``NanoSET_LANGUAGE`` with the splits ``corpus`` and
``queries`` (``_id``, ``text``), and subset ``NanoSET`` with the split ``qrels`` (``query-id``, ``corpus-id``), which is
the same for all languages. A local folder is a copy of it, or has files such as ``NanoNQ_de/corpus.jsonl``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.benchmark_names import NANOBEIR_LANGUAGES
from engine.config import ConfigError
from engine.data.benchmark import Benchmark, Candidate, Query, build_benchmark
from engine.data.corpus import select_languages
from engine.data.hub_tables import hub_table, table_rows
from engine.progress import Counter, Tick

REPOSITORY = "lightonai/nanobeir-multilingual"


@dataclass(frozen=True, slots=True)
class Counts:
    """In each language."""

    passages: int
    judgements: int
    queries: int = 50


SETS = {
    "ArguAna": Counts(3635, 50),
    "ClimateFEVER": Counts(3408, 148),
    "DBPedia": Counts(6045, 1158),
    "FEVER": Counts(4996, 57),
    "FiQA2018": Counts(4598, 123),
    "HotpotQA": Counts(5090, 100),
    "MSMARCO": Counts(5043, 50),
    "NFCorpus": Counts(2953, 2518),
    "NQ": Counts(5035, 57),
    "QuoraRetrieval": Counts(5046, 70),
    "SCIDOCS": Counts(2210, 244),
    "SciFact": Counts(2919, 56),
    "Touche2020": Counts(5745, 932, queries=49),
}


def nanobeir_benchmark(
    key: str, folder: Path | None, languages: Sequence[str] = (), tick: Tick | None = None
) -> Benchmark:
    """Queries and passages of ``languages`` (empty: all nine), each query's passages relevant in every language.

    Args:
        key: "nanobeir/SET", see ``SETS``.

    Raises:
        ConfigError: no such set, or a language that is not there, malformed, or of other counts than published.
    """
    name = key.partition("/")[2]
    if name not in SETS:
        raise ConfigError(f"{key}: no such set: expected one of {', '.join(SETS)}")
    chosen = select_languages(languages, NANOBEIR_LANGUAGES, key)
    label, counter = str(folder or REPOSITORY), Counter(tick, f"reading {REPOSITORY}", len(chosen))
    relevant: dict[str, list[str]] = {}
    for _, row in table_rows(hub_table(REPOSITORY, folder, f"Nano{name}", "qrels", ("query-id", "corpus-id"))):
        relevant.setdefault(str(row["query-id"]), []).append(str(row["corpus-id"]))
    queries: list[Query] = []
    passages: list[Candidate] = []
    for language in chosen:
        subset = f"Nano{name}_{language}"
        texts, asked = (_texts(folder, subset, split) for split in ("corpus", "queries"))
        _check(f"{label}: {subset}", SETS[name], texts, asked, relevant)
        passages += [Candidate(f"{language}:p:{id}", language, text) for id, text in texts.items()]
        queries += [
            Query(
                f"{language}:q:{id}",
                language,
                text,
                group=id,
                cluster=id,
                relevant={f"{answer}:p:{passage}": 1 for answer in chosen for passage in relevant[id]},
            )
            for id, text in asked.items()
        ]
        counter.advance()
    count = f"the {SETS[name].passages:,} passages of Nano{name}, translated by machine"
    return build_benchmark(
        key, queries, passages, unit="passage", pool=f"{count}, in each of {len(chosen)} languages together"
    )


def _texts(folder: Path | None, subset: str, split: str) -> dict[str, str]:
    return dict(_rows(folder, subset, split))


def _rows(folder: Path | None, subset: str, split: str) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for place, row in table_rows(hub_table(REPOSITORY, folder, subset, split, ("_id", "text"))):
        id, text = str(row["_id"]), str(row["text"] or "")
        where = f"{folder or REPOSITORY}: {subset}, {split}: row {place}"
        if id in seen:
            raise ConfigError(f"{where}: _id: {id!r} comes twice")
        if split == "queries" and not text.strip():
            raise ConfigError(f"{where}: text: expected a query that is not empty")
        seen.add(id)
        yield id, text


def _check(
    label: str, expected: Counts, texts: dict[str, str], asked: dict[str, str], relevant: dict[str, list[str]]
) -> None:
    found = Counts(len(texts), sum(map(len, relevant.values())), len(asked))
    if found != expected:
        raise ConfigError(
            f"{label}: expected {expected.passages:,} passages, {expected.queries} queries and {expected.judgements:,} "
            f"judgements, found {found.passages:,}, {found.queries} and {found.judgements:,}"
        )
    for query, ids in relevant.items():
        if query not in asked:
            raise ConfigError(f"{label}: qrels: query-id: no query {query!r}")
        if missing := [id for id in ids if id not in texts]:
            raise ConfigError(f"{label}: qrels: corpus-id: no passage {missing[0]!r}")
