"""Training steps against SentenceTransformers' trainer, and what the event log costs of a step.

    python benchmarks/training.py --model FOLDER [--data ../shared/data/xquad-r] [--json]
    python benchmarks/training.py --events [--json]

With a CPU only: multilingual-e5-small from FOLDER, batch 32, XQuAD-R questions and sentences in all languages, float32.
With a GPU: XLM-R-base of random weights with the tokenizer of FOLDER (250,002 tokens), batch 128, questions and
paragraphs of at most 256 tokens, bfloat16.

Both programs train the same weights on the same batches of the same texts, at dropout 0 and without masking, for 50
steps in one process: five to warm up, then five turns of nine steps each. A ratio is that of one turn; the median
counts. The losses of all 50 steps are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from engine.worker.devices import share_cores

share_cores()  # before torch is imported; for both programs

import msgspec  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402

from engine.config import (  # noqa: E402
    BatchConfig,
    LossConfig,
    ModelConfig,
    OptimizerConfig,
    RunConfig,
    SourceConfig,
    load_config,
    sample_configs_folder,
)
from engine.data.sources import load_source  # noqa: E402
from engine.encoder import DualEncoder, load_encoder  # noqa: E402
from engine.training.plan import BatchPlan  # noqa: E402
from engine.training.tokenizing import tokenized_corpora  # noqa: E402
from engine.training.trainer import Trainer  # noqa: E402

WARM_UP = 5
TURNS = 5
TURN = 9  # steps
EVENT_STEPS = 300
ON_GPU = torch.cuda.is_available()
XLMR_VOCABULARY = 250_002

Report = dict[str, dict[str, Any]]


def config_for(model: Path, data: Path, turn: int) -> RunConfig:
    # MultipleNegativesRankingLoss masks nothing, and SentenceTransformers knows one length for both kinds of text.
    tokens = 256
    return RunConfig(
        model=ModelConfig(
            name=str(model),
            dropout=0.0,
            query_prefix="query: ",
            passage_prefix="passage: ",
            max_query_tokens=tokens,
            max_passage_tokens=tokens,
        ),
        sources=(SourceConfig(kind="lareqa", path=str(data), unit="paragraph" if ON_GPU else "sentence"),),
        batch=BatchConfig(mode="hybrid", size=128 if ON_GPU else 32),
        loss=LossConfig(temperature=0.05, mask_false_negatives=False),
        optimizer=OptimizerConfig(learning_rate=2e-5, weight_decay=0.01, max_steps=WARM_UP + TURNS * turn, clip=1.0),
    )


def save_start(config: RunConfig, folder: Path) -> None:
    """The weights that both programs begin with, as a model folder of both."""
    encoder = load_encoder(config.model, "cpu")
    if ON_GPU:
        from transformers import XLMRobertaConfig, XLMRobertaModel

        torch.manual_seed(0)
        shape = XLMRobertaConfig(
            vocab_size=XLMR_VOCABULARY,
            max_position_embeddings=514,
            type_vocab_size=1,
            layer_norm_eps=1e-5,
            pad_token_id=encoder.hub_tokenizer.pad_token_id,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
        network = XLMRobertaModel(shape, add_pooling_layer=False)
        encoder = DualEncoder(network, encoder.hub_tokenizer, encoder.options)
    encoder.save(folder)


class Ours:
    """This engine, a number of steps at a time."""

    def __init__(self, config: RunConfig, corpora: list[Any]) -> None:
        device = torch.device("cuda" if ON_GPU else "cpu")
        encoder = load_encoder(config.model, device)
        self.tokenized = tokenized_corpora(corpora, encoder)
        self.trainer = Trainer(config, encoder, self.tokenized, device)
        self._records: list[Any] = []

    def advance(self, steps: int) -> None:
        self._records += [self.trainer.update() for _ in range(steps)]
        synchronise()

    @property
    def losses(self) -> list[float]:
        return [record.loss for record in self._records]

    @property
    def flops(self) -> list[float]:
        return [record.flops for record in self._records]

    def settings(self) -> str:
        encoder = self.trainer.encoder
        layout = "packed, without padding" if encoder.why_padded() is None else f"padded: {encoder.why_padded()}"
        return f"this engine: {layout}, {'bfloat16' if ON_GPU else 'float32'}, fused AdamW, tokenised ahead"


class Peer:
    """SentenceTransformerTrainer in a thread of its own, which rests between the turns."""

    def __init__(self, folder: Path, config: RunConfig, texts: dict[str, list[str]], workers: int) -> None:
        from datasets import Dataset
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer import losses
        from sentence_transformers.sentence_transformer.trainer import SentenceTransformerTrainer
        from sentence_transformers.sentence_transformer.training_args import SentenceTransformerTrainingArguments
        from torch.utils.data import BatchSampler, SequentialSampler
        from transformers import TrainerCallback

        model = SentenceTransformer(str(folder), device="cuda" if ON_GPU else "cpu")
        found: list[torch.Tensor] = []
        permits, done = threading.Semaphore(0), threading.Semaphore(0)
        self._permits, self._done, self._found = permits, done, found

        class Loss(losses.MultipleNegativesRankingLoss):  # type: ignore[misc]
            def forward(self, *arguments: Any, **options: Any) -> Any:
                loss = super().forward(*arguments, **options)
                found.append(loss.detach())
                return loss

        class Turns(TrainerCallback):  # type: ignore[misc]
            def on_step_begin(self, *_: Any, **__: Any) -> None:
                permits.acquire()

            def on_step_end(self, *_: Any, **__: Any) -> None:
                done.release()

        arguments = SentenceTransformerTrainingArguments(
            output_dir=str(folder / "peer"),
            max_steps=config.optimizer.max_steps,
            per_device_train_batch_size=config.batch.size,
            learning_rate=config.optimizer.learning_rate,
            weight_decay=config.optimizer.weight_decay,
            max_grad_norm=config.optimizer.clip,
            lr_scheduler_type=config.optimizer.schedule,
            optim="adamw_torch_fused",
            bf16=ON_GPU,
            use_cpu=not ON_GPU,
            dataloader_num_workers=workers,
            dataloader_pin_memory=ON_GPU,
            batch_sampler=lambda dataset, batch_size, drop_last, **_: BatchSampler(
                SequentialSampler(dataset), batch_size, drop_last
            ),
            logging_strategy="no",
            logging_nan_inf_filter=False,  # which waits for the device at every step
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
        self._settings = (
            f"SentenceTransformerTrainer: {arguments.optim.value}, {'bfloat16' if ON_GPU else 'float32'}, attention"
            f" {model[0].auto_model.config._attn_implementation}, {workers} dataloader workers, no logging, no saving"
        )
        trainer = SentenceTransformerTrainer(
            model=model, args=arguments, train_dataset=Dataset.from_dict(texts), loss=Loss(model), callbacks=[Turns()]
        )
        self._thread = threading.Thread(target=trainer.train, daemon=True)
        self._thread.start()

    def advance(self, steps: int) -> None:
        for _ in range(steps):
            self._permits.release()
        for _ in range(steps):
            while not self._done.acquire(timeout=1.0):
                if not self._thread.is_alive():
                    raise RuntimeError("SentenceTransformers' trainer has ended early")
        synchronise()

    @property
    def losses(self) -> list[float]:
        return [float(loss) for loss in self._found]

    def settings(self) -> str:
        return self._settings


def texts_of(config: RunConfig, corpora: list[Any], tokenized: list[Any]) -> dict[str, list[str]]:
    """The texts of all batches in their order, prefixes in front."""
    plan = BatchPlan(tokenized, config.batch, config.seed, config.optimizer.max_steps)
    columns: dict[str, list[str]] = {"anchor": [], "positive": []}
    for t in range(config.optimizer.max_steps):
        batch = plan.batch(t)
        corpus = corpora[batch.source]
        questions = corpus.row_of[batch.groups, batch.query_language]
        passages = corpus.row_of[batch.groups, batch.passage_language]
        columns["anchor"] += [config.model.query_prefix + corpus.questions[row] for row in questions]
        columns["positive"] += [config.model.passage_prefix + corpus.passages[row] for row in passages]
    return columns


def against_peer(model: Path, data: Path, workers: int, turn: int) -> tuple[Report, list[str]]:
    given = config_for(model, data, turn)
    corpora = [load_source(source) for source in given.sources]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        save_start(given, folder)  # its prefixes, lengths and dropout are saved with it
        config = msgspec.structs.replace(given, model=ModelConfig(name=str(folder)))
        ours = Ours(config, corpora)
        peer = Peer(folder, given, texts_of(given, corpora, ours.tokenized), workers)
        for program in (ours, peer):
            program.advance(WARM_UP)
        turns = [(timed(ours, turn), timed(peer, turn)) for _ in range(TURNS)]
        ours.trainer.close()
    own, other = (statistics.median(each[index][0] for each in turns) / turn for index in (0, 1))
    own_used, other_used = (statistics.median(each[index][1] for each in turns) / turn for index in (0, 1))
    shape = "XLM-R-base, random weights" if ON_GPU else "multilingual-e5-small"
    pairs = config.batch.size
    differences = [abs(a - b) / abs(b) for a, b in zip(ours.losses, peer.losses, strict=True)]
    rate = statistics.mean(ours.flops[WARM_UP:]) / own
    peak = product_rate()
    report: Report = {
        f"training, {shape}, batch {pairs}": {
            "value": pairs / own,
            "unit": "pairs/s",
            "peer": peer.settings(),
            "peer_value": pairs / other,
            "ratio": statistics.median(theirs[0] / mine[0] for mine, theirs in turns),
        },
        "processor time of a step, which other work on the machine disturbs less": {
            "value": own_used,
            "unit": "s",
            "peer": "SentenceTransformerTrainer",
            "peer_value": other_used,
            "ratio": statistics.median(theirs[1] / mine[1] for mine, theirs in turns),
        },
        "model FLOPs, without padding and embeddings": {
            "value": rate / 1e12,
            "unit": "TFLOP/s",
            "peer": "one large matrix product of this precision on this device",
            "peer_value": peak / 1e12,
            "ratio": rate / peak,
        },
        f"mean loss of {len(differences)} steps": {
            "value": statistics.mean(ours.losses),
            "unit": "",
            "peer": "SentenceTransformerTrainer",
            "peer_value": statistics.mean(peer.losses),
            "ratio": statistics.mean(ours.losses) / statistics.mean(peer.losses),
        },
        "largest difference of one step's losses": {"value": 100 * max(differences), "unit": "%"},
    }
    notes = [
        ours.settings(),
        peer.settings(),
        "ratio of each turn: " + ", ".join(f"{theirs[0] / mine[0]:.2f}" for mine, theirs in turns),
        machine(),
    ]
    return report, notes


def timed(program: Ours | Peer, steps: int) -> tuple[float, float]:
    """Seconds on the clock, and of the processor."""
    start, used = time.perf_counter(), time.process_time()
    program.advance(steps)
    return time.perf_counter() - start, time.process_time() - used


def synchronise() -> None:
    if ON_GPU:
        torch.cuda.synchronize()


def product_rate() -> float:
    """FLOP/s of a matrix product, the best of several."""
    size = 8192 if ON_GPU else 2048
    kind = {"device": "cuda", "dtype": torch.bfloat16} if ON_GPU else {}
    left, right = torch.randn(size, size, **kind), torch.randn(size, size, **kind)  # type: ignore[call-overload]
    best = 0.0
    for _ in range(10):
        synchronise()
        start = time.perf_counter()
        left @ right
        synchronise()
        best = max(best, 2 * size**3 / (time.perf_counter() - start))
    return best


def events() -> tuple[Report, list[str]]:
    """A run of the tiny model as the worker's loop makes it: what its session takes of the time."""
    config = load_config(sample_configs_folder() / "cldr-hybrid.toml", [f"optimizer.max_steps={EVENT_STEPS}"])
    corpora = [load_source(source) for source in config.sources]
    texts = (text for corpus in corpora for column in (corpus.questions, corpus.passages) for text in column)
    trainer = Trainer(config, load_encoder(config.model, "cpu", texts=texts), corpora, torch.device("cpu"))
    taken = np.zeros(2)  # by updates, by the session
    with session() as reporting:
        for _ in range(EVENT_STEPS):
            start = time.perf_counter()
            record = trainer.update()
            updated = time.perf_counter()
            reporting.record(record)
            reporting.boundary()
            taken += (updated - start, time.perf_counter() - updated)
    trainer.close()
    report: Report = {
        "events and commands, of the time of a tiny model's step": {"value": 100 * taken[1] / taken[0], "unit": "%"},
        "step of the tiny model, batch 64": {"value": 1e3 * taken[0] / EVENT_STEPS, "unit": "ms"},
    }
    return report, [machine()]


