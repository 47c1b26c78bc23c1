"""What summary.json holds: an evaluation's numbers and the protocol that gives them their meaning."""

from __future__ import annotations

import msgspec

from engine.events import EvaluationResult

METRICS = (
    "map_monolingual",
    "map_crosslingual",
    "map_multilingual",
    "recall_at_1_monolingual",
    "recall_at_1_crosslingual",
    "recall_at_10_multilingual",
    "rank_distance",
    "ndcg_at_10",
    "recall_at_100",
)

RANK_DISTANCE_NULL = "rank_distance_null"  # beside the metrics, and without bounds: what rank_distance is held against

TIE_RULE = "equal scores rank by descending passage id (trec_eval)"
SCORE = "dot product of L2-normalised vectors, float32"
DOT_SCORE = "dot product of the vectors as they are, float32"


class EncodingProtocol(msgspec.Struct, frozen=True, kw_only=True):
    """How the texts became vectors. Empty or null where a result is from before this was recorded."""

    pooling: str
    query_prefix: str
    passage_prefix: str
    max_query_tokens: int | None  # special tokens included; None: no limit
    max_passage_tokens: int | None
    include_prompt: bool | None = None  # whether tokens of the prefix are pooled too
    lower_case: bool | None = None
    similarity: str = "cosine"
    truncate_dim: int | None = None  # only the first so many dimensions; None: all
    origins: dict[str, str] = {}  # who set each of the above: "config", "model" or "default"
    modules: str = ""  # from text to vector, in words
    revision: str | None = None  # the commit of a model of the hub
    precision: str = ""  # of matrix products: float32, tf32, bfloat16 or float16
    tf32: bool | None = None  # whether float32 products on CUDA ran in TF32; None: not on CUDA
    attention: str = ""  # how sequences are laid out and which kernel computes them
    truncated_queries: int  # distinct texts that were longer
    truncated_passages: int
    model_digest: str
    tokenizer_digest: str


class EvaluationProtocol(EncodingProtocol, frozen=True, kw_only=True):
    """Everything a reader must know to compare a number with another."""

    unit: str  # what a candidate is
    pool: str  # what the pool holds
    data_digest: str
    tie_rule: str = TIE_RULE
    ties: int  # relevant passages whose score another candidate shares
    score: str = SCORE
    cutoff: int | None = None  # None: the full ranking
    averaging: str = "metrics and matrix: mean over queries, then over languages; micro: over queries"


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """Metrics if tied candidates stood in the best, or in the worst, order."""

    optimistic: dict[str, float | None]
    pessimistic: dict[str, float | None]


class Summary(EvaluationResult, frozen=True, kw_only=True):
    """An evaluation's result, with what is too much for an event."""

    benchmark: str
    micro: dict[str, float | None]
    bounds: Bounds
    protocol: EvaluationProtocol
