"""The "tiny" model: a 2-layer BERT and a Unigram tokenizer, both made on the spot from a run's own texts.

It downloads nothing and trains in seconds on a CPU, for the demonstration run and for tests. Equal texts in
equal order and an equal seed give the same bytes in every process.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
import torch
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

VOCABULARY = 8000  # at most; a small corpus has fewer pieces
SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
MAX_POSITIONS = 512
_LONGEST_PIECE = 16  # characters, sentencepiece's own limit
_CODE_POINTS = sys.maxunicode + 1

# Fixed, whatever the number of cores: sums of floats depend on how sentences are divided among threads.
_TRAINER_THREADS = 2


def build_tiny(texts: Iterable[str], seed: int, dropout: float) -> tuple[BertModel, PreTrainedTokenizerFast]:
    """A randomly initialised encoder and its tokenizer, trained on ``texts``."""
    tokenizer = train_tokenizer(texts)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,  # a usual 512 takes two thirds longer, for .02 of mAP at most on the built-in corpus
        max_position_embeddings=MAX_POSITIONS,
        pad_token_id=tokenizer.pad_token_id,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = BertModel(config, add_pooling_layer=False)
    return model, tokenizer


def train_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """A Unigram tokenizer (Kudo 2018) of at most ``VOCABULARY`` pieces.

    Trained by sentencepiece: the trainer in `tokenizers` walks a randomly seeded hash map and returns another
    vocabulary in every process. Words are split at spaces and punctuation, and punctuation is left out, as in a search
    engine: a name is the same piece in quotation marks, before a colon and in the open, and a text is a fifth shorter.
    Chinese and Thai, written without spaces, are cut by the pieces themselves.
    """
    import sentencepiece  # this model alone needs it

    normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(Regex(r"[\s\p{Cc}\p{P}]+"), " "), normalizers.Strip()]
    )
    sentences = [normalizer.normalize_str(text) for text in texts]
    words = Counter(f"▁{word}" for sentence in sentences for word in sentence.split())
    model = io.BytesIO()
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".tsv") as seeds:
        seeds.writelines(f"{piece}\t{count}\n" for piece, count in frequent_substrings(words))
        seeds.flush()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sentences),
            model_writer=model,
            model_type="unigram",
            seed_sentencepieces_file=seeds.name,
            vocab_size=VOCABULARY - len(SPECIAL_TOKENS) + 1,  # + 1: its own unknown token
            hard_vocab_limit=False,
            character_coverage=1.0,
            normalization_rule_name="identity",
            max_sentence_length=1 << 20,
            num_threads=_TRAINER_THREADS,
            bos_id=-1,
            eos_id=-1,
            minloglevel=2,
        )
    trained = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    pieces = [
        (trained.id_to_piece(index), trained.get_score(index))
        for index in range(len(trained))
        if not trained.is_unknown(index)
    ]
    backend = Tokenizer(models.Unigram([*((token, 0.0) for token in SPECIAL_TOKENS), *pieces], unk_id=1))
    backend.normalizer = normalizer
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.add_special_tokens(list(SPECIAL_TOKENS))
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A",  # [SEP] only separates: a text by itself is a token shorter
        pair="[CLS] $A [SEP] $B:1",
        special_tokens=[(token, backend.token_to_id(token)) for token in ("[CLS]", "[SEP]")],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_max_length=MAX_POSITIONS,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def frequent_substrings(words: Mapping[str, int]) -> list[tuple[str, int]]:
    """(substring, occurrences) of all characters and of substrings that occur twice, those that cover most text first.

    They replace the seeds of sentencepiece, the branching nodes of a suffix tree. A word that is always followed by the
    same word is no such node, so texts made from templates would fall into single characters, twice as many tokens.
    """
    letters = "".join(words)
    codes = np.frombuffer(letters.encode("utf-32-le"), np.uint32).astype(np.int64)
    sizes = np.fromiter(map(len, words), np.int64, len(words))
    ends = np.repeat(sizes.cumsum(), sizes)  # [characters] of the word that a character is in
    counts = np.repeat(np.fromiter(words.values(), np.int64, len(words)), sizes)
    starts, piece_of = np.arange(len(codes)), np.zeros(len(codes), np.int64)
    pieces: list[tuple[str, int]] = []
    for length in range(1, _LONGEST_PIECE + 1):
        # A piece is known by the piece without its last letter, and that letter.
        pairs = piece_of * _CODE_POINTS + codes[starts + length - 1]
        _, first, piece_of = np.unique(pairs, return_index=True, return_inverse=True)
        occurrences = np.bincount(piece_of, counts[starts]).astype(np.int64)
        frequent = (occurrences > 1) | (length == 1)
        counted = zip(starts[first[frequent]].tolist(), occurrences[frequent].tolist(), strict=True)
        pieces += [(letters[start : start + length], count) for start, count in counted]
        # A piece that occurs once has no longer form that occurs twice.
        goes_on = (occurrences[piece_of] > 1) & (starts + length < ends[starts])
        starts, piece_of = starts[goes_on], piece_of[goes_on]
    return sorted(pieces, key=lambda piece: (-piece[1] * len(piece[0]), piece[0]))
