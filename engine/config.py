"""The configuration of one run: frozen typed structs, read from one TOML file.

Every key has a default and a unit in its comment. An error is one line that names the file, the line in it,
the field and what was expected; nothing is created before a config is valid.
Paths are relative to the current directory, on the command line as in the file.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints

import msgspec
from msgspec import Meta

from engine.benchmark_names import (
    CLDR_LANGUAGES,
    benchmark_languages,
    expand_suite,
    languages_for,
    parse_benchmark,
    parse_benchmark_key,
)
from engine.config_error import ConfigError as ConfigError
from engine.metric_bounds import parse_metric_bound
from engine.paths import expanded

BatchMode = Literal["mono", "cross", "hybrid", "mixed", "english"]
BATCH_MODES: tuple[str, ...] = get_args(BatchMode)

# mMARCO names its files by the English names of languages.
MMARCO_LANGUAGES = {
    "ar": "arabic", "de": "german", "en": "english", "es": "spanish", "fr": "french", "hi": "hindi",
    "id": "indonesian", "it": "italian", "ja": "japanese", "nl": "dutch", "pt": "portuguese", "ru": "russian",
    "vi": "vietnamese", "zh": "chinese",
}  # fmt: skip

Pooling = Literal["mean", "cls", "max", "mean_sqrt_len", "weightedmean", "lasttoken"]
POOLINGS: tuple[str, ...] = get_args(Pooling)

MonoShareSchedule = Literal["constant", "linear", "cosine", "steps"]
MONO_SHARE_SCHEDULES: tuple[str, ...] = get_args(MonoShareSchedule)

RunKind = Literal["training", "evaluation"]
SystemKind = Literal["encoder", "bm25", "vectors", "trec"]
RunEnding = Literal["finished", "failed", "crashed", "paused", "stopped"]
RUN_ENDINGS: tuple[RunEnding, ...] = get_args(RunEnding)
DebiasMethod = Literal["none", "centre", "shift", "lir"]
DEBIAS_METHODS: tuple[DebiasMethod, ...] = get_args(DebiasMethod)

ValidationMetric = Literal[
    "map_monolingual", "map_crosslingual", "map_multilingual", "recall_at_1_monolingual", "recall_at_1_crosslingual",
    "recall_at_10_multilingual", "rank_distance", "ndcg_at_10", "ndcg_at_20",
    "ndcg_at_20_multilingual", "recall_at_100",
]  # fmt: skip

_LARGEST_INT = 2**63 - 1  # what the libraries beneath take, and JSON readers too
Positive = Annotated[int, Meta(ge=1, le=_LARGEST_INT)]
Count = Annotated[int, Meta(ge=0, le=_LARGEST_INT)]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]
_LARGEST = sys.float_info.max  # infinity is none: JSON, and so a run's spec, cannot hold it
PositiveFloat = Annotated[float, Meta(gt=0.0, le=_LARGEST)]
NonNegativeFloat = Annotated[float, Meta(ge=0.0, le=_LARGEST)]
FiniteFloat = Annotated[float, Meta(ge=-_LARGEST, le=_LARGEST)]
Seed = Annotated[int, Meta(ge=0, le=_LARGEST_INT)]  # what torch takes
_ARTICLES = r"^!?\d*:\d*(:[1-9]\d*)?$"
_INFINITY = re.compile(r"float [<>]= -?1\.79\d+e\+308$")
_ALERT_TARGET = re.compile(r"file://.+|\$\{[A-Za-z_][A-Za-z0-9_]*\}")
_WRITTEN_OUT = (
    'an address may hold a password, and a config is copied into its run: expected file://PATH, or "${NAME}" of an '
    "environment variable that holds the address; alerts.targets_file names a file of them"
)
_RUN_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
# cpu:4 is four processes on the CPU; cuda:0,1 two GPUs by index; cuda:all every GPU of the machine.
_DEVICES = r"^(auto|cpu(:[1-9][0-9]*)?|cuda(:(all|[0-9]+(,[0-9]+)*))?)$"
_ALLOWED = {  # in words
    _ARTICLES: 'a slice of the articles: "2::3", ":10", or "!2::3" for all but those',
    _RUN_NAME: "at most 64 letters, digits, dots, dashes and underscores, a letter or digit first",
    _DEVICES: "auto, cpu, cpu:2, cuda, cuda:1, cuda:0,1 or cuda:all",
}
ArticleSelection = Annotated[str, Meta(pattern=_ARTICLES)]
RunName = Annotated[str, Meta(pattern=_RUN_NAME)]


# A learned temperature stays between these. Below, the logits of unit vectors grow too large to train with.
LEARNED_TEMPERATURE_RANGE = (0.01, 1.0)


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all sections: immutable, keyword-only, unknown keys are errors."""


