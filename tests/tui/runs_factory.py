"""Run folders as a worker would have left them, written event by event, for tests of the dashboard."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import msgspec

from engine import events
from engine.config import (
    BatchConfig,
    EvaluationConfig,
    OptimizerConfig,
    RunConfig,
    SourceConfig,
)
from engine.events import Advantage, EvaluationResult, Friedman, LanguageBias, LanguageEffect, RankDistances
from engine.mono_share import mono_share_at, schedule_text
from engine.runs.folder import Provenance, RunFolder, Spec
from engine.runs.lock import RunLock
from engine.runs.study_record import StudyRecord

START = 1_790_000_000.0  # unix seconds at which every run of the factory starts
LANGUAGES = ("ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh")
EDGES = [0.5 * 2 ** (index / 2) for index in range(24)]


class RunWriter:
    """One run folder that grows by events; ``live`` holds its lock as a worker would."""

    def __init__(
        self, home: Path, name: str, config: RunConfig | None = None, created: float = START,
        study: StudyRecord | None = None,
    ) -> None:  # fmt: skip
        self.config = config or run_config(name)
        self.folder = RunFolder(home / f"20260922-{name}")
        self.folder.path.mkdir(parents=True)
        spec = Spec(
            config=self.config,
            created=created,
            provenance=Provenance(
                command_line=("hybrid-tui", "run", "sample_configs/cldr-hybrid.toml"),
                git_commit="0123456789abcdef0123456789abcdef01234567",
                python="3.11.9",
                packages={"torch": "2.13.0", "transformers": "5.23.0"},
                host="gpu-box",
                threads=2,
            ),
            study=study,
        )
        self.folder.spec.write_bytes(msgspec.json.encode(spec))
        self.t, self.seq, self.attempt = created, 0, 1
        self._lock: RunLock | None = None

    def live(self) -> RunWriter:
        """Takes the lock: from now on the run has a worker, which is this process."""
        self._lock = RunLock.acquire(self.folder)
        self._lock.write_owner(self.attempt)
        return self

    def die(self) -> RunWriter:
        """Lets go of the lock without a word."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None
        return self

    def add(self, *added: events.Event, seconds: float = 1.0) -> RunWriter:
        """Appends events, ``seconds`` apart."""
        with self.folder.events.open("ab") as log:
            for event in added:
                self.t += seconds
                self.seq += 1
                log.write(events.encode(msgspec.structs.replace(event, seq=self.seq, t=self.t, attempt=self.attempt)))
        return self

    def started(self) -> RunWriter:
        config = self.config
        share = config.batch.mono_share if config.batch.mode == "hybrid" else None
        return self.add(
            events.RunStarted(
                name=config.name, mode=config.batch.mode, mono_share=share, max_steps=config.optimizer.max_steps,
                batch_size=config.batch.size, seed=config.seed, host="gpu-box", pid=4242,
                mono_share_schedule=schedule_text(config.batch),
            ),
            events.Device(name="cpu (2 threads)"),
        ).add(model_loaded(config), seconds=0.0)  # fmt: skip

    def steps(self, first: int, last: int, spike_at: int = 0, nan_at: int = 0) -> RunWriter:
        """Training from step ``first`` to ``last``, five steps an event."""
        batch, optimizer = self.config.batch, self.config.optimizer
        whole = (batch, self.config.seed, optimizer.max_steps, optimizer.learning_rate)
        for start in range(first, last + 1, 5):
            steps = range(start, min(last, start + 4) + 1)
            self.add(step_event(*whole, steps, spike_at, nan_at), seconds=0.4)
        return self

    def evaluated(
        self, step: int, benchmark: str = "cldr", languages: Sequence[str] = LANGUAGES, sampled_of: int | None = None
    ) -> RunWriter:
        progress = step / max(1, self.config.optimizer.max_steps)
        result = evaluation_result(progress, tuple(languages))
        result = msgspec.structs.replace(result, sampled_of=sampled_of)
        return self.add(
            events.EvalStarted(benchmark=benchmark, step=step),
            events.EvalFinished(benchmark=benchmark, step=step, seconds=1.9, result=result),
        )

    def saved(self, step: int) -> RunWriter:
        return self.add(
            events.CheckpointSaved(step=step, path=f"checkpoints/step-{step:06}", bytes=14_680_064, seconds=0.4)
        )

    def received(self, uuid: str, command: events.CommandName) -> RunWriter:
        return self.add(events.CommandReceived(uuid=uuid, command=command))

    def done(self, uuid: str, command: events.CommandName, outcome: events.Outcome = "done") -> RunWriter:
        return self.add(events.CommandDone(uuid=uuid, command=command, outcome=outcome))


