"""All that only a GPU can show, in one command and at most eight minutes on an H100 or H200.

    python benchmarks/gpu.py [--json] [--only PART...]

Each part runs in a process of its own with a time limit of its own; one that fails, or lacks a package, does not stop
the others. Needs torch, transformers, msgspec and numpy; tests need pytest, hypothesis, scipy and sentencepiece too,
the peer sentence-transformers and datasets. Nothing is downloaded: XLM-R-base has random weights, and texts are random
words, 18 tokens a question and 190 a passage.

Without a GPU it runs the checks on tensors without numbers (tests/engine/training/test_fake_gpu.py) and ends with 0.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("PYTORCH_ALLOC_CONF", "expandable_segments:True")

DEVICE = "cuda"
VOCABULARY = 250_002
QUESTION, PASSAGE = 18, 190  # tokens, special ones included
PAIRS = 128
WARM_UP, TURNS, TURN = 5, 5, 9  # steps
FAKE_TESTS = "tests/engine/training/test_fake_gpu.py"

Report = dict[str, dict[str, Any]]


class World:
    """XLM-R-base of random weights, and random texts of two languages for it."""

    def __init__(self, groups: int = PAIRS * 20, **shape: int) -> None:
        import numpy as np
        import torch
        from tokenizers import Tokenizer, models, pre_tokenizers, processors
        from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaModel

        from engine.encoder import DualEncoder
        from engine.encoding_options import EncodingOptions

        words = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3} | {f"w{n}": n for n in range(4, VOCABULARY)}
        tokenizer = Tokenizer(models.WordLevel(words, "<unk>"))
        tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
        )
        self._tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>",
            cls_token="<s>", sep_token="</s>", model_max_length=512,
        )  # fmt: skip
        torch.manual_seed(0)
        config = XLMRobertaConfig(
            vocab_size=VOCABULARY, max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5, pad_token_id=1,
            hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, **shape,
        )  # fmt: skip
        self._network = XLMRobertaModel(config, add_pooling_layer=False)
        self._options = EncodingOptions(
            pooling="mean", query_prefix="", passage_prefix="", max_query_tokens=256, max_passage_tokens=256
        )
        self._encoder = DualEncoder
        draw = np.random.default_rng(0)

        def text(tokens: int) -> str:
            length = draw.integers(tokens * 3 // 4, tokens * 5 // 4, endpoint=True) - 2
            return " ".join(f"w{word}" for word in draw.integers(4, VOCABULARY, length))

        self.groups = groups
        self.questions = [text(QUESTION) for _ in range(2 * groups)]
        self.passages = [text(PASSAGE) for _ in range(2 * groups)]

    def encoder(self, dropout: float = 0.0) -> Any:
        import copy

        network = copy.deepcopy(self._network)
        for module in network.modules():
            if hasattr(module, "p"):
                module.p = dropout
        return self._encoder(network, self._tokenizer, self._options)

    def corpora(self) -> list[Any]:
        import numpy as np

        from engine.data.corpus import ParallelCorpus

        row_of = np.arange(2 * self.groups, dtype=np.int64).reshape(self.groups, 2)
        return [
            ParallelCorpus(
                name="random",
                languages=("de", "en"),
                groups=[f"g{n}" for n in range(self.groups)],
                clusters=[f"c{n}" for n in range(self.groups)],
                row_of=row_of,
                questions=self.questions,
                passages=self.passages,
                passage_ids=[f"p{n}" for n in range(2 * self.groups)],
            )
        ]

    def trainer(
        self, steps: int = WARM_UP + TURNS * TURN, pairs: int = PAIRS, dropout: float = 0.0, **runtime: Any
    ) -> Any:
        import torch

        from engine.config import BatchConfig, LossConfig, OptimizerConfig, RunConfig, RuntimeConfig
        from engine.training.trainer import Trainer

        config = RunConfig(
            batch=BatchConfig(mode="hybrid", size=pairs),
            loss=LossConfig(temperature=0.05, mask_false_negatives=False),
            optimizer=OptimizerConfig(learning_rate=2e-5, weight_decay=0.01, max_steps=steps, clip=1.0),
            runtime=RuntimeConfig(**runtime),
        )
        return Trainer(config, self.encoder(dropout), self.corpora(), torch.device(DEVICE))


def timed(work: Callable[[], object]) -> float:
    import torch

    torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - start


def updates(trainer: Any, steps: int) -> list[Any]:
    return [trainer.update() for _ in range(steps)]


def row(
    value: float, unit: str, peer: str = "", peer_value: float | None = None, ratio: float | None = None
) -> dict[str, Any]:
    compared = {} if peer_value is None else {"peer": peer, "peer_value": peer_value, "ratio": ratio}
    return {"value": value, "unit": unit, **compared}


def product_rate() -> float:
    """FLOP/s of a large matrix product in bfloat16, the best of ten."""
    import torch

    matrix = torch.randn(8192, 8192, device=DEVICE, dtype=torch.bfloat16)
    return 2 * 8192**3 / min(timed(lambda: matrix @ matrix) for _ in range(10))


def training() -> Report:
    """Steps of the engine alone, compiled too, and what the event log takes of them."""
    report: Report = {}
    world = World()
    trainer = world.trainer(WARM_UP + TURNS * TURN)
    records = updates(trainer, WARM_UP)
    seconds = statistics.median(timed(lambda: records.extend(updates(trainer, TURN))) / TURN for _ in range(TURNS))
    rate = statistics.mean(record.flops for record in records[WARM_UP:]) / seconds
    peak = product_rate()
    report["training, XLM-R-base, bfloat16"] = row(PAIRS / seconds, "pairs/s")
    report["model FLOPs of it"] = row(rate / 1e12, "TFLOP/s", "one large matrix product", peak / 1e12, rate / peak)
    report["attention"] = {"value": 1.0, "unit": str(trainer.encoder.attention())}
    report["largest memory"] = row(_peak_gigabytes(), "GB")
    trainer.close()
    return report


def events() -> Report:
    """A step event every tenth of a second must not drain the device: steps that are reported against steps that are
    not, in turns."""
    from training import session  # its session in a folder of its own

    trainer = World().trainer(1000)
    updates(trainer, WARM_UP)
    ratios, seconds = [], []
    with session() as reporting:

        def reported() -> None:
            for _ in range(TURN * 2):
                reporting.record(trainer.update())
                reporting.boundary()

        for _ in range(TURNS):
            plain = timed(lambda: updates(trainer, TURN * 2))
            seconds.append(timed(reported) / TURN / 2)
            ratios.append(seconds[-1] * TURN * 2 / plain)
    trainer.close()
    return {
        "events and commands, of a step's time": row(100 * (statistics.median(ratios) - 1), "%"),
        "a reported step": row(1e3 * statistics.median(seconds), "ms"),
    }


def peer() -> Report:
    """SentenceTransformers' trainer on the same weights and batches of the same sizes, in turns with this engine."""
    import torch
    from training import Peer

    world, steps = World(), WARM_UP + TURNS * TURN
    trainer = world.trainer(steps)
    with tempfile.TemporaryDirectory() as folder:
        world.encoder().save(Path(folder) / "model")
        texts = {"anchor": world.questions[: PAIRS * steps], "positive": world.passages[: PAIRS * steps]}
        while len(texts["anchor"]) < PAIRS * steps:
            texts = {name: column + column for name, column in texts.items()}
        texts = {name: column[: PAIRS * steps] for name, column in texts.items()}
        other = Peer(Path(folder) / "model", trainer.config, texts, workers=2)
        updates(trainer, WARM_UP)
        other.advance(WARM_UP)
        turns = [
            (timed(lambda: updates(trainer, TURN)) / TURN, timed(lambda: other.advance(TURN)) / TURN)
            for _ in range(TURNS)
        ]
        trainer.close()
        torch.cuda.synchronize()
    ours, theirs = (statistics.median(each) for each in zip(*turns, strict=True))
    ratio = statistics.median(slow / fast for fast, slow in turns)
    return {"training beside a peer": row(PAIRS / ours, "pairs/s", other.settings(), PAIRS / theirs, ratio)}


