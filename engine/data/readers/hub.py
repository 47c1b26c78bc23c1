"""Any hub data set, or a local folder in one of the hub's formats, as a parallel corpus.

``columns`` maps our columns (group, language, question, passage, passage_id, cluster, negatives) to theirs; a dotted
name reaches into nested columns and lists (see ``engine.data.readers.mapping``). Question and passage are required.
``negatives`` are texts: hard negatives in the row's language. ``{language}`` in the path or the subset means one load
per language; otherwise the language comes from its column, or is the source's only language. Without a group column no
two rows are translations of each other.

The branch ``refs/convert/parquet``, where the hub keeps data sets whose scripts ``datasets`` no longer runs, has a
folder for each subset and no list of subsets: there, ``subset`` names the folder.

Texts stay in memory-mapped Arrow columns. Public data have flaws: rows with an empty question or passage, and repeats
of a group in one language, are left out and counted in a warning.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from engine.config import ConfigError, SourceConfig
from engine.data.cache import file_identity
from engine.data.corpus import CorpusRows, ParallelCorpus, build_corpus, select_languages
from engine.data.readers.jsonl import passage_id
from engine.data.readers.mapping import check_columns, mapped
from engine.data.store.corpora import RowSource, SourceRow, collect
from engine.progress import Tick

if TYPE_CHECKING:
    from datasets import Dataset

PARQUET_BRANCH = "refs/convert/parquet"
SLICE = 4096  # rows read at a time
LARGE_ROWS = 200_000  # of a data set that is written to the cache: its ids would not fit into memory

logger = logging.getLogger(__name__)


def hub_corpus(source: SourceConfig, tick: Tick | None = None) -> ParallelCorpus:
    """Loads, maps and filters; ``source.path`` must be set.

    Raises:
        ConfigError: one line naming the data set and the field.
    """
    from datasets import concatenate_datasets  # takes a second to import: only where a source needs it

    label = _label(source)
    check_columns(source.columns, label)
    source, parts = _in_plain_columns(source, _parts(source, label), label)
    names = source.columns
    if sum(len(part) for _, part in parts) > LARGE_ROWS:
        return _large_corpus(source, parts, label, tick)
    data = concatenate_datasets([part.select_columns(sorted(set(names.values()))) for _, part in parts])
    languages = [
        language
        for subset_language, part in parts
        for language in ([subset_language] * len(part) if subset_language else _strings(part, names["language"]))
    ]
    groups = (
        _strings(data, names["group"])
        if "group" in names
        else [f"{language}:{row:09d}" for row, language in enumerate(languages)]
    )
    chosen = set(select_languages(source.languages, languages, label))
    kept, empty, repeated = _kept(groups, languages, _filled(data, names["question"], names["passage"]), chosen)
    if empty or repeated:
        logger.warning("%s: left out %d rows with an empty text, %d repeats of a group", label, empty, repeated)
    if not kept:
        raise ConfigError(f"{label}: expected at least one row with a question and a passage")
    passages = _strings(data, names["passage_id"]) if "passage_id" in names else groups
    clusters = _strings(data, names["cluster"]) if "cluster" in names else groups
    if len(kept) < len(data):
        data = data.select(kept)
    rows = CorpusRows(
        groups=[groups[row] for row in kept],
        languages=[languages[row] for row in kept],
        questions=data[names["question"]],
        passages=data[names["passage"]],
        passage_ids=[passage_id(languages[row], passages[row]) for row in kept],
        clusters=[clusters[row] for row in kept],
        negatives=_negatives(data, names["negatives"]) if "negatives" in names else None,
    )
    return build_corpus(label, rows, locate=lambda row: f"{label}: row {kept[row]}", weight=source.weight)


def _parts(source: SourceConfig, label: str) -> list[tuple[str, Dataset]]:
    """(language, its data set); the language is "" where a column says it."""
    if "{language}" in f"{source.path}{source.subset or ''}":
        if not source.languages:
            raise ConfigError(f"{label}: languages: expected those that {{language}} stands for")
        return [(language, _load(source, language, label)) for language in sorted(set(source.languages))]
    if "language" in source.columns:
        return [("", _load(source, "", label))]
    if len(source.languages) != 1:
        raise ConfigError(
            f"{label}: columns.language: expected a column, or {{language}} in path or subset, or one language"
        )
    return [(source.languages[0], _load(source, source.languages[0], label))]


def _load(source: SourceConfig, language: str, label: str) -> Dataset:
    from datasets import load_dataset

    assert source.path is not None  # checked with the config
    path = source.path.replace("{language}", language)
    subset = source.subset.replace("{language}", language) if source.subset else None
    where = {"data_dir": subset} if source.revision == PARQUET_BRANCH else {"name": subset}
    try:
        data = load_dataset(path, split=source.split, revision=source.revision, **where)
    except (OSError, ValueError, RuntimeError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ConfigError(f"{label}: cannot load {path!r}, subset {subset!r}: {reason}") from None
    return data


def _in_plain_columns(
    source: SourceConfig, parts: Sequence[tuple[str, Dataset]], label: str
) -> tuple[SourceConfig, list[tuple[str, Dataset]]]:
    """Tables whose columns are texts and lists of texts, and the mapping that fits them.

    Where a mapping leads into lists, a table of our own columns is made, in the cache of ``datasets``.
    """
    plain = [(language, _plain(part, source.columns)) for language, part in parts]
    if all(part is not None for _, part in plain):
        return source, [(language, part) for language, part in plain if part is not None]
    reached = [(language, _reached(part, source.columns, label)) for language, part in parts]
    return msgspec.structs.replace(source, columns={ours: ours for ours in source.columns}), reached


def _plain(data: Dataset, columns: Mapping[str, str]) -> Dataset | None:
    """The table with its questions and passages as texts; None: a column is not plain, or not there."""
    from datasets import Value

    if any(name not in data.column_names for name in columns.values()):
        data = data.flatten()
    for ours, name in columns.items():
        if name not in data.column_names:
            return None
        kind = getattr(data.features[name], "dtype", None)
        is_text = kind in ("string", "large_string")
        if ours == "negatives" and not is_text and _dtype_within(data.features[name]) != "string":
            return None
        if ours in ("question", "passage"):
            if not is_text:
                return None
            data = data.cast_column(name, Value("string"))
        elif kind is None:
            return None
    return data


def _reached(data: Dataset, columns: Mapping[str, str], label: str) -> Dataset:
    """A table of our columns.

    Raises:
        ConfigError: a field that is not there, or that holds no text.
    """
    from datasets import Features, Value

    for ours, name in columns.items():
        root = name.partition(".")[0]
        if "*" not in root and root not in data.column_names and name not in data.column_names:
            have = ", ".join(data.column_names)
            raise ConfigError(f"{label}: columns.{ours}: no column {name!r}, the data set has {have}")
    text = Value("string")
    features = Features({ours: [text] if ours == "negatives" else text for ours in columns})
    return data.map(
        _mapped_row,
        with_indices=True,
        fn_kwargs={"columns": dict(columns), "label": label},
        remove_columns=data.column_names,
        features=features,
    )


def _mapped_row(row: Mapping[str, Any], number: int, columns: Mapping[str, str], label: str) -> dict[str, Any]:
    return mapped(row, columns, f"{label}: row {number}")


def _kept(
    groups: Sequence[str], languages: Sequence[str], filled: Sequence[bool], chosen: set[str]
) -> tuple[list[int], int, int]:
    """(rows to keep, how many had an empty text, how many were repeats)."""
    kept: list[int] = []
    seen: set[tuple[str, str]] = set()
    empty = repeated = 0
    for row, (group, language, has_texts) in enumerate(zip(groups, languages, filled, strict=True)):
        if language not in chosen:
            continue
        if not has_texts:
            empty += 1
        elif (group, language) in seen:
            repeated += 1
        else:
            seen.add((group, language))
            kept.append(row)
    return kept, empty, repeated


def _filled(data: Dataset, question: str, passage: str) -> list[bool]:
    """Whether each row has both texts; read in slices, so that no more than one is in memory."""
    return [
        bool(asked and asked.strip() and told and told.strip())
        for batch in data.select_columns(sorted({question, passage})).iter(batch_size=SLICE)
        for asked, told in zip(batch[question], batch[passage], strict=True)
    ]


def _strings(data: Dataset, name: str) -> list[str]:
    return [str(value) for batch in data.select_columns([name]).iter(batch_size=SLICE) for value in batch[name]]


def _large_corpus(
    source: SourceConfig, parts: Sequence[tuple[str, Dataset]], label: str, tick: Tick | None
) -> ParallelCorpus:
    """The same rows, written to the cache as they come."""
    files = [str(file["filename"]) for _, part in parts for file in part.cache_files]
    mapping = msgspec.json.encode([source.path, source.subset, source.split, source.revision, source.columns])
    identity = " ".join(["hub", mapping.decode(), *map(file_identity, map(Path, files))])
    row_source = RowSource(label, identity, lambda: _rows(source, parts, label), lambda row: f"{label}: row {row}")
    return collect(row_source, source.languages, source.weight, large=True, drop_repeats=True, tick=tick)


def _rows(source: SourceConfig, parts: Sequence[tuple[str, Dataset]], label: str) -> Iterator[SourceRow]:
    names, number, empty = source.columns, -1, 0
    for subset_language, part in parts:
        for batch in part.select_columns(sorted(set(names.values()))).iter(batch_size=SLICE):
            columns = {ours: batch[theirs] for ours, theirs in names.items()}
            for index in range(len(columns["question"])):
                row = {ours: column[index] for ours, column in columns.items()}
                number += 1
                question, passage = row["question"], row["passage"]
                if not (question and question.strip() and passage and passage.strip()):
                    empty += 1
                    continue
                language = subset_language or str(row["language"])
                group = str(row["group"]) if "group" in names else f"{language}:{number:09d}"
                yield SourceRow(
                    place=number,
                    group=group,
                    language=language,
                    question=question,
                    passage=passage,
                    passage_id=passage_id(language, str(row.get("passage_id", group))),
                    cluster=str(row.get("cluster", group)),
                    negatives=_texts(row.get("negatives")),
                )
    if empty:
        logger.warning("%s: left out %d rows with an empty text", label, empty)


def _negatives(data: Dataset, name: str) -> list[tuple[str, ...]]:
    return [_texts(value) for batch in data.select_columns([name]).iter(batch_size=SLICE) for value in batch[name]]


def _texts(value: str | Sequence[str] | None) -> tuple[str, ...]:
    """A text, or a list of them, without the empty ones."""
    values = [value] if isinstance(value, str) else value or ()
    return tuple(text for text in values if text and text.strip())


def _dtype_within(feature: Any) -> str | None:
    """Of the entries of a list column."""
    inner = getattr(feature, "feature", None)
    return str(getattr(inner, "dtype", None)).removeprefix("large_")


def _label(source: SourceConfig) -> str:
    return f"{source.path}/{source.subset}" if source.subset else str(source.path)
