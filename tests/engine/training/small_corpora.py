"""Small parallel corpora: complete ones and ones with gaps."""

import numpy as np

from engine.data.corpus import ParallelCorpus
from engine.encoder.tokens import TokenRows
from engine.training.tokenized import TokenizedCorpus, tokenize_in_memory


def make_corpus(name="facts", groups=40, languages=("de", "en", "th"), gaps=(), weight=1.0):
    """Group g in language l is one row; ``gaps`` are (group, language) that are missing."""
    row_of = np.full((groups, len(languages)), -1, dtype=np.int64)
    questions, passages, ids = [], [], []
    for group in range(groups):
        for index, language in enumerate(languages):
            if (group, language) in gaps:
                continue
            row_of[group, index] = len(questions)
            questions.append(f"{language}: which coin is paid in place {group}?")
            passages.append(f"{language}: the people of place {group} pay with coin {group * 7 % 31}, they say.")
            ids.append(f"{language}:p:{name}.{group:04d}")
    return ParallelCorpus(
        name=name,
        languages=tuple(languages),
        groups=[f"{name}-{group}" for group in range(groups)],
        clusters=[f"{name}-{group // 4}" for group in range(groups)],
        row_of=row_of,
        questions=questions,
        passages=passages,
        passage_ids=ids,
        weight=weight,
    )


def one_token_a_word(texts, contexts, kind):
    """A tokenizer that needs no training; questions and passages differ in their first token."""
    pairs = contexts if contexts is not None else [""] * len(texts)
    rows = [
        [kind == "query", *(sum(word.encode()) for word in f"{text} {context}".split())]
        for text, context in zip(texts, pairs, strict=True)
    ]
    offsets = np.cumsum([0, *map(len, rows)], dtype=np.int64)
    return TokenRows(np.array([token for row in rows for token in row], np.int32), offsets)


def tokenized(corpus, *, negatives=False) -> TokenizedCorpus:
    return tokenize_in_memory(corpus, one_token_a_word, negatives=negatives)