def encoding() -> Report:
    world = World()
    encoder = world.encoder().to(DEVICE)
    rows = encoder.tokenize(world.passages, kind="passage")
    encoder.encode_rows(rows)  # to warm up
    seconds = min(timed(lambda: encoder.encode_rows(rows)) for _ in range(3))
    return {
        "encoding passages": row(len(rows) / seconds, "texts/s"),
        "encoding tokens": row(len(rows.ids) / seconds, "tokens/s"),
    }


def resume() -> Report:
    """Deterministic, with dropout: four steps are four steps, also where a checkpoint lies between them."""
    from engine.training.checkpoint import load_checkpoint, save_checkpoint
    from engine.worker.loading import set_up_torch

    world, runtime = World(PAIRS * 2, num_hidden_layers=4), {"deterministic": True}
    from engine.config import RuntimeConfig

    set_up_torch(RuntimeConfig(deterministic=True))
    whole = world.trainer(4, 32, dropout=0.1, **runtime)
    losses = [record.loss for record in updates(whole, 2)]
    with tempfile.TemporaryDirectory() as folder:
        saved = save_checkpoint(whole, Path(folder), keep=1)
        losses = [record.loss for record in updates(whole, 2)]
        resumed = world.trainer(4, 32, dropout=0.1, **runtime)
        load_checkpoint(resumed, saved.path)
        again = [record.loss for record in updates(resumed, 2)]
    equal = losses == again and whole.encoder.digests() == resumed.encoder.digests()
    for trainer in (whole, resumed):
        trainer.close()
    return {
        "resumed bit for bit": row(float(equal), "1: yes"),
        "checkpoint": row(saved.bytes / saved.seconds / 1e9, "GB/s"),
    }


