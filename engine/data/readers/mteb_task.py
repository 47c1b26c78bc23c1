"""Retrieval tasks of the package mteb, from its own loading code: what it asks, judges and puts before texts.

A key is ``mteb/TASK``, with ``:SUBSET`` for one subset and ``@SPLIT`` for one split where the task has several. Each
subset of a task is ranked against its own passages. So the subsets of one benchmark here must be told apart by their
language: where several are in one language, or in pairs of them, each is a benchmark of its own.

A local folder is a copy of the task's repository on the hub; where it has no README.md that names its subsets, it is
read by the names of its files (see ``engine.data.hub_tables``), as ``corpus``, ``queries`` and ``qrels``, or
``SUBSET-corpus`` and so on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.benchmark_names import TaskName, parse_task
from engine.config import ConfigError
from engine.data.benchmark import Benchmark
from engine.data.hub_tables import first_line, forbid_network, hub_table, names_subsets, table_files, table_rows
from engine.data.lines import whole_number
from engine.data.retrieval import Fields, Judgement, Topic, retrieval_benchmark
from engine.data.store.passages import PassageFile, PassageRow, load_passages, titled
from engine.data.task_source import TaskSource
from engine.encoding_options import TaskPrompts
from engine.language_codes import short_name
from engine.progress import Tick

if TYPE_CHECKING:
    from datasets import Dataset
    from mteb.abstasks.retrieval import AbsTaskRetrieval

FIELDS = Fields(query="query-id", passage="corpus-id")
SEVERAL = "mul"  # the language of passages in several ones that are not told apart

_TYPES = ("Retrieval", "InstructionRetrieval")
_NAMED = 12  # subsets in a message


@dataclass(frozen=True, slots=True)
class _Subset:
    """One pool: what mteb calls a split of a subset."""

    language: str  # ours
    name: str  # mteb's
    queries: Dataset
    corpus: Dataset
    relevant: Mapping[str, Mapping[str, int]]  # query -> passage -> grade


def mteb_benchmark(
    key: str,
    folder: Path | None,
    languages: Sequence[str] = (),
    drop_own_id: bool | None = None,
    tick: Tick | None = None,
) -> Benchmark:
    """One split of a task.

    Args:
        languages: the subsets in these languages, as far as the task has them; empty: all.
        drop_own_id: the passage with the query's id is no candidate; None: as the task has it.

    Raises:
        ConfigError: mteb is not installed, has no such task, or cannot load it; a key that does not fit the task.
    """
    name = parse_task(key)
    task = _task(key, name.task)
    split = _split(key, name, task)
    chosen = _chosen(key, name, task.metadata.hf_subsets_to_langscripts, languages)
    if tick is not None:
        tick(f"reading {key}" if folder else f"downloading {key}", 0, None)
    subsets = _loaded(key, task, split, chosen, folder)
    passages = load_passages([_passage_file(key, subset, split) for subset in subsets], tick)
    topics = [topic for subset in subsets for topic in _topics(key, subset)]
    judged = _judgements(key, subsets, topics)
    drop = task.ignore_identical_ids if drop_own_id is None else drop_own_id
    benchmark = retrieval_benchmark(key, topics, judged, passages, FIELDS, drop_own_id=drop)
    revision = None if folder else str(task.metadata.dataset["revision"])
    source = TaskSource(
        name=task.metadata.name,
        split=split,
        revision=revision,
        main_score=task.metadata.main_score,
        subsets=chosen,
        languages={lang: list(task.metadata.hf_subsets_to_langscripts[subset]) for lang, subset in chosen.items()},
    )
    unjudged = len(topics) - len(benchmark.query_ids)
    return replace(
        benchmark,
        pool=benchmark.pool + _differences(source, unjudged),
        task=source,
        prompts=_prompts(task),
    )


def _task(key: str, name: str) -> AbsTaskRetrieval:
    forbid_network()
    try:
        import mteb
        from mteb.abstasks.retrieval import AbsTaskRetrieval
    except ImportError:
        raise ConfigError(f"{key}: needs the extra 'mteb': pip install 'hybrid-tui[mteb]'") from None
    try:
        task = mteb.get_task(name)
    except KeyError as error:
        raise ConfigError(f"{key}: mteb has no such task: {str(error.args[0]).removeprefix('KeyError: ')}") from None
    metadata = task.metadata
    if not isinstance(task, AbsTaskRetrieval) or metadata.type not in _TYPES or task.skip_first_result:
        raise ConfigError(f"{key}: a {metadata.type} task: expected one that ranks a whole collection ({_TYPES[0]})")
    if list(metadata.modalities) != ["text"]:
        raise ConfigError(f"{key}: has {' and '.join(metadata.modalities)}: expected a task of texts alone")
    return task


def _split(key: str, name: TaskName, task: AbsTaskRetrieval) -> str:
    splits = list(task.metadata.eval_splits)
    if name.split is not None and name.split not in splits:
        raise ConfigError(f"{key}: no split {name.split!r}: mteb evaluates {', '.join(splits)}")
    if name.split is None and len(splits) > 1 and "test" not in splits:
        raise ConfigError(f"{key}: mteb evaluates several splits: name one as {key}@SPLIT, of {', '.join(splits)}")
    return name.split or ("test" if "test" in splits else splits[0])


def _chosen(key: str, name: TaskName, subsets: Mapping[str, Sequence[str]], languages: Sequence[str]) -> dict[str, str]:
    """Our language -> the subset in it."""
    if name.subset is not None and name.subset not in subsets:
        raise ConfigError(f"{key}: no subset {name.subset!r}: {name.task} has {_some(subsets)}")
    if name.subset is not None or len(subsets) == 1:
        subset = name.subset or next(iter(subsets))
        spoken = {short_name(code) for code in subsets[subset]}
        if languages and not spoken & {*languages, subset}:
            raise ConfigError(f"{key}: languages: none of {', '.join(languages)}: it has {', '.join(sorted(spoken))}")
        return {_only(spoken) or (SEVERAL if subset == "default" else subset): subset}
    of_one = {subset: short_name(codes[0]) for subset, codes in subsets.items() if len(set(codes)) == 1}
    chosen = {subset: name for subset, name in of_one.items() if not languages or {name, subset} & set(languages)}
    if len(set(chosen.values())) < len(chosen) or (not languages and len(chosen) < len(subsets)):
        raise ConfigError(
            f"{key}: its subsets are collections of their own, and several are in one language or in pairs of "
            f"languages: name one as mteb/{name.task}:SUBSET, of {_some(subsets)}"
        )
    if not chosen:
        has = ", ".join(sorted(set(of_one.values()))) or "no subset of one language"
        raise ConfigError(f"{key}: languages: none of {', '.join(languages)}: it has {has}")
    return {language: subset for subset, language in chosen.items()}


def _only(names: set[str]) -> str | None:
    return next(iter(names)) if len(names) == 1 else None


def _some(names: Mapping[str, object]) -> str:
    listed = ", ".join(list(names)[:_NAMED])
    return listed if len(names) <= _NAMED else f"{listed} and {len(names) - _NAMED} more"


def _loaded(
    key: str, task: AbsTaskRetrieval, split: str, chosen: Mapping[str, str], folder: Path | None
) -> list[_Subset]:
    """Through mteb's own code; only where a folder does not say which files are which subset, by their names."""
    from mteb.abstasks.retrieval import AbsTaskRetrieval

    task.hf_subsets = list(chosen.values())
    task.filter_eval_splits([split])
    has_own_loader = type(task).load_data is not AbsTaskRetrieval.load_data
    if folder is not None:
        if has_own_loader and not names_subsets(folder):
            raise ConfigError(f"{folder}: no README.md that names its subsets: expected a copy of the hub's repository")
        place = {**task.metadata.dataset, "path": str(folder), "revision": None}
        task.metadata = task.metadata.model_copy(update={"dataset": place})
    try:
        if folder is not None and not names_subsets(folder):
            task.dataset = {subset: {split: _by_name(folder, subset, split)} for subset in task.hf_subsets}
            task.dataset_transform()
        else:
            task.load_data()
            task.convert_v1_dataset_format_to_v2(num_proc=None)
        found = [(language, subset, task.dataset[subset][split]) for language, subset in chosen.items()]
    except ConfigError:
        raise
    except Exception as error:  # a hundred loaders, each with errors of its own
        where = folder or f"{task.metadata.dataset['path']} from the hub"
        raise ConfigError(f"{key}: cannot load {where}: {type(error).__name__}: {first_line(error)}") from None
    if any(part["top_ranked"] is not None for _, _, part in found):
        raise ConfigError(f"{key}: ranks a few passages chosen for each query: expected a task over a whole collection")
    return [
        _Subset(language, subset, part["queries"], part["corpus"], part["relevant_docs"])
        for language, subset, part in found
    ]


