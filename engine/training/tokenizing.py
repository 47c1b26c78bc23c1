"""From the sources of a run to what its batches are made of: small ones in memory, others through the token cache."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from engine.data.cache import cache_folder
from engine.data.corpus import ParallelCorpus, corpus_digest
from engine.encoder.encoder import Kind
from engine.encoder.tokens import TokenRows
from engine.progress import Counter, Tick
from engine.training.token_cache import entry_key, tokenize_stored
from engine.training.tokenized import TokenizedCorpus, text_columns, tokenize_in_memory

SMALL = 10_000  # texts that are tokenised sooner than an entry of the cache is written

logger = logging.getLogger(__name__)


class Tokenizing(Protocol):
    """The side of engine.encoder.DualEncoder that is needed here."""

    def tokenize(self, texts: Sequence[str], contexts: Sequence[str] | None = None, *, kind: Kind) -> TokenRows: ...

    def tokenization(self) -> Mapping[str, Any]: ...

    def skipping(self, rows: TokenRows, kind: Kind) -> TokenRows: ...


def tokenized_corpora(
    corpora: Sequence[ParallelCorpus | TokenizedCorpus],
    encoder: Tokenizing,
    *,
    negatives: bool = False,
    tick: Tick | None = None,
) -> list[TokenizedCorpus]:
    """Tokenises what is not tokenised yet, hard negatives where they are wanted.

    ``tick("tokenising", done, total)`` counts texts, also while another process does the work. It may raise to abandon;
    what is done by then need not be done again.

    Raises:
        OSError: no space for the cache, or a source failed to be read.
    """
    totals = [_texts(corpus, negatives=negatives) for corpus in corpora]
    counter = Counter(tick, "tokenising", sum(totals))
    done = []
    for corpus, total in zip(corpora, totals, strict=True):
        if isinstance(corpus, TokenizedCorpus):
            done.append(corpus)
            continue
        done.append(_tokenized(corpus, encoder, total, negatives=negatives, counter=counter))
    return done


def _tokenized(
    corpus: ParallelCorpus, encoder: Tokenizing, total: int, *, negatives: bool, counter: Counter
) -> TokenizedCorpus:
    def tokenize(texts: Sequence[str], contexts: Sequence[str] | None, kind: Kind) -> TokenRows:
        return encoder.tokenize(texts, contexts, kind=kind)

    if total > SMALL:
        try:
            root = cache_folder() / "tokens"
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            logger.warning("texts are tokenised in memory, without a cache: %s", error)
        else:
            key = entry_key(corpus.digest or corpus_digest(corpus), encoder.tokenization(), negatives=negatives)
            stored = tokenize_stored(corpus, tokenize, root / key, negatives=negatives, counter=counter)
            return _skipping(stored, encoder)
    return tokenize_in_memory(corpus, tokenize, negatives=negatives, counter=counter)


def _skipping(corpus: TokenizedCorpus, encoder: Tokenizing) -> TokenizedCorpus:
    """Rows from the cache, with the tokens of prompts marked that are not pooled: the cache does not know of them."""
    negatives = corpus.negatives
    if negatives is not None:
        negatives = replace(negatives, rows=encoder.skipping(negatives.rows, "passage"))
    return replace(
        corpus,
        questions=encoder.skipping(corpus.questions, "query"),
        passages=encoder.skipping(corpus.passages, "passage"),
        negatives=negatives,
    )


def _texts(corpus: ParallelCorpus | TokenizedCorpus, *, negatives: bool) -> int:
    if isinstance(corpus, TokenizedCorpus):
        return 0
    return sum(len(column.texts) for column in text_columns(corpus, negatives=negatives))