def float16() -> Report:
    world = World(PAIRS * 4)
    report: Report = {}
    losses = {}
    for precision in ("bfloat16", "float16"):
        trainer = world.trainer(30, precision=precision)
        records = updates(trainer, 10)
        seconds = timed(lambda trainer=trainer: updates(trainer, 10)) / 10
        losses[precision] = records[-1].loss
        report[f"training in {precision}"] = row(PAIRS / seconds, "pairs/s")
        trainer.close()
        skipped = trainer.skipped.state()[0]
        del trainer
        gc.collect()
    report["float16: updates left out of 20"] = row(skipped, "")
    report["loss of step 10 in float16"] = row(
        losses["float16"], "", "bfloat16", losses["bfloat16"], losses["float16"] / losses["bfloat16"]
    )
    return report


def gradient_checkpointing() -> Report:
    import torch

    world, memory, seconds = World(PAIRS * 4), {}, {}
    for chosen in (False, True):
        torch.cuda.reset_peak_memory_stats()
        trainer = world.trainer(30, gradient_checkpointing=chosen)
        updates(trainer, WARM_UP)
        seconds[chosen] = timed(lambda trainer=trainer: updates(trainer, TURN)) / TURN
        memory[chosen] = _peak_gigabytes()
        trainer.close()
        del trainer
        gc.collect()
        torch.cuda.empty_cache()
    return {
        "memory with gradient checkpointing": row(
            memory[True], "GB", "without", memory[False], memory[True] / memory[False]
        ),
        "step with gradient checkpointing": row(
            1e3 * seconds[True], "ms", "without", 1e3 * seconds[False], seconds[True] / seconds[False]
        ),
    }


def out_of_memory() -> Report:
    """A device with too little memory for a batch: found before the first update, or survived in the middle."""
    import torch

    world = World(PAIRS * 4)
    trainer = world.trainer(30)
    updates(trainer, 3)
    needed = torch.cuda.max_memory_reserved()
    trainer.close()
    del trainer
    gc.collect()
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    trainer = world.trainer(30)
    torch.cuda.set_per_process_memory_fraction(0.75 * needed / total)
    trainer.fit_into_memory()
    fitted = trainer.tokens_per_micro_batch
    records = updates(trainer, 3)
    said = [note for record in records for note in record.notes]
    torch.cuda.set_per_process_memory_fraction(1.0)
    trainer.tokens_per_micro_batch = 0
    updates(trainer, 2)
    torch.cuda.empty_cache()  # what it holds already, the limit does not take away
    torch.cuda.set_per_process_memory_fraction(0.75 * needed / total)
    later = updates(trainer, 1)[0]
    lowered = trainer.tokens_per_micro_batch
    torch.cuda.set_per_process_memory_fraction(1.0)
    trainer.close()
    print("\n".join([*said, *later.notes]), file=sys.stderr)
    return {
        "memory of a batch": row(needed / 1e9, "GB"),
        "micro-batch found before the first update, with 3/4 of that": row(fitted, "tokens"),
        "updates that ran out of memory after it": row(sum("out of memory" in note for note in said), ""),
        "micro-batch found in the middle of a run": row(lowered, "tokens"),
    }