class ModelConfig(_Section, frozen=True, kw_only=True):
    """Null is "as the model says": what it was saved with, or its SentenceTransformer description."""

    name: str = "tiny"  # hub id, folder, or "tiny" (a 2-layer BERT built from its config)
    revision: str | None = None  # hub: branch, tag or commit
    pooling: Pooling | None = None  # null and not described: mean
    query_prefix: str | None = None  # null and not described: none; {task} in it stands for model.task
    passage_prefix: str | None = None  # the same, before passages
    query_prompt: str | None = None  # the name of one of the model's own prompts, in place of query_prefix
    passage_prompt: str | None = None  # the same, in place of passage_prefix
    task: str | None = None  # the instruction in the query prefix of a model that takes instructions
    max_query_tokens: Positive | None = None  # null and not described: 64; special tokens included
    max_passage_tokens: Positive | None = None  # null and not described: 256
    similarity: Literal["cosine", "dot"] | None = None  # null and not described: cosine
    truncate_dim: Positive | None = None  # only the first so many dimensions of the vectors; null: all
    dropout: Share | None = None  # null: as the model's own config says
    freeze_embeddings: bool = False  # train all but the table of word embeddings
    trust_remote_code: bool = False  # run the Python code that the model brings along


class SystemConfig(_Section, frozen=True, kw_only=True):
    """What an evaluation measures; training is always of an encoder, that of [model]."""

    kind: SystemKind = "encoder"  # encoder: that of [model]; bm25; vectors or a ranking of another program
    path: str | None = None  # vectors: a folder of queries.npy and passages.npy; trec: a run file of trec_eval
    # A correction of an encoder's vectors after encoding, estimated on the pairs of [[sources]], see docs/measures.md.
    debias: DebiasMethod = "none"
    debias_texts: Positive = 10_000  # pairs of each language that it is estimated on, at most
    debias_missing: Literal["refuse", "keep"] = "refuse"  # languages with too few pairs; keep: as they are
    debias_rank: Positive = 1  # lir: directions of each language that are taken away
    debias_alpha: Share = 1.0  # shift: share of the offset between languages that is taken away
    debias_pivot: str = "en"  # shift: the language towards which passages of the others are moved


class SourceConfig(_Section, frozen=True, kw_only=True):
    # cldr: the built-in corpus; jsonl: a file of one translation a line; lareqa: a folder like XQuAD-R's; squad: a
    # folder of SQuAD files, one a language; mmarco: a folder like mMARCO's; hub: a data set of the hub.
    kind: Literal["cldr", "jsonl", "lareqa", "squad", "mmarco", "hub"]
    role: Literal["train", "validation"] = "train"  # validation: only for evaluation.validation = "loss"
    path: str | None = None  # file (jsonl), folder (lareqa, squad, mmarco) or hub id (hub)
    unit: Literal["sentence", "sentence+context", "paragraph"] = "sentence"  # lareqa: what a passage is
    languages: tuple[str, ...] = ()  # empty: all that the source has
    articles: ArticleSelection | None = None  # lareqa, squad: "0:32", "2::3" (every third), "!2::3" (others)
    split: str = "train"  # cldr: train, heldout or all; hub: the split's name
    weight: PositiveFloat = 1.0  # multiplies the source's share of the batches
    subset: str | None = None  # hub: configuration name; "{language}" stands for each language
    revision: str | None = None  # hub: branch, tag or commit
    columns: dict[str, str] = {}  # hub, jsonl: our column -> theirs (group, language, question, passage, negatives)
    max_negatives: Count = 8  # mmarco: hard negatives of each pair, the first so many of the triples


class BatchConfig(_Section, frozen=True, kw_only=True):
    # mono: one language a batch; cross: question and passage in different languages; hybrid: a coin decides for each
    # batch; mixed: same-language pairs of all languages; english: one language.
    mode: BatchMode = "hybrid"
    mono_share: Share = 0.5  # hybrid: probability of a monolingual batch (alpha in the paper), at the first update
    mono_share_schedule: MonoShareSchedule = "constant"  # hybrid, see engine.mono_share
    mono_share_end: Share | None = None  # linear, cosine: the share at the last update
    mono_share_steps: tuple[tuple[Positive, Share], ...] = ()  # steps: [update, the share from it on], ascending
    size: Annotated[int, Meta(ge=2, le=_LARGEST_INT)] = 64  # pairs per optimizer update
    language: str = "en"  # english: the one language
    language_sampling: Literal["uniform", "size"] = "uniform"  # mono: how the batch's language is drawn
    source_temperature: NonNegativeFloat = 1.0  # 1: sources by size, 0: uniform
    negatives: Count = 0  # hard negatives drawn for each pair, from sources that have them


class LossConfig(_Section, frozen=True, kw_only=True):
    temperature: PositiveFloat = 0.05  # divides the similarities; smaller is sharper
    learned_temperature: bool = False  # train log(temperature) with the encoder, within 0.01 to 1
    symmetric: bool = False  # the mean of both directions: each passage also picks its question
    matryoshka_dimensions: tuple[Positive, ...] = ()  # also train the first so many dimensions of the vectors
    matryoshka_reduction: Literal["sum", "mean"] = "sum"  # of the losses at these and at the full width
    mask_false_negatives: bool = True  # by identity across translations, see engine.training.loss


