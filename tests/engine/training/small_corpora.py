"""Small parallel corpora: complete ones and ones with gaps."""

import numpy as np

from engine.data.corpus import ParallelCorpus


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