def _by_name(folder: Path, subset: str, split: str) -> Any:
    """What mteb's loader makes of a copied repository."""
    start = "" if subset == "default" else f"{subset}-"

    def table(name: str, *columns: str) -> Dataset:
        data = hub_table(str(folder), folder, f"{start}{name}", split, columns)
        return data.rename_column("_id", "id") if "_id" in data.column_names else data

    queries, corpus = table("queries", "text"), table("corpus", "text")
    relevant: dict[str, dict[str, int]] = {}
    for number, row in table_rows(table("qrels", "query-id", "corpus-id", "score")):
        grade = whole_number(row["score"], "score", f"{folder}: {start}qrels: row {number}")
        relevant.setdefault(str(row["query-id"]), {})[str(row["corpus-id"])] = grade
    if table_files(folder, f"{start}instruction", split) is not None:
        instructions = {
            str(row["query-id"]): row["instruction"] for _, row in table_rows(table("instruction", "query-id"))
        }
        queries = queries.add_column("instruction", [instructions.get(str(id)) for id in queries["id"]])
    return {"queries": queries, "corpus": corpus, "relevant_docs": relevant, "top_ranked": None}


def _passage_file(key: str, subset: _Subset, split: str) -> PassageFile:
    def rows() -> Iterator[PassageRow]:
        for number, row in table_rows(subset.corpus):
            yield PassageRow(number, subset.language, str(row["id"]), titled(row.get("title"), row["text"] or ""))

    identity = f"mteb {subset.language} {subset.corpus._fingerprint}"
    return PassageFile(f"{key} {subset.name} {split} corpus", identity, "id", rows)