class OptimizerConfig(_Section, frozen=True, kw_only=True):
    learning_rate: PositiveFloat = 3e-5  # the peak, reached after warm-up
    weight_decay: NonNegativeFloat = 0.01  # decoupled, as AdamW has it
    beta2: Annotated[float, Meta(ge=0.0, lt=1.0)] = 0.999  # AdamW's second moment; short runs want it lower
    warmup_steps: Count = 0  # linear from 0
    max_steps: Positive = 400  # optimizer updates
    schedule: Literal["linear", "cosine", "constant", "wsd", "inverse_sqrt"] = "linear"  # after warm-up
    decay_share: Share = 0.1  # wsd (warm-up, stable, decay): over this last share of the steps it falls to 0
    clip: NonNegativeFloat = 1.0  # global gradient norm; 0: no clipping
    max_nonfinite: Count = 10  # so many skipped updates in a row (infinite or NaN gradients) end the run; 0: never
    ema_decay: Annotated[float, Meta(ge=0.0, lt=1.0)] = 0.0  # evaluate and save an average of the weights; 0: none


class LoraConfig(_Section, frozen=True, kw_only=True):
    """Low-rank adapters (arXiv 2106.09685) in place of training all weights; needs the extra "lora"."""

    rank: Count = 0  # 0: none, all weights are trained
    alpha: PositiveFloat = 16.0  # the adapters' product is multiplied by alpha / rank
    dropout: Annotated[float, Meta(ge=0.0, lt=1.0)] = 0.0  # of the adapters' inputs
    targets: tuple[str, ...] = ()  # names of linear layers, such as "query" and "value"; empty: all of them


class RuntimeConfig(_Section, frozen=True, kw_only=True):
    devices: Annotated[str, Meta(pattern=_DEVICES)] = "auto"  # auto, cuda: one free GPU; see _DEVICES for several
    nodes: Positive = 1  # machines, each with these devices; the same command is started on each
    # Of several ranks. replicate: each has all weights. shard: each has its part of weights, gradients and optimizer
    # state, and gets the others' layer by layer. auto: shard where a device lacks 16 bytes a trained parameter.
    parallel: Literal["auto", "replicate", "shard"] = "auto"
    # Of matrix products, in autocast; weights are always float32. auto: bfloat16 on a GPU (float16 on one without
    # bfloat16), float32 on the CPU. In float16 the loss is scaled, and an update whose gradients overflow is skipped.
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    tf32: bool = True  # cuda: round the factors of float32 products to TF32; without effect on the cpu
    deterministic: bool = False  # cuda: deterministic kernels; cpu always is
    threads: Count = 0  # 0: all cores this process may use, by affinity and by quota
    layout: Literal["auto", "packed", "padded"] = "auto"  # auto: sequences without padding wherever the model can
    tokens_per_micro_batch: Count = 0  # 0: the whole batch at once; else gradient cache, and other dropout masks
    gradient_checkpointing: bool = False  # less memory, more computing, the same gradient; not with compile
    compile: bool = False  # torch.compile: minutes at the start, no recompilation per shape


class EvaluationConfig(_Section, frozen=True, kw_only=True):
    # KEY or KEY=FOLDER, see BENCHMARK_FORMS; without a folder it is downloaded. beir/*=FOLDER becomes its data sets.
    benchmarks: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()  # empty: all; else those of them that a benchmark has
    # "loss" or a benchmark: select = "best" goes by it. The metrics of that benchmark are shown first, or else those of
    # the first one.
    validation: str | None = None
    validation_metric: ValidationMetric = "map_multilingual"  # of a benchmark: the metric that selects
    validation_share: Share = 0.05  # "loss" without a source of role "validation": share of the clusters held out
    select: Literal["last", "best"] = "last"  # what model/ becomes: the last step, or the best by validation
    patience: Count = 0  # select best: training ends after so many evaluations without a better one; 0: never
    every: Count = 0  # steps; 0: only at the end
    at_start: bool = True  # evaluate step 0, the untrained model
    max_queries: Count = 0  # a fixed sample of at most so many queries, for a quick look; 0: all
    memory: PositiveFloat = 1.0  # GiB for a part of the search, above 50,000 candidates
    unit: Literal["sentence", "sentence+context"] = "sentence"  # LAReQA candidates
    articles: ArticleSelection | None = None  # LAReQA: as in a source; only their questions and candidates
    drop_own_id: bool | None = None  # BEIR, mteb: no document named as its query; null: as the data set has it
    forbid_overlap: bool = False  # refuse to train on questions or answers of a benchmark, instead of warning
    margin: NonNegativeFloat = 0.01  # of non-inferiority of single-language quality, stated before training


class CheckpointConfig(_Section, frozen=True, kw_only=True):
    every: Count = 0  # steps; 0: only on pause, stop and at the end
    keep: Positive = 2  # so many of the newest


class HooksConfig(_Section, frozen=True, kw_only=True):
    """Commands, in words as a shell splits them; the run folder is their last argument."""

    on_finish: str | None = None  # run by the worker of a finished run
    on_end: str | None = None  # run for every end, once; the end is in its environment, see docs/alerts.md


class AlertsConfig(_Section, frozen=True, kw_only=True):
    """Messages about a run, sent by a small process beside the worker. See docs/alerts.md."""

    # "file://PATH", or "${NAME}": an address of Apprise in an environment variable. A config is copied into its run,
    # so an address that may hold a password stands in none. All but file:// needs the extra "alerts".
    targets: tuple[str, ...] = ()
    targets_file: str | None = None  # a file of further addresses, one a line
    ends: tuple[RunEnding, ...] = RUN_ENDINGS  # ends of the run that are told
    loss_not_finite: bool = True  # the first training loss that is infinite or NaN
    no_progress_minutes: NonNegativeFloat = 30.0  # told when nothing has moved for so long; 0: never
    bounds: tuple[str, ...] = ()  # "loss > 10", "map_monolingual < 0.6", "xquad-r rank_distance > 40"