def model_loaded(config: RunConfig, **other: object) -> events.ModelLoaded:
    """Of the tiny model, whose every option is the config's or the default."""
    defaults = {"pooling": "mean", "query_prefix": "", "passage_prefix": "", "max_query_tokens": 64,
                "max_passage_tokens": 256, "include_prompt": True, "lower_case": False, "similarity": "cosine",
                "truncate_dim": None}  # fmt: skip
    said = {name: getattr(config.model, name, None) for name in defaults}
    event = events.ModelLoaded(
        name=config.model.name,
        parameters=1_127_168,
        trained=1_127_168,
        width=128,
        modules="Transformer, mean pooling",
        options={name: value if said[name] is None else said[name] for name, value in defaults.items()},
        origins={name: "default" if said[name] is None else "config" for name in defaults},
        attention="padded, math",
        precision="float32",
    )
    return msgspec.structs.replace(event, **other)


@cache
def step_event(
    batch: BatchConfig, seed: int, max_steps: int, peak: float, steps: range, spike_at: int, nan_at: int
) -> events.Step:
    """Of a run that looks real. Most tests want the same ones again, and drawing them took longer than writing them."""
    losses, modes = [], []
    for step in steps:
        draw = random.Random(step * 7919 + seed)
        mode = batch.mode
        if mode == "hybrid":
            mode = "mono" if draw.random() < mono_share_at(batch, max_steps, step) else "cross"
        level = (
            4.1 * math.exp(-5.0 * step / max_steps) + 0.35
            if mode == "mono"
            else (4.2 * math.exp(-3.2 * step / max_steps) + 0.85)
        )
        loss = level * (1 + 0.12 * draw.gauss(0, 1))
        loss = 9.5 if step == spike_at else loss
        losses.append("NaN" if step == nan_at else max(0.01, loss))
        modes.append(mode)
    return events.Step(
        first_step=steps[0],
        loss=losses,
        mode=modes,
        lr=[peak * (1 - step / max_steps) for step in steps],
        masked=[0.6 + 0.05 * (step % 7) for step in steps],
        grad_norm=[0.7 + 0.02 * (step % 11) for step in steps],
        seconds=[0.070 + 0.004 * (step % 5) for step in steps],
        data_wait=[0.0004] * len(steps),
        tokens=[2900 + step % 13 for step in steps],
    )


def run_config(name: str, mode: str = "hybrid", max_steps: int = 400, **other: object) -> RunConfig:
    """A config of the built-in corpus."""
    return RunConfig(
        name=name,
        sources=(SourceConfig(kind="cldr"),),
        batch=BatchConfig(mode=mode),  # type: ignore[arg-type]
        optimizer=OptimizerConfig(max_steps=max_steps, learning_rate=1e-3, warmup_steps=40),
        evaluation=EvaluationConfig(benchmarks=("cldr",), every=200),
        **other,  # type: ignore[arg-type]
    )


@cache
def evaluation_result(progress: float, languages: tuple[str, ...] = LANGUAGES) -> EvaluationResult:
    """A plausible result at a share of the training: own languages good early, others following."""
    draw = random.Random(17)
    strength = {language: 0.86 + 0.12 * draw.random() for language in languages}
    matrix: dict[str, dict[str, float]] = {}
    for asked in languages:
        matrix[asked] = {}
        for answered in languages:
            own = asked == answered
            reach = (0.12 + 0.80 * min(1.0, progress * 1.6)) if own else (0.04 + 0.62 * progress)
            matrix[asked][answered] = min(0.99, reach * strength[asked] * strength[answered] / (0.94 if own else 1.0))
    pool = {asked: 0.85 * sum(matrix[asked].values()) / len(languages) for asked in languages}
    mono = sum(matrix[language][language] for language in languages) / len(languages)
    others = [matrix[a][b] for a in languages for b in languages if a != b]
    level = 1900.0 * math.exp(-2.1 * progress) + 60
    distances, advantages = {}, {}
    for index, language in enumerate(languages):
        median = level * (0.7 + 0.06 * index)
        distances[language] = RankDistances(
            queries=147, mean=median * 1.6, median=median, p90=median * 4.0, histogram=_bell(median)
        )
        mean = 4.5 * (1 - progress) + 0.25 * index
        advantages[language] = Advantage(mean=mean, interval=(mean - 0.5, mean + 0.6))
    count = len(languages)
    nulls = {language: 0.6 * found.mean for language, found in distances.items()}
    return EvaluationResult(
        queries=147 * count,
        candidates=441 * count,
        languages=list(languages),
        settings={"monolingual": count, "crosslingual": count * (count - 1), "multilingual": count},
        metrics={
            "map_monolingual": mono,
            "map_crosslingual": sum(others) / len(others) if others else None,
            "map_multilingual": sum(pool.values()) / count,
            "recall_at_1_monolingual": mono * 0.92,
            "recall_at_1_crosslingual": 0.88 * sum(others) / len(others) if others else None,
            "recall_at_10_multilingual": min(1.0, 1.1 * sum(pool.values()) / count),
            "rank_distance": sum(found.mean for found in distances.values()) / count,
            "rank_distance_null": sum(nulls.values()) / count,
        },
        matrix=matrix,
        map_multilingual_by_language=pool,
        histogram_edges=EDGES,
        rank_distance=distances,
        own_language_advantage=advantages,
        ties=3,
        bias=language_bias(languages, progress, nulls, advantages),
    )


