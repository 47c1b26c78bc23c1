"""The model card of a finished run: the README.md of its ``model/`` folder.

The front matter is what model hubs read; the text says how to use the model, what it was trained on, what it scored,
and how those numbers were made. Folders of the user's machine are named by their last part only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from huggingface_hub import EvalResult, ModelCardData

from engine.config import BatchConfig, RunConfig, SourceConfig
from engine.encoding_options import EncodingOptions
from engine.evaluation.results import Summary
from engine.export.card_results import results_text
from engine.export.markdown import markdown_table
from engine.measures import METRICS
from engine.mono_share import mono_share_text, schedule_text
from engine.runs.folder import Provenance
from engine.runs.status import SelectedStep


@dataclass(frozen=True, slots=True)
class TrainedSource:
    """One source of the run as it was read."""

    config: SourceConfig
    languages: tuple[str, ...]
    groups: int
    pairs: int  # question and passage in one language


@dataclass(frozen=True, slots=True)
class CardFacts:
    """Everything that a card tells."""

    config: RunConfig
    options: EncodingOptions  # what the model was saved with
    origins: Mapping[str, str]  # of each option: "config", "model" or "default"
    modules: str  # from text to vector, in words
    is_normalized: bool  # whether the vectors have unit length
    is_plain: bool  # whether there is nothing after the pooling, so that transformers alone will do
    requirements: Sequence[str]  # what it needs of libraries to give the same vectors there
    width: int
    matryoshka_dimensions: tuple[int, ...]
    digests: Mapping[str, str]  # of "model" and "tokenizer"
    sources: Sequence[TrainedSource]
    step: int  # whose weights these are
    choice: SelectedStep | None  # of that step by validation; None: the last one, fixed before training
    results: Sequence[Summary]  # of that step, a benchmark each
    untrained: Mapping[str, Summary]  # of step 0, by benchmark
    provenance: Provenance


def model_card(facts: CardFacts) -> str:
    """The card as Markdown with its front matter."""
    parts = [
        f"---\n{_front_matter(facts)}---",
        f"# {facts.config.name}",
        _introduction(facts),
        "## Use",
        _use(facts),
        "## Training",
        _training(facts),
        *(text for summary in facts.results for text in results_text(summary, facts.untrained.get(summary.benchmark))),
    ]
    if not facts.results:
        parts.append("## Results\n\nThis model was not evaluated.")
    return "\n\n".join(parts) + "\n"


def trained_languages(facts: CardFacts) -> list[str]:
    return sorted({language for source in _training_sources(facts) for language in source.languages})


def _front_matter(facts: CardFacts) -> str:
    config = facts.config
    base = _hub_id(config.model.name)
    data = ModelCardData(
        language=trained_languages(facts),
        library_name="sentence-transformers",
        pipeline_tag="sentence-similarity",
        tags=_tags(facts),
        base_model=base,
        datasets=sorted({s.config.path for s in facts.sources if s.config.kind == "hub" and s.config.path}) or None,
        model_name=config.name,
        eval_results=[
            EvalResult(
                task_type="retrieval",
                dataset_type=summary.benchmark,
                dataset_name=summary.benchmark,
                metric_type=name,
                metric_value=round(value, 6),
            )
            for summary in facts.results
            for name in METRICS
            if (value := summary.metrics.get(name)) is not None
        ]
        or None,
    )
    return data.to_yaml() + "\n"


def _tags(facts: CardFacts) -> list[str]:
    tags = ["sentence-transformers", "feature-extraction", "sentence-similarity", "retrieval"]
    if len(trained_languages(facts)) > 1:
        tags.append("multilingual")
    tags.append(f"{facts.config.batch.mode}-batches")
    if facts.matryoshka_dimensions:
        tags.append("matryoshka")
    return tags


def _introduction(facts: CardFacts) -> str:
    languages = trained_languages(facts)
    origin = (
        "was trained from scratch" if facts.config.model.name == "tiny" else f"is {_base(facts.config)}, fine-tuned"
    )
    return (
        f"A dual encoder for retrieval in {len(languages)} {'language' if len(languages) == 1 else 'languages'} "
        f"({', '.join(languages)}): questions and passages become {'unit ' if facts.is_normalized else ''}vectors of "
        f"{facts.width} dimensions, compared by their dot product. It {origin} with {_batches(facts.config)}."
    )


def _base(config: RunConfig) -> str:
    name = _hub_id(config.model.name)
    return f"[{name}](https://huggingface.co/{name})" if name else f"`{Path(config.model.name).name}`"


def _batches(config: RunConfig) -> str:
    batch = config.batch
    if batch.mode == "hybrid":
        return (
            f"hybrid batches ([arXiv 2408.10536](https://arxiv.org/abs/2408.10536)): monolingual with probability "
            f"{_share(batch)}, else cross-lingual"
        )
    return {
        "mono": "monolingual batches, each in one language",
        "cross": "cross-lingual batches: question and passage of every pair in different languages",
        "mixed": "same-language pairs, languages mixed within a batch",
        "english": f"batches in one language ({batch.language})",
    }[batch.mode]


def _share(batch: BatchConfig) -> str:
    return f"{mono_share_text(batch)} over training" if schedule_text(batch) else mono_share_text(batch)


def _use(facts: CardFacts) -> str:
    options = facts.options
    truncate = ""
    if facts.matryoshka_dimensions:
        widths = ", ".join(map(str, facts.matryoshka_dimensions[1:]))
        smallest = facts.matryoshka_dimensions[-1]
        truncate = (
            f"\n\nThe first dimensions can be used alone (Matryoshka); trained at {widths}:\n\n```python\n"
            f'model = SentenceTransformer("path/to/this/folder", truncate_dim={smallest})\n'
            'model.encode_query(["..."], normalize_embeddings=True)\n```'
        )
    return f"""With SentenceTransformers, which adds the prefixes:

