"""Processes that each compute one update and encode some texts; what they got lies in OUT afterwards.

``main(OUT)``: one after the other, worlds of one, two and four ranks.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"  # these processes fork
sys.path.insert(0, str(Path(__file__).parents[1] / "training"))

import msgspec
import torch
from small_corpora import make_corpus

from engine.config import BatchConfig, LossConfig, ModelConfig, OptimizerConfig, RunConfig, RuntimeConfig
from engine.distributed.encoding import SharedEncoder, encode_part
from engine.distributed.ranks import TorchRanks
from engine.distributed.store import LOOPBACK, listen
from engine.encoder import load_encoder
from engine.training.trainer import Trainer

WORLDS = (1, 2, 4)
DTYPES = (torch.float64, torch.float32)
BATCH = BatchConfig(mode="cross", size=32)  # of 12 groups: many negatives are masked
CONFIG = RunConfig(
    batch=BATCH,
    loss=LossConfig(learned_temperature=True),
    optimizer=OptimizerConfig(clip=0.0),  # leaves the gradient as it is
)
# Calls of two sequences each, where the engine can split a batch.
SPLIT = msgspec.structs.replace(
    CONFIG,
    runtime=RuntimeConfig(
        **{name: 64 for name in ("tokens_per_micro_batch",) if name in RuntimeConfig.__struct_fields__}
    ),
)
CASES = {"whole": CONFIG, "split": SPLIT}


def main(out: str | Path) -> None:
    out = Path(out)
    torch.set_num_threads(1)
    corpora = [make_corpus("facts", groups=12)]
    texts = [text for corpus in corpora for text in (*corpus.questions, *corpus.passages)]

    def make_encoder():
        return load_encoder(ModelConfig(dropout=0.0), "cpu", texts=texts, seed=0)

    make_encoder()  # whatever is imported on the way is so before the fork
    for world in WORLDS:
        store = listen()
        children = []
        for rank in range(world):
            child = os.fork()
            if child == 0:
                os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(world), "TORCHELASTIC_USE_AGENT_STORE": "True"}
                os.environ |= {"MASTER_ADDR": LOOPBACK, "MASTER_PORT": str(store.port), "GLOO_SOCKET_IFNAME": "lo"}
                work(out / f"{world}-{rank}.pt", corpora, make_encoder)
                os._exit(0)
            children.append(child)
        if any(os.waitpid(child, 0)[1] for child in children):
            sys.exit(f"a rank of {world} failed")


def work(out, corpora, make_encoder) -> None:
    ranks = TorchRanks(torch.device("cpu"))
    found = {"vectors": encode(make_encoder(), ranks, corpora[0].passages)}
    own_float = torch.Tensor.float
    for dtype in DTYPES:
        # The encoder pools in float32, to which it comes back from reduced precision; here nothing may be rounded.
        torch.Tensor.float = own_float if dtype == torch.float32 else (lambda tensor: tensor.double())
        for case, config in CASES.items():
            trainer = Trainer(config, make_encoder().to(dtype), corpora, torch.device("cpu"), ranks=Leaderless(ranks))
            trainer.loss.to(dtype)
            record = trainer.update()
            gradients = {name: parameter.grad for name, parameter in trainer.named_parameters()}
            found[case, dtype] = record.loss, record.grad_norm, record.masked, gradients
            trainer.close()
    torch.save(found, out)


class Leaderless:
    """All ranks update without being told to."""

    def __init__(self, ranks: TorchRanks) -> None:
        self._ranks = ranks

    def __getattr__(self, name):
        return (lambda: None) if name == "lead_update" else getattr(self._ranks, name)


def encode(encoder, ranks: TorchRanks, texts: list[str]):
    if ranks.rank == 0:
        return torch.from_numpy(SharedEncoder(encoder, ranks).encode_passages(texts).vectors)
    encode_part(encoder, ranks, ranks.take()[1])
    return None