def telemetry() -> Report:
    import torch

    from engine.worker.telemetry import Telemetry, peak_flops

    device = torch.device(DEVICE)
    sampler = Telemetry("GPU0", device, peak_flops(device, torch.bfloat16))
    seconds = timed(sampler.sample)
    sample = sampler.sample()
    return {
        "a sample of telemetry": row(1e3 * seconds, "ms"),
        "memory in use, as telemetry has it": row((sample.memory_used or 0) / 1e9, "GB"),
        f"peak, by {sample.peak_source}": row((sample.peak_flops or 0) / 1e12, "TFLOP/s"),
    }


def _peak_gigabytes() -> float:
    import torch

    return torch.cuda.max_memory_allocated() / 1e9


def tests() -> Report:
    """The tests that are marked ``cuda``, each of which is skipped on other machines."""
    # Only their files: others need packages that a bare image lacks.
    files = [str(path) for path in sorted((ROOT / "tests").rglob("test_*.py")) if "mark.cuda" in path.read_text()]
    return _pytest("tests marked cuda", ["-m", "cuda", *files])


def fake() -> Report:
    return _pytest("checks on tensors without numbers", [FAKE_TESTS])


def _pytest(what: str, arguments: list[str]) -> Report:
    import pytest

    class Counter:
        passed = failed = skipped = 0

        def pytest_runtest_logreport(self, report: Any) -> None:
            if report.when == "call" or report.outcome != "passed":
                setattr(self, report.outcome, getattr(self, report.outcome) + 1)

    counter = Counter()
    status = pytest.main(["-q", "-p", "no:cacheprovider", "--rootdir", str(ROOT), *arguments], plugins=[counter])
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise RuntimeError(f"pytest ended with {status!r}")
    return {f"{what}: {name}": row(getattr(counter, name), "") for name in ("passed", "failed", "skipped")}


# Seconds that each may take. Together more than eight minutes; what they do take is less than half of it.
PARTS: dict[str, tuple[Callable[[], Report], int]] = {
    "tests": (tests, 90),
    "training": (training, 60),
    "peer": (peer, 120),
    "events": (events, 60),
    "encoding": (encoding, 45),
    "resume": (resume, 60),
    "float16": (float16, 60),
    "gradient_checkpointing": (gradient_checkpointing, 60),
    "out_of_memory": (out_of_memory, 60),
    "telemetry": (telemetry, 30),
}
SECONDS = 480  # of all


def run_part(name: str, limit: float) -> Report:
    """In a process of its own; a failure is a row too."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "report.json"
        command = [sys.executable, __file__, "--part", name, "--out", str(answer)]
        start = time.perf_counter()
        try:
            done = subprocess.run(command, cwd=ROOT, timeout=limit, capture_output=True, text=True, check=False)
        except subprocess.TimeoutExpired:
            return {name: {"value": limit, "unit": "s", "failed": "took longer"}}
        seconds = time.perf_counter() - start
        if done.returncode != 0 or not answer.exists():
            lines = (done.stderr.strip() or done.stdout.strip() or f"status {done.returncode}").splitlines()
            print(done.stdout[-4000:], done.stderr[-4000:], sep="\n", file=sys.stderr)
            return {name: {"value": seconds, "unit": "s", "failed": lines[-1]}}
        print(done.stdout[-2000:], file=sys.stderr, end="")
        report: Report = json.loads(answer.read_text())
        return report


def has_gpu() -> bool:
    """Asked in another process: this one is to hold no memory of the device."""
    code = "import sys, torch; sys.exit(0 if torch.cuda.is_available() else 1)"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--part", choices=[*PARTS, "fake"], help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        part = fake if options.part == "fake" else PARTS[options.part][0]
        options.out.write_text(json.dumps(part()))
        return
    report: Report = {}
    if has_gpu():
        end = time.monotonic() + SECONDS
        for name in options.only or PARTS:
            print(f"{name} ...", file=sys.stderr)
            report |= run_part(name, max(1.0, min(PARTS[name][1], end - time.monotonic())))
    else:
        print("no GPU here: only the checks on tensors without numbers are run", file=sys.stderr)
        report |= run_part("fake", 240)
    if options.json:
        print(json.dumps(report, indent=2))
        return
    for name, measured in report.items():
        compared = (
            f"   ({measured['peer']}: {measured['peer_value']:.6g}, ratio {measured['ratio']:.3g})"
            if "peer" in measured
            else ""
        )
        failed = f"   FAILED: {measured['failed']}" if "failed" in measured else ""
        print(f"{name:<64} {measured['value']:>12.6g} {measured['unit']}{compared}{failed}")


if __name__ == "__main__":
    main()