```python
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("path/to/this/folder")
{_encoded(options)}
scores = questions @ passages.T
```{truncate}

{"".join(f"Needs {line}.{chr(10)}{chr(10)}" for line in facts.requirements)}{_with_transformers(facts)}"""


def _encoded(options: EncodingOptions) -> str:
    """Two calls, and what cuts the texts where questions and passages have other lengths."""
    calls = ('questions = model.encode_query(["Who barks?"])', 'passages = model.encode_document(["Dogs bark."])')
    lengths = (options.max_query_tokens, options.max_passage_tokens)
    if lengths[0] == lengths[1]:
        return "\n".join(calls)
    lines = [
        f"model.max_seq_length = {length}  # where {kind} are cut\n{call}"
        for length, kind, call in zip(lengths, ("questions", "passages"), calls, strict=True)
    ]
    return "\n".join(lines)


def _with_transformers(facts: CardFacts) -> str:
    options = facts.options
    pooled = {
        "cls": "hidden[:, 0]",
        "mean": "(hidden * mask.unsqueeze(-1)).sum(1) / mask.sum(1, keepdim=True)",
        "lasttoken": "hidden[torch.arange(len(hidden)), mask.cumsum(1).argmax(1)]",
    }.get(options.pooling)
    if not facts.is_plain or pooled is None or options.lower_case or not options.include_prompt:
        return f"transformers alone reads the network only; from text to vector it is {facts.modules}."
    if facts.is_normalized:
        pooled = f"torch.nn.functional.normalize({pooled}, dim=-1)"
    return f"""With transformers alone:

```python
import torch
from transformers import AutoModel, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("path/to/this/folder")
model = AutoModel.from_pretrained("path/to/this/folder").eval()

def encode(texts, prefix, max_length):
    batch = tokenizer([prefix + text for text in texts], padding=True, truncation=True,
                      max_length=max_length, return_tensors="pt")
    with torch.inference_mode():
        hidden, mask = model(**batch).last_hidden_state, batch["attention_mask"]
    return {pooled}

questions = encode(["Who barks?"], {json.dumps(options.query_prefix)}, {options.max_query_tokens})
passages = encode(["Dogs bark."], {json.dumps(options.passage_prefix)}, {options.max_passage_tokens})
```"""


def _training(facts: CardFacts) -> str:
    sources = markdown_table(
        ["source", "role", "languages", "groups", "pairs"],
        [
            [_source(s.config), s.config.role, " ".join(s.languages), f"{s.groups:,}", f"{s.pairs:,}"]
            for s in facts.sources
        ],
        [False, False, False, True, True],
    )
    settings = markdown_table(["setting", "value"], _settings(facts), [False, False])
    return (
        "Rows of a group are translations of each other. Translations of a question's own answer are not negatives "
        f"to it.\n\n{sources}\n\n{settings}"
    )


def _settings(facts: CardFacts) -> Iterator[tuple[str, str]]:
    config = facts.config
    yield "from text to vector", facts.modules
    for name, value in asdict(facts.options).items():
        yield name, f"`{value}` ({facts.origins.get(name, 'default')})"
    optimizer, loss, lora = config.optimizer, config.loss, config.lora
    share = f", mono_share {mono_share_text(config.batch)}" if config.batch.mode == "hybrid" else ""
    yield "batches", f"{config.batch.size} pairs, mode {config.batch.mode}{share}"
    learned = ", learned" if loss.learned_temperature else ""
    yield "loss", f"InfoNCE{', both directions' if loss.symmetric else ''}, temperature {loss.temperature:g}{learned}"
    if facts.matryoshka_dimensions:
        yield "Matryoshka dimensions", ", ".join(map(str, facts.matryoshka_dimensions))
    if lora.rank:
        targets = ", ".join(lora.targets) or "all linear layers"
        yield "LoRA, merged into these weights", f"rank {lora.rank}, alpha {lora.alpha:g}, {targets}"
    schedule = f"{optimizer.schedule} after {optimizer.warmup_steps:,} steps of warm-up"
    yield "optimizer", f"AdamW, {optimizer.learning_rate:g}, {schedule}, weight decay {optimizer.weight_decay:g}"
    if optimizer.ema_decay:
        yield "weights", f"exponential moving average, decay {optimizer.ema_decay:g}"
    evaluation = config.evaluation
    if evaluation.validation == "loss" and all(source.config.role == "train" for source in facts.sources):
        yield "held out for the validation loss", f"{100 * evaluation.validation_share:g} % of the clusters"
    chosen = "last step, fixed before training" if facts.choice is None else facts.choice.rule()
    yield "steps", f"{facts.step:,} of {optimizer.max_steps:,}"
    yield "checkpoint", chosen
    yield "seed", str(config.seed)
    packages = facts.provenance.packages
    yield "made with", ", ".join(f"{name} {packages[name]}" for name in sorted(packages))
    if facts.provenance.git_commit:
        changes = " with changes" if facts.provenance.changed else ""
        yield "commit of the working directory", facts.provenance.git_commit + changes
    for name, digest in facts.digests.items():
        yield f"SHA-256 of the {name}", f"`{digest}`"


def _source(source: SourceConfig) -> str:
    if source.kind == "cldr":
        name = f"facts of Unicode CLDR ({source.split})"
    elif source.kind == "hub":
        name = f"[{source.path}](https://huggingface.co/datasets/{source.path}) ({source.split})"
    else:
        name = f"{Path(source.path or '').name} ({source.kind})"
    return name if source.articles is None else f"{name}, articles {source.articles}"


def _training_sources(facts: CardFacts) -> list[TrainedSource]:
    return [source for source in facts.sources if source.config.role == "train"]


def _hub_id(name: str) -> str | None:
    """``name`` where it is a hub id; None for folders and "tiny"."""
    if name == "tiny" or name.startswith(("/", ".", "~")) or name.count("/") > 1 or Path(name).is_dir():
        return None
    return name