def _topics(key: str, subset: _Subset) -> list[Topic]:
    return [
        Topic(
            f"{key} {subset.name} queries: row {number}", str(row["id"]), subset.language, text, scope=subset.language
        )
        for number, row in table_rows(subset.queries)
        if str(row["id"]) in subset.relevant and (text := _query_text(row)).strip()
    ]


def _query_text(row: Mapping[str, Any]) -> str:
    """As mteb hands it to a model: the text, then the query's instruction; of a conversation, its turns in a line."""
    text, instruction = row["text"], row.get("instruction")
    if isinstance(text, str):
        return f"{text} {instruction}" if instruction is not None else text
    turns = "; ".join(turn if isinstance(turn, str) else f"{turn['role']}: {turn['content']}" for turn in text)
    return f"{instruction} {turns}" if instruction is not None else turns


def _judgements(key: str, subsets: Sequence[_Subset], topics: Sequence[Topic]) -> list[Judgement]:
    asked = {(topic.scope, topic.id) for topic in topics}
    return [
        Judgement(f"{key} {subset.name} qrels", query, passage, grade, scope=subset.language)
        for subset in subsets
        for query, graded in subset.relevant.items()
        if (subset.language, query) in asked
        for passage, grade in graded.items()
    ]


def _differences(source: TaskSource, unjudged: int) -> str:
    """What a reader must know to hold the numbers against mteb's own."""
    parts = [f"mteb's {source.name}, split {source.split}"]
    if source.revision is not None:
        parts.append(f"revision {source.revision}")
    if source.main_score != "ndcg_at_10":
        parts.append(f"mteb's main score is {source.main_score}")
    if len(source.subsets) > 1:
        parts.append(
            "mteb ranks each language against its own passages alone, as nDCG@10 and monolingual measures do; the pool "
            "of all languages is not mteb's"
        )
    if unjudged:
        parts.append("mteb counts the queries without a relevant passage as 0")
    return "; " + "; ".join(parts)


def _prompts(task: AbsTaskRetrieval) -> TaskPrompts:
    """mteb's order: of a task, of a type of tasks, of a kind of texts, each first with the kind of the texts."""
    metadata = task.metadata

    def names(kind: str) -> tuple[str, ...]:
        return (f"{metadata.name}-{kind}", metadata.name, f"{metadata.type}-{kind}", metadata.type, kind)

    prompt = metadata.prompt.get("query") if isinstance(metadata.prompt, dict) else metadata.prompt
    return TaskPrompts(query=names("query"), passage=names("document"), instruction=prompt or task.abstask_prompt)