@contextmanager
def session() -> Iterator[Any]:
    """One attempt at a run in a folder that is gone afterwards."""
    from engine.runs.folder import RunFolder
    from engine.runs.lock import RunLock
    from engine.runs.log import EventLog
    from engine.runs.state import RunState
    from engine.worker.session import Session

    with tempfile.TemporaryDirectory() as temporary:
        folder = RunFolder(Path(temporary) / "run")
        folder.control.mkdir(parents=True)
        lock = RunLock.acquire(folder)
        attempt = Session(folder, lock, EventLog.open(folder, 1), RunState(), 1)
        attempt.start()
        yield attempt
        attempt.end(None)
        attempt.close()


def machine() -> str:
    where = torch.cuda.get_device_name() if ON_GPU else f"{torch.get_num_threads()} threads of {os.cpu_count()} cores"
    return f"{where}, load {os.getloadavg()[0]:.1f} at the end, torch {torch.__version__}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--model", type=Path, metavar="FOLDER", help="multilingual-e5-small as transformers saves it")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/xquad-r"), help="folder of XQuAD-R's files")
    parser.add_argument("--workers", type=int, default=2 if ON_GPU else 0, help="of the peer's dataloader")
    parser.add_argument("--turn", type=int, default=TURN, metavar="STEPS", help="steps of a turn")
    parser.add_argument("--events", action="store_true", help="measure what events cost of a step")
    options = parser.parse_args()
    if not options.events and options.model is None:
        parser.error("--model FOLDER or --events")
    with redirect_stdout(sys.stderr):  # the peer prints a summary of its own
        if options.events:
            report, notes = events()
        else:
            report, notes = against_peer(options.model, options.data, options.workers, options.turn)
    if options.json:
        print(json.dumps(report, indent=2))
        print("\n".join(notes), file=sys.stderr)
        return
    for name, row in report.items():
        peer = f"   (peer: {row['peer_value']:.6g}, ratio {row['ratio']:.3g})" if "peer" in row else ""
        print(f"{name}: {row['value']:.6g} {row['unit']}{peer}")
    print("\n".join(notes))


if __name__ == "__main__":
    main()
