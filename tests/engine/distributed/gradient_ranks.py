"""Processes that each compute updates and encode some texts; what they got lies in OUT afterwards.

``main(OUT)``: worlds of one to four ranks, one after the other; of two also with sharded weights.
"""

from __future__ import annotations

import os
import sys
import traceback
from datetime import timedelta
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"  # these processes fork
sys.path.insert(0, str(Path(__file__).parents[1] / "training"))

import contextlib
import copy

import msgspec
import torch
import torch.distributed as dist
from small_corpora import make_corpus

from engine.config import (
    BatchConfig,
    ConfigError,
    LoraConfig,
    LossConfig,
    ModelConfig,
    OptimizerConfig,
    RunConfig,
    RuntimeConfig,
)
from engine.distributed import mesh as meshes
from engine.distributed.control import Action, Follower
from engine.distributed.encode import SharedEncoder, help_encoding
from engine.distributed.mesh import Mesh
from engine.encoder import load_encoder
from engine.training.checkpoint import load_checkpoint, save_checkpoint
from engine.training.errors import NonFiniteError
from engine.training.ranks import Alone
from engine.training.trainer import Trainer

WORLDS = ((1, "replicate"), (2, "replicate"), (3, "replicate"), (4, "replicate"), (2, "shard"))
BATCH = BatchConfig(mode="cross", size=36)  # of 12 groups: many negatives are masked
CONFIG = RunConfig(
    batch=BATCH,
    loss=LossConfig(learned_temperature=True),
    optimizer=OptimizerConfig(learning_rate=1e-3, clip=0.0),  # leaves the gradient as it is
)


def with_runtime(**values) -> RunConfig:
    return msgspec.structs.replace(CONFIG, runtime=RuntimeConfig(**values))


CASES = {
    "whole": CONFIG,
    "split": with_runtime(tokens_per_micro_batch=64),  # calls of two sequences each
    "recomputed": with_runtime(tokens_per_micro_batch=128, gradient_checkpointing=True),
    "clipped": msgspec.structs.replace(CONFIG, optimizer=OptimizerConfig(learning_rate=1e-3, clip=0.5)),
    "adapted": msgspec.structs.replace(
        CONFIG,
        lora=LoraConfig(rank=2),
        optimizer=OptimizerConfig(learning_rate=1e-3, clip=0.0, ema_decay=0.9),
    ),
    "float16": with_runtime(precision="float16"),
    "frozen": msgspec.structs.replace(CONFIG, model=ModelConfig(freeze_embeddings=True)),
}
KEYS = [("whole", torch.float64), ("split", torch.float64), *((case, torch.float32) for case in CASES)]
REPLICATED = ("adapted", "float16")  # what needs whole weights on every rank


def keys_of(world: int, parallel: str):
    """Those of a world; the larger ones have few, for each rank of them is a process."""
    if world > 2:
        return [("whole", torch.float64), ("split", torch.float32)]
    return [key for key in KEYS if parallel == "replicate" or key[0] not in REPLICATED]


def main(out: str | Path) -> None:
    out = Path(out)
    torch.set_num_threads(1)
    corpora = [make_corpus("facts", groups=12)]
    texts = [text for corpus in corpora for text in (*corpus.questions, *corpus.passages)]

    encoders = {
        frozen: load_encoder(ModelConfig(dropout=0.0, freeze_embeddings=frozen), "cpu", texts=texts, seed=0)
        for frozen in (False, True)
    }

    def make_encoder(freeze_embeddings=False):
        return copy.deepcopy(encoders[freeze_embeddings])

    for world, parallel in WORLDS:
        if world == 1:
            work(Alone(), out / "1-replicate-0.pt", corpora, make_encoder)
            continue
        store = dist.TCPStore(
            "127.0.0.1", 0, is_master=True, wait_for_workers=False, timeout=timedelta(minutes=3), multi_tenant=True
        )
        children = []
        for rank in range(world):
            child = os.fork()
            if child == 0:
                os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(world), "TORCHELASTIC_USE_AGENT_STORE": "True"}
                os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(store.port), "GLOO_SOCKET_IFNAME": "lo"}
                status = 1
                try:
                    memory = 10**12 if parallel == "replicate" else 10**6
                    meshes.memory_of = lambda _, memory=memory: memory
                    mesh = Mesh(torch.device("cpu"), "auto")
                    work(mesh, out / f"{world}-{parallel}-{rank}.pt", corpora, make_encoder)
                    refused = refuses_unequal_weights(mesh, make_encoder)
                    mesh.close()
                    status = 0 if refused else 2
                except BaseException:
                    traceback.print_exc()
                finally:
                    sys.stderr.flush()
                    os._exit(status)
            children.append(child)
        if any(os.waitpid(child, 0)[1] for child in children):
            sys.exit(f"a rank of {world} failed ({parallel})")


def refuses_unequal_weights(mesh: Mesh, make_encoder) -> bool:
    encoder = make_encoder()
    if mesh.rank == 1:
        next(encoder.parameters()).data[0, 0] += 1
    try:
        mesh.adopt(encoder)
    except ConfigError as error:
        return "rank 1 has loaded other weights or another tokenizer than rank 0" in str(error)
    return False