class RunConfig(_Section, frozen=True, kw_only=True):
    """Everything that decides what a run computes. Equal configs and threads give equal runs on CPU."""

    name: RunName = "run"  # of the run: letters, digits, dot, underscore, hyphen
    kind: RunKind = "training"  # evaluation: measures one system on the benchmarks, and trains nothing
    system: SystemConfig = SystemConfig()
    study: RunName | None = None  # the sweep or study that the run is a part of; it changes nothing in the run
    seed: Seed = 0  # of everything random
    share: Literal["none", "read"] = "none"  # read: other users of the machine may read the run folder
    model: ModelConfig = ModelConfig()
    sources: tuple[SourceConfig, ...] = ()
    batch: BatchConfig = BatchConfig()
    loss: LossConfig = LossConfig()
    lora: LoraConfig = LoraConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    runtime: RuntimeConfig = RuntimeConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    checkpoint: CheckpointConfig = CheckpointConfig()
    hooks: HooksConfig = HooksConfig()
    alerts: AlertsConfig = AlertsConfig()


def load_config(
    path: Path,
    overrides: Sequence[str] = (),
    adapt: Callable[[RunConfig], RunConfig] | None = None,
    origin: str = "--set",
) -> RunConfig:
    """Reads and checks a TOML config; ``overrides`` are ``section.key=value`` (value as TOML, or a bare word).

    ``adapt``: changes what was read before it is checked. ``origin``: what messages call the overrides.

    Raises:
        ConfigError: one line naming file, line and field.
    """
    return parse_config(_read_text(path), str(path), overrides, adapt, origin)


def parse_config(
    text: str,
    label: str = "config",
    overrides: Sequence[str] = (),
    adapt: Callable[[RunConfig], RunConfig] | None = None,
    origin: str = "--set",
) -> RunConfig:
    """The same for TOML text; ``label`` stands for the file in messages."""
    document = _parse_toml(text, label)
    for override in overrides:
        _apply_override(document, override, origin)
    config = _convert(document, text, label, overrides, origin)
    try:
        config = with_suites_expanded(config)
    except ConfigError as error:
        raise ConfigError(_message(label, text, overrides, "evaluation.benchmarks", str(error), origin)) from None
    if adapt is not None:
        config = adapt(config)
    for field, reason in problems(config):
        raise ConfigError(_message(label, text, overrides, field, reason, origin))
    return config


def parse_unchecked(text: str, label: str = "config") -> RunConfig:
    """TOML text with the right keys and types; whether a run could start from it is not looked at.

    Raises:
        ConfigError: one line naming ``label``, line and field.
    """
    return _convert(_parse_toml(text, label), text, label, ())


def with_overrides(text: str, overrides: Sequence[str]) -> str:
    """TOML text with ``section.key=value`` set, unchecked; without overrides as it was, comments included.

    Raises:
        ConfigError: it is no TOML, or there is no such table.
    """
    if not overrides:
        return text
    document = _parse_toml(text, "config")
    for override in overrides:
        _apply_override(document, override, "--set")
    return msgspec.toml.encode(document).decode()


def with_suites_expanded(config: RunConfig) -> RunConfig:
    """The config with each benchmark by its own name, where a suite stands for several (``beir/*=FOLDER``).

    Raises:
        ConfigError: a suite's folder is not there or holds none; without file or field.
    """
    benchmarks = tuple(name for spec in config.evaluation.benchmarks for name in expand_suite(spec))
    return msgspec.structs.replace(config, evaluation=msgspec.structs.replace(config.evaluation, benchmarks=benchmarks))


def load_training_sources(path: Path) -> tuple[SourceConfig, ...]:
    """The [[sources]] of a config that are trained on; whatever else the file says is not looked at.

    Raises:
        ConfigError: there are none, or one is malformed; one line naming file, line and field.
    """
    text, label = _read_text(path), str(path)
    document = _parse_toml(text, label)
    config = _convert({"sources": document.get("sources", [])}, text, label, ())
    for field, reason in _problems_of_sources(config.sources):
        raise ConfigError(_message(label, text, (), field, reason))
    sources = tuple(source for source in config.sources if source.role == "train")
    if not sources:
        raise ConfigError(f"{label}: sources: expected at least one [[sources]] table to train on")
    return sources


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path}: cannot read the config: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8 text") from None


def _parse_toml(text: str, label: str) -> dict[str, Any]:
    import tomllib  # here: the dashboard's first frame needs no TOML and must not wait for it

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{label}: not valid TOML: {error}") from None


def _convert(
    document: dict[str, Any], text: str, label: str, overrides: Sequence[str], origin: str = "--set"
) -> RunConfig:
    try:
        return msgspec.convert(document, RunConfig, strict=True)
    except msgspec.ValidationError as error:
        field, reason = split_validation_error(str(error), RunConfig)
        raise ConfigError(_message(label, text, overrides, field, reason, origin)) from None