def language_bias(
    languages: Sequence[str], progress: float, nulls: dict[str, float], advantages: dict[str, Advantage]
) -> LanguageBias:
    """Of a benchmark with one relevant passage per language: PEER is not applicable."""
    count = len(languages)
    mean = sum(found.mean for found in advantages.values()) / count
    own = min(0.9, (4.0 - 2.0 * progress) / count)
    shares = {
        asked: {shown: own if asked == shown else (1 - own) / max(1, count - 1) for shown in languages}
        for asked in languages
    }
    return LanguageBias(
        measures={
            "rank_distance_null": sum(nulls.values()) / count,
            "own_language_advantage": mean,
            "other_language_recall_at_10": 0.2 + 0.5 * progress,
            "worst_relevant_rank": 2100.0 - 1500.0 * progress,
            "worst_relevant_rank_normalised": 20.0 + 30.0 * progress,
            "map_lost_without_own_language": 0.31 - 0.2 * progress,
            "language_aware_ndcg_at_10": 0.4 + 0.4 * progress,
            "language_preference": 0.9 - 0.5 * progress,
            "language_preference_pairwise": 0.95 - 0.3 * progress,
            "language_preference_first": 0.8 - 0.3 * progress,
            "first_right_own_language": 0.5,
            "first_right_other_language": 0.1 + 0.3 * progress,
            "first_wrong_own_language": 0.3 - 0.25 * progress,
            "first_wrong_other_language": 0.1 - 0.05 * progress,
            "mrc_at_10": 0.12 + 0.4 * progress,
        },
        by_language={"rank_distance_null": nulls},
        own_language_advantage=Advantage(mean=mean, interval=(mean - 0.2, mean + 0.2)),
        language_effect=LanguageEffect(effect={}, p=0.001, permutations=999),
        language_share_at_10=shares,
        pool_share=dict.fromkeys(languages, 1 / count),
        friedman={
            language: Friedman(statistic=80.0, p=1e-9, p_clusters=None, agreement=0.2 + 0.01 * index, queries=147)
            for index, language in enumerate(languages)
        },
        nulls={
            "language_preference": 1 / count,
            "language_preference_pairwise": 0.5,
            "language_preference_first": 1 / count,
            "worst_relevant_rank": 1500.0 - 1200.0 * progress,
        },
        not_applicable={
            "peer": "constant by construction: one relevant passage per language gives 0.4405, whatever the model"
        },
    )


def _bell(median: float) -> list[int]:
    counts = []
    for low, high in itertools.pairwise(EDGES):
        position = math.log(math.sqrt(low * high) / median)
        counts.append(round(60 * math.exp(-position * position / 1.2)))
    return counts


def finished(home: Path, name: str, mode: str = "hybrid", **other: object) -> RunWriter:
    """A whole run: evaluation at start, middle and end."""
    writer = RunWriter(home, name, run_config(name, mode, **other))  # type: ignore[arg-type]
    writer.started().evaluated(0).steps(1, 200).evaluated(200).saved(200).steps(201, 400).evaluated(400).saved(400)
    return writer.add(events.RunFinished(step=400, seconds=34.2))


def running(home: Path, name: str, to: int = 310, **other: object) -> RunWriter:
    """A live run in the middle of its training; call ``die`` when done with it."""
    writer = RunWriter(home, name, run_config(name, **other))  # type: ignore[arg-type]
    writer.live().started().evaluated(0).steps(1, 200, spike_at=120).evaluated(200).saved(200)
    return writer.steps(201, to)


def gallery(home: Path) -> list[RunWriter]:
    """One run of each kind, as on a busy afternoon; the caller ends the live ones with ``die``."""
    ready = finished(home, "cldr-mono-s0", "mono")
    crossed = finished(home, "cldr-cross-s0", "cross", seed=1)
    live = running(home, "cldr-hybrid-s0")
    paused = RunWriter(home, "cldr-hybrid-s1", run_config("cldr-hybrid-s1", seed=1), created=START - 90_000)
    paused.started().evaluated(0).steps(1, 180).saved(180).add(events.RunPaused(step=180))
    crashed = RunWriter(home, "cldr-cross-s1", run_config("cldr-cross-s1", "cross"), created=START - 4_000)
    crashed.started().steps(1, 250).saved(200)
    failed = RunWriter(home, "xquad-r-e5", run_config("xquad-r-e5", max_steps=2000), created=START - 200_000)
    failed.started().steps(1, 40).add(
        events.RunFailed(
            error="out of memory: 15.9 GiB asked, 3.1 GiB free on GPU 0",
            last_lines=["  loss = trainer.step(batch)", "torch.OutOfMemoryError"],
            hint="lower runtime.tokens_per_micro_batch",
        )
    )
    queued = RunWriter(home, "cldr-hybrid-s2", run_config("cldr-hybrid-s2", seed=2), created=START + 10).live()
    queued.started().add(events.Device(name="cpu (2 threads)", waiting_for="cpu slot 0 (cldr-hybrid-s0)"))
    return [ready, crossed, live, paused, crashed, failed, queued]