def work(ranks: Mesh | Alone, file: Path, corpora, make_encoder) -> None:
    values = {}
    own_float = torch.Tensor.float
    for case, dtype in keys_of(*(int(part) if part.isdecimal() else part for part in file.stem.split("-")[:2])):
        config = CASES[case]
        # The encoder pools in float32, to which it comes back from reduced precision; here nothing may be rounded.
        torch.Tensor.float = own_float if dtype == torch.float32 else (lambda tensor: tensor.double())
        encoder = make_encoder(freeze_embeddings=config.model.freeze_embeddings)
        trainer = Trainer(config, encoder.to(dtype), corpora, torch.device("cpu"), ranks=ranks)
        trainer.loss.to(dtype)
        record = trainer.update()
        gradients = {name: whole(parameter.grad) for name, parameter in trainer.named_parameters()
                     if parameter.grad is not None}  # fmt: skip
        assert trainer.is_finite()
        values[case, dtype] = record.loss, record.grad_norm, record.masked, gradients
        trainer.close()
    torch.Tensor.float = own_float
    values |= trained(ranks, file.parent, corpora, make_encoder)
    values["nonfinite"] = nonfinite(ranks, corpora, make_encoder)
    torch.save(values, file)


def trained(ranks: Mesh | Alone, out: Path, corpora, make_encoder):
    """What an encoder gives, what a rank holds after two updates, and what trainers from checkpoints do next."""
    trainer = Trainer(CONFIG, make_encoder(), corpora, torch.device("cpu"), ranks=ranks)
    folder = out / f"{ranks.world}-{'shard' if trainer.ranks.is_sharded else 'replicate'}"
    vectors = None
    if ranks.rank:
        follow(trainer, ranks)
    else:
        shared = SharedEncoder(trainer.encoder, ranks) if isinstance(ranks, Mesh) else trainer.encoder
        vectors = torch.from_numpy(shared.encode_passages(corpora[0].passages).vectors)
        with contextlib.suppress(InterruptedError):
            shared.encode_passages(corpora[0].passages, None, abandon)
        go(ranks)
    for _ in range(2):
        trainer.update()
    if ranks.rank:
        follow(trainer, ranks)
    else:
        save_checkpoint(trainer, folder, keep=1)
        go(ranks)
    held = sum(local(tensor).nbytes for tensor in held_by(trainer))
    after = trainer.update().loss
    # One after the other: the ranks share one encoder at a time.
    resumed = Trainer(CONFIG, make_encoder(), corpora, torch.device("cpu"), ranks=ranks)
    load_checkpoint(resumed, next(folder.glob("step-*")))
    same = resumed.update().loss == after
    same = same and all(
        torch.equal(local(a), local(b))
        for (_, a), (_, b) in zip(trainer.named_parameters(), resumed.named_parameters(), strict=True)
    )
    of_one = Trainer(CONFIG, make_encoder(), corpora, torch.device("cpu"), ranks=ranks)
    load_checkpoint(of_one, next((out / "1-replicate").glob("step-*")))
    of_one.update()
    weights = [
        torch.cat([whole(p.detach()).flatten() for p in each.encoder.parameters()]) for each in (trainer, of_one)
    ]
    for each in (trainer, resumed, of_one):
        each.close()
    off = float((weights[0] - weights[1]).norm() / weights[0].norm())
    return {"vectors": vectors, "bytes": held, "resumed": same, "of_one": off}


def nonfinite(ranks: Mesh | Alone, corpora, make_encoder):
    """(what ``check`` raises after each of four updates, whether the last three changed a weight, updates left out)."""
    exploding = OptimizerConfig(learning_rate=1e30, max_nonfinite=3)  # after it, every product of weights overflows
    config = msgspec.structs.replace(CONFIG, optimizer=exploding)
    trainer = Trainer(config, make_encoder(), corpora, torch.device("cpu"), ranks=ranks)
    raised, weights = [], []
    for _ in range(4):
        trainer.update()
        weights.append([local(p.detach()).clone() for _, p in trainer.named_parameters()])
        try:
            trainer.check(weights=True)
            raised.append(None)
        except NonFiniteError as error:
            raised.append(str(error))
    trainer.close()
    changed = any(not torch.equal(a, b) for later in weights[1:] for a, b in zip(weights[0], later, strict=True))
    return raised, changed, trainer.skipped.count


def go(ranks: Mesh | Alone) -> None:
    if isinstance(ranks, Mesh):
        ranks.control.tell(Action.GO)


def abandon(what, done, total):
    raise InterruptedError


def follow(trainer: Trainer, mesh: Mesh) -> None:
    def carry_out(action, argument):
        if action is Action.ENCODE:
            help_encoding(trainer.encoder, mesh, carry_out)
        elif action is Action.WEIGHTS:
            with trainer.ranks.whole(trainer.encoder):
                pass
        else:
            trainer.ranks.whole_tensors(trainer.optimizer_state().values())

    Follower(trainer, mesh.control, carry_out).follow()


def held_by(trainer: Trainer):
    """Parameters, their gradients and AdamW's moments, of the encoder alone."""
    for parameter in trainer.encoder.parameters():
        yield parameter
        yield parameter.grad
        yield from (value for value in trainer.optimizer.state[parameter].values() if value.ndim)


def whole(tensor):
    return tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor


def local(tensor):
    return tensor.to_local() if hasattr(tensor, "to_local") else tensor
