"""NeuCLIRBench (arXiv 2511.14758): news in Persian, Russian and Chinese, asked in those languages and in English.

On the hub the queries and the graded judgements are ``neuclir/bench`` (subsets ``queries``, splits by language, and
``qrels``, splits by language and ``mlir``), the documents ``neuclir/neuclir1`` (splits by language). A local folder has
copies of both repositories, called ``bench`` and ``neuclir1``.

With documents of one language the judgements are that language's. With those of several they are the ``mlir`` ones,
of fewer queries, which were judged in all three languages. English queries are ranked against every document language,
and the pool of all languages is the multilingual task, for which ``ndcg_at_20_multilingual`` of English queries is the
published measure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from engine.benchmark_names import NEUCLIR_LANGUAGES
from engine.config import ConfigError
from engine.data.benchmark import Benchmark
from engine.data.corpus import select_languages
from engine.data.hub_tables import hub_table, table_rows
from engine.data.lines import whole_number
from engine.data.retrieval import Fields, Judgement, Topic, retrieval_benchmark
from engine.data.store.passages import PassageFile, PassageRow, load_passages, titled
from engine.progress import Tick

QUERIES, DOCUMENTS = "neuclir/bench", "neuclir/neuclir1"
FIELDS = Fields(query="id", passage="docid")
CODES = {"en": "eng", "fa": "fas", "ru": "rus", "zh": "zho"}
MILLIONS = {"fa": 2.2, "ru": 4.6, "zh": 3.2}  # documents, as published


def neuclir_benchmark(folder: Path | None, languages: Sequence[str] = (), tick: Tick | None = None) -> Benchmark:
    """Queries in ``languages`` (empty: all four) against the documents in those of them that have some.

    Raises:
        ConfigError: no document language, something that is not there or malformed, or other counts than published.
    """
    chosen = select_languages(languages, NEUCLIR_LANGUAGES, "neuclir")
    answering = [language for language in chosen if language in MILLIONS]
    if not answering:
        raise ConfigError(f"neuclir: languages: expected one of {', '.join(MILLIONS)}: English has queries alone")
    if tick is not None:
        tick(f"reading {DOCUMENTS}", 0, None)
    bench, documents = (None, None) if folder is None else (folder / "bench", folder / "neuclir1")
    split = CODES[answering[0]] if len(answering) == 1 else "mlir"
    judged = list(_judgements(bench, split, chosen))
    asked = {judgement.query for judgement in judged}
    topics = [topic for language in chosen for topic in _topics(bench, language) if topic.id in asked]
    known = {(topic.scope, topic.id) for topic in topics}
    passages = load_passages([_passage_file(documents, language) for language in answering], tick)
    for language, count in passages.runs:
        if round(count / 1e6, 1) != MILLIONS[language]:
            where = f"{documents or DOCUMENTS}: {CODES[language]}"
            raise ConfigError(f"{where}: expected {MILLIONS[language]} million documents, found {count:,}")
    return retrieval_benchmark(
        "neuclir",
        topics,
        [judgement for judgement in judged if (judgement.scope, judgement.query) in known],
        passages,
        FIELDS,
        selection=len(answering) < len(MILLIONS),
    )


def _topics(folder: Path | None, language: str) -> Iterator[Topic]:
    label = f"{folder or QUERIES}: queries, {CODES[language]}"
    for place, row in table_rows(hub_table(QUERIES, folder, "queries", CODES[language], ("id", "query"))):
        id = str(row["id"])
        yield Topic(f"{label}: row {place}", id, language, str(row["query"] or ""), language, group=id, cluster=id)


def _judgements(folder: Path | None, split: str, languages: Sequence[str]) -> Iterator[Judgement]:
    """Once for each query language: the translations of a query have the same judgements."""
    label = f"{folder or QUERIES}: qrels, {split}"
    for place, row in table_rows(hub_table(QUERIES, folder, "qrels", split, ("id", "docid", "relevance"))):
        where = f"{label}: row {place}"
        grade = whole_number(str(row["relevance"]), "relevance", where)
        for language in languages:
            yield Judgement(where, str(row["id"]), str(row["docid"]), grade, scope=language)


def _passage_file(folder: Path | None, language: str) -> PassageFile:
    data = hub_table(DOCUMENTS, folder, None, CODES[language], ("id", "title", "text"))

    def rows() -> Iterator[PassageRow]:
        for place, row in table_rows(data):
            yield PassageRow(place, language, str(row["id"]), titled(row["title"], row["text"] or ""))

    return PassageFile(
        f"{folder or DOCUMENTS}: {CODES[language]}", f"neuclir {language} {data._fingerprint}", "id", rows
    )