def problems(config: RunConfig) -> Iterable[tuple[str, str]]:
    """(field, what is wrong); empty when the run can start.

    First what the types say, which nothing checks where a config is built and not read: a name, a smallest number.
    """
    if not_text := list(texts_that_are_none(config)):
        yield from not_text
        return
    try:
        msgspec.convert(msgspec.to_builtins(config), RunConfig)
    except msgspec.ValidationError as error:
        yield split_validation_error(str(error), RunConfig)
        return
    if config.kind == "evaluation":
        yield from _system_problems(config)
    else:
        yield from _training_problems(config)
    yield from ((f"model.{field}", reason) for field, reason in model_problems(config.model))
    yield from _runtime_problems(config)
    yield from _evaluation_problems(config)
    yield from _alerts_problems(config)


def texts_that_are_none(config: RunConfig) -> Iterator[tuple[str, str]]:
    """(field, what is wrong) for names and paths with bytes that are not UTF-8: a run's spec could not hold them."""
    for field, text in _texts(msgspec.to_builtins(config)):
        if not is_text(text):
            yield field, f"{text!r} is not UTF-8: expected text, or the name of a file that is"


def is_text(text: str) -> bool:
    """Whether it can be written as UTF-8; what a system hands over as bytes need not be."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _texts(value: Any, field: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield field, value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _texts(each, f"{field}.{name}".lstrip("."))
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from _texts(each, f"{field}[{index}]")


def _system_problems(config: RunConfig) -> Iterable[tuple[str, str]]:
    """Of what an evaluation measures."""
    system = config.system
    if system.debias != "none":
        yield from _debias_problems(config)
    elif config.sources:
        yield "sources", "an evaluation trains on nothing: leave them out, or set system.debias"
    if not config.evaluation.benchmarks:
        yield "evaluation.benchmarks", "expected at least one"
    if system.kind == "encoder" and config.model.name == "tiny":
        yield "model.name", '"tiny" is built from the texts that a run trains on: name a folder, a hub id or run:ID'
    if system.kind in ("encoder", "bm25"):
        if system.path is not None:
            yield "system.path", f"{system.kind} takes no path"
        return
    path = None if system.path is None else expanded(system.path)
    if path is None:
        yield "system.path", f"{system.kind} needs a path"
    elif system.kind == "vectors" and not path.is_dir():
        yield "system.path", f"no folder {system.path!r}"
    elif system.kind == "trec" and not path.is_file():
        yield "system.path", f"no file {system.path!r}"
    if system.kind == "trec" and len(config.evaluation.benchmarks) > 1:
        yield "evaluation.benchmarks", "a TREC run is of one benchmark: expected exactly one"


def _debias_problems(config: RunConfig) -> Iterable[tuple[str, str]]:
    """Of a correction of vectors, and of the pairs that it is estimated on."""
    system = config.system
    if system.kind != "encoder":
        yield "system.debias", f"only for an encoder, not for {system.kind}: its training pairs must be encoded"
    if not config.sources:
        yield "sources", f"system.debias = {system.debias!r} is estimated on training pairs: expected [[sources]]"
    yield from _problems_of_sources(config.sources)
    languages = _source_languages(config.sources)
    if system.debias == "shift" and languages and system.debias_pivot not in languages:
        names = ", ".join(sorted(languages))
        yield "system.debias_pivot", f"{system.debias_pivot!r} is in no source (they have {names})"
    if not languages or system.debias_missing == "keep":
        return
    for spec in config.evaluation.benchmarks:
        key = parse_benchmark_key(spec)
        wanted = languages_for(spec, config.evaluation.languages) or benchmark_languages(spec)
        if missing := [name for name in wanted if name not in languages]:
            reason = f'no source has {", ".join(missing)} of {key}: add one, or set system.debias_missing = "keep"'
            yield "system.debias", reason


def _training_problems(config: RunConfig) -> Iterable[tuple[str, str]]:
    """Of sources, batches, optimizer and loss."""
    if config.system != SystemConfig():
        yield "system", 'only for kind = "evaluation": what is trained is the encoder of [model]'
    if not config.sources:
        yield "sources", "expected at least one [[sources]] table"
    yield from _problems_of_sources(config.sources)
    training = [source for source in config.sources if source.role == "train"]
    if config.sources and not training:
        yield "sources", 'every source has role = "validation": expected at least one to train on'
    batch, languages = config.batch, _source_languages(training)
    if batch.mode == "english" and languages and batch.language not in languages:
        yield "batch.language", f"{batch.language!r} is in no source (they have {', '.join(sorted(languages))})"
    if batch.mode in ("cross", "hybrid") and len(languages) == 1:
        yield "batch.mode", f"{batch.mode!r} needs at least two languages in the sources"
    yield from _mono_share_problems(batch)
    if batch.negatives and training and not any(_may_have_negatives(source) for source in training):
        yield "batch.negatives", "no source has hard negatives: jsonl, mmarco, or a hub one with columns.negatives"
    if config.optimizer.warmup_steps > config.optimizer.max_steps:
        yield "optimizer.warmup_steps", f"expected at most max_steps ({config.optimizer.max_steps})"
    lowest, highest = LEARNED_TEMPERATURE_RANGE
    if config.loss.learned_temperature and not lowest <= config.loss.temperature <= highest:
        yield "loss.temperature", f"expected {lowest:g} to {highest:g} where it is learned"


def _mono_share_problems(batch: BatchConfig) -> Iterable[tuple[str, str]]:
    schedule, steps = batch.mono_share_schedule, [first for first, _ in batch.mono_share_steps]
    if schedule != "constant" and batch.mode != "hybrid":
        yield "batch.mono_share_schedule", f'{schedule!r} is for mode = "hybrid", where a coin decides for each batch'
    if schedule in ("linear", "cosine") and batch.mono_share_end is None:
        yield "batch.mono_share_end", f"{schedule!r} needs it: the share at the last update"
    if schedule not in ("linear", "cosine") and batch.mono_share_end is not None:
        yield "batch.mono_share_end", f'only for mono_share_schedule = "linear" or "cosine", not {schedule!r}'
    if schedule == "steps" and not steps:
        yield "batch.mono_share_steps", "'steps' needs at least one, as [[100, 0.25], [200, 0.0]]"
    if schedule != "steps" and steps:
        yield "batch.mono_share_steps", f'only for mono_share_schedule = "steps", not {schedule!r}'
    if sorted(set(steps)) != steps:
        yield "batch.mono_share_steps", f"expected ascending updates, each once, got {', '.join(map(str, steps))}"


def _evaluation_problems(config: RunConfig) -> Iterable[tuple[str, str]]:
    evaluation = config.evaluation
    keys, specs = [], []
    for index, benchmark in enumerate(evaluation.benchmarks):
        try:
            keys.append(parse_benchmark(benchmark)[0])
            specs.append(benchmark)
        except ConfigError as error:
            yield f"evaluation.benchmarks[{index}]", str(error)
            continue
        if evaluation.languages and not languages_for(benchmark, evaluation.languages):
            names = ", ".join(evaluation.languages)
            yield "evaluation.languages", f"{keys[-1]} has none of {names}; it has {_languages_text(benchmark)}"
    for language in evaluation.languages:
        if specs and not any(languages_for(spec, [language]) for spec in specs):
            yield "evaluation.languages", _unknown_language(language, specs[-1])
    if len(set(keys)) != len(keys):
        yield "evaluation.benchmarks", "the same benchmark is named twice"
    yield from _validation_problems(config, keys)


def _validation_problems(config: RunConfig, keys: Sequence[str]) -> Iterable[tuple[str, str]]:
    evaluation = config.evaluation
    by_loss = evaluation.validation == "loss"
    held_out = [index for index, source in enumerate(config.sources) if source.role == "validation"]
    if evaluation.validation is not None and not by_loss and evaluation.validation not in keys:
        yield "evaluation.validation", f"{evaluation.validation!r} is not 'loss' nor one of evaluation.benchmarks"
    if held_out and not by_loss:
        yield f"sources[{held_out[0]}].role", "a validation source is for evaluation.validation = 'loss'"
    if by_loss and not held_out and not 0 < evaluation.validation_share < 1:
        yield "evaluation.validation_share", "expected more than 0 and less than 1, or a source of role 'validation'"
    if evaluation.select == "best" and evaluation.validation is None:
        yield "evaluation.select", "'best' needs evaluation.validation: 'loss', or one of evaluation.benchmarks"
    if evaluation.patience and (evaluation.select != "best" or not evaluation.every):
        yield "evaluation.patience", "needs evaluation.select = 'best' and evaluation.every"


def _alerts_problems(config: RunConfig) -> Iterable[tuple[str, str]]:
    alerts = config.alerts
    for index, target in enumerate(alerts.targets):
        if not _ALERT_TARGET.fullmatch(target):
            yield f"alerts.targets[{index}]", _WRITTEN_OUT  # not quoted: it may hold a password
    if alerts.targets_file is not None and not expanded(alerts.targets_file).is_file():
        yield "alerts.targets_file", f"no file {alerts.targets_file!r}"
    if alerts.bounds and not has_targets(alerts):
        yield "alerts.bounds", "nobody would be told: set alerts.targets or alerts.targets_file"
    keys = [parse_benchmark_key(spec) for spec in config.evaluation.benchmarks]
    for index, text in enumerate(alerts.bounds):
        try:
            benchmark = parse_metric_bound(text).benchmark
        except ConfigError as error:
            yield f"alerts.bounds[{index}]", str(error)
            continue
        if benchmark is not None and benchmark not in keys:
            yield f"alerts.bounds[{index}]", f"{benchmark!r} is none of evaluation.benchmarks"


def has_targets(alerts: AlertsConfig) -> bool:
    """Whether anybody is told anything."""
    return bool(alerts.targets) or alerts.targets_file is not None


def is_watched(config: RunConfig) -> bool:
    """Whether a run has a process beside its worker, for alerts or for ``hooks.on_end``."""
    return config.hooks.on_end is not None or has_targets(config.alerts)


def ranks_per_node(devices: str) -> int | None:
    """How many processes ``runtime.devices`` asks for on each machine; None for cuda:all: it depends on the machine."""
    kind, _, which = devices.partition(":")
    if not which:
        return 1
    if kind == "cpu":
        return int(which)
    return None if which == "all" else which.count(",") + 1


def system_name(config: RunConfig) -> str:
    """What an evaluation measures, in a word or a path."""
    if config.system.kind == "encoder":
        return config.model.name
    return config.system.kind if config.system.path is None else config.system.path


def on_one_device(runtime: RuntimeConfig) -> RuntimeConfig:
    """The same settings for a single process: on the first of the devices, on one machine."""
    kind, _, which = runtime.devices.partition(":")
    first = which.partition(",")[0]
    devices = f"{kind}:{first}" if kind == "cuda" and first not in ("", "all") else kind
    return msgspec.structs.replace(runtime, devices=devices, nodes=1)


def several_ranks(runtime: RuntimeConfig) -> bool:
    """Whether a run is more than one process, or may be."""
    return runtime.nodes > 1 or ranks_per_node(runtime.devices) != 1


def uneven_batch(config: RunConfig, ranks: int) -> str | None:
    """What is wrong with ``batch.size`` on so many ranks; None: nothing."""
    if config.batch.size % ranks == 0:
        return None
    return f"{config.batch.size} pairs cannot be shared evenly by {ranks} ranks (runtime.devices times runtime.nodes)"


def to_toml(config: RunConfig) -> str:
    """The config as TOML that ``parse_config`` reads back to an equal value (nulls are left out)."""
    return msgspec.toml.encode(_without_nulls(msgspec.to_builtins(config))).decode()


def sample_configs_folder() -> Path:
    """Where the sample configs lie: beside the packages in a checkout, inside the package when installed."""
    here = Path(__file__).resolve().parent
    inside = here / "sample_configs"
    return inside if inside.is_dir() else here.parent / "sample_configs"


def _runtime_problems(config: RunConfig) -> Iterable[tuple[str, str]]:
    runtime = config.runtime
    kind, _, which = runtime.devices.partition(":")
    indices = which.split(",")
    if kind == "cuda" and len(set(indices)) != len(indices):
        yield "runtime.devices", f"{runtime.devices!r} names a GPU twice"
    if runtime.gradient_checkpointing and runtime.compile:  # compiled layers draw other dropout masks the second time
        yield "runtime.gradient_checkpointing", "not together with runtime.compile; set one of them to false"
    if runtime.parallel == "shard" and (option := needs_whole_weights(config)):
        yield "runtime.parallel", f'"shard" does not go with {option}: leave it out, or replicate'
    ranks = ranks_per_node(runtime.devices) if config.kind == "training" else None
    if ranks is not None and (uneven := uneven_batch(config, ranks * runtime.nodes)):
        yield "batch.size", uneven


def needs_whole_weights(config: RunConfig) -> str | None:
    """The option for which every rank must have all weights; None: there is none."""
    options = {
        "lora.rank": config.lora.rank > 0,
        "optimizer.ema_decay": config.optimizer.ema_decay > 0,
        'runtime.precision = "float16"': config.runtime.precision == "float16",
        "runtime.compile": config.runtime.compile,
    }
    return next((option for option, is_set in options.items() if is_set), None)


def model_problems(model: ModelConfig) -> Iterable[tuple[str, str]]:
    """The same for the [model] section alone."""
    if not model.name.strip():
        yield "name", "expected a hub id, a folder or tiny"
    if model.name[:1] in ("/", ".", "~") and not expanded(model.name).is_dir():
        yield "name", f"no folder {model.name!r}"
    for kind in ("query", "passage"):
        if getattr(model, f"{kind}_prefix") is not None and getattr(model, f"{kind}_prompt") is not None:
            yield f"{kind}_prompt", f"names a prompt of the model, but {kind}_prefix is set too: leave one out"


def _problems_of_sources(sources: Sequence[SourceConfig]) -> Iterable[tuple[str, str]]:
    for index, source in enumerate(sources):
        yield from ((f"sources[{index}].{field}", reason) for field, reason in _source_problems(source))


def _source_problems(source: SourceConfig) -> Iterable[tuple[str, str]]:
    if source.kind == "cldr":
        if source.path is not None:
            yield "path", "the built-in cldr corpus takes no path"
        if source.split not in ("train", "heldout", "all"):
            yield "split", f"{source.split!r}: expected train, heldout or all"
        for language in source.languages:
            if language not in CLDR_LANGUAGES:
                yield "languages", _unknown_language(language, "cldr")
        return
    if source.path is None:
        yield "path", f"a {source.kind} source needs a path"
        return
    path = expanded(source.path)
    if source.kind == "jsonl" and not path.is_file():
        yield "path", f"no file {source.path!r}"
    if source.kind in ("lareqa", "squad", "mmarco") and not path.is_dir():
        yield "path", f"no folder {source.path!r}"
        return
    if source.kind == "mmarco":
        for language in source.languages:
            if language not in MMARCO_LANGUAGES:
                languages = ", ".join(MMARCO_LANGUAGES)
                yield "languages", f"unknown language {language!r}, mmarco has {languages}"
    if source.kind == "lareqa":
        for language in source.languages:
            if not (path / f"{language}.json").is_file():
                yield "languages", f"unknown language {language!r}: no file {language}.json in {source.path!r}"
    if source.kind == "hub" or (source.kind == "jsonl" and source.columns):
        for name in ("question", "passage"):
            if name not in source.columns:
                yield "columns", f"no column for {name!r}"


def _may_have_negatives(source: SourceConfig) -> bool:
    if source.kind == "mmarco":
        return source.max_negatives > 0
    return "negatives" in source.columns or (source.kind == "jsonl" and not source.columns)


def _unknown_language(language: str, spec: str) -> str:
    return f"unknown language {language!r}, {parse_benchmark_key(spec)} has {_languages_text(spec)}"


def _languages_text(spec: str) -> str:
    return ", ".join(benchmark_languages(spec))


def _source_languages(sources: Sequence[SourceConfig]) -> set[str]:
    """The languages of all sources, without reading files; empty when one of them does not say."""
    languages: set[str] = set()
    for source in sources:
        if source.languages:
            languages.update(source.languages)
        elif source.kind == "cldr":
            languages.update(CLDR_LANGUAGES)
        else:
            return set()
    return languages


def _apply_override(document: dict[str, Any], override: str, origin: str) -> None:
    dotted, equals, raw = override.partition("=")
    keys = dotted.strip().split(".")
    if not equals or not all(keys):
        raise ConfigError(f"{origin} {override!r}: expected section.key=value")
    import tomllib

    try:
        value: Any = tomllib.loads(f"value = {raw}")["value"]
    except tomllib.TOMLDecodeError:
        value = raw  # a bare word is a string: --set batch.mode=mono
    table: Any = document
    for depth, key in enumerate(keys[:-1]):
        if isinstance(table, dict):
            table = table.setdefault(key, {})
        elif isinstance(table, list) and key.isdigit() and int(key) < len(table):
            table = table[int(key)]
        else:
            raise ConfigError(f"{origin} {override!r}: no such field {'.'.join(keys[: depth + 1])}")
    if not isinstance(table, dict):
        raise ConfigError(f"{origin} {override!r}: no such field {dotted}")
    table[keys[-1]] = value


def split_validation_error(message: str, of: type[msgspec.Struct] | None = None) -> tuple[str, str]:
    """msgspec's "Expected `int`, got `str` - at `$.batch.size`" -> ("batch.size", "expected int, got str").

    ``of``: what was converted; then a word that is none of the allowed ones is refused with those that are.
    """
    reason, _, path = message.partition(" - at `$")
    field = path.rstrip("`").lstrip(".")
    unknown = re.search(r"unknown field `([^`]+)`", reason)
    if unknown:
        return f"{field}.{unknown[1]}".lstrip("."), "unknown key"
    missing = re.search(r"missing required field `([^`]+)`", reason)
    if missing:
        return f"{field}.{missing[1]}".lstrip("."), "this key is required"
    allowed_words = () if of is None or "nvalid enum value" not in reason else _words_of(of, field)
    if allowed_words:
        given = reason.partition("enum value ")[2]
        return field, f"{given}: expected one of {', '.join(allowed_words)}"
    for pattern, allowed in _ALLOWED.items():
        if reason.endswith(f"matching regex {pattern!r}"):
            return field, f"expected {allowed}"
    reason = _INFINITY.sub("a finite number", reason.replace("`", ""))
    return field, reason[:1].lower() + reason[1:]


def _words_of(of: type[msgspec.Struct], field: str) -> tuple[str, ...]:
    """What a field may say that takes one of several words; empty where it is none of these."""
    annotation: Any = of
    for name in re.sub(r"\[[^\]]*\]", "", field).split("."):
        section = next((part for part in type_parts(annotation) if hasattr(part, "__struct_fields__")), None)
        if section is None:
            return ()
        annotation = get_type_hints(section).get(name)
    return tuple(found for found in type_parts(annotation) if isinstance(found, str))


def type_parts(annotation: Any) -> Iterator[Any]:
    """A type and all types and literals that it is made of."""
    yield annotation
    for part in get_args(annotation):
        yield from type_parts(part)


def _message(label: str, text: str, overrides: Sequence[str], field: str, reason: str, origin: str = "--set") -> str:
    if _is_overridden(field, overrides):
        where = f"{label}, {origin}"
    else:
        line = line_of(text, field)
        where = f"{label}:{line}" if line else label
    return f"{where}: {field}: {reason}"


def _is_overridden(field: str, overrides: Sequence[str]) -> bool:
    """Whether ``field``, or a table that it is in, is from the command line and not from the file."""
    dotted = re.sub(r"\[(\d+)\]", r".\1", field) + "."
    return any(dotted.startswith(override.partition("=")[0].strip() + ".") for override in overrides)


def line_of(text: str, field: str) -> int | None:
    """The 1-based line that sets ``field`` (``section.key``, ``sources[1].key``, ``key``), else its table's header."""
    match = re.match(r"(?:(\w+)(?:\[(\d+)\])?\.)?([\w-]+)", field)
    if match is None:
        return None
    wanted_table, wanted_index, wanted_key = match[1] or "", int(match[2] or 0), match[3]
    table, index, header = "", {"": 0}, None
    for number, line in enumerate(text.splitlines(), start=1):
        if opened := re.match(r"\s*\[\[?([\w.]+)\]\]?", line):
            table = opened[1]
            index[table] = index.get(table, -1) + 1
        if table != wanted_table or index[table] != wanted_index:
            continue
        if opened:
            header = number
        elif (key := re.match(r"\s*([\w-]+)\s*=", line)) and key[1] == wanted_key:
            return number
    return header


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_without_nulls(item) for item in value]
    return value
