"""Folders of small random models, as transformers saves the real ones."""

import json
import string
from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = ["the", "house", "water", "haus", "wasser", "дом", "вода", "水", "ab"]
SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}


def word_pieces(*, lower: bool = True) -> PreTrainedTokenizerFast:
    letters = [*string.ascii_letters]
    tokens = [*SPECIAL, *WORDS, *letters, *(f"##{letter}" for letter in letters), *"0123456789.,!?:"]
    tokenizer = Tokenizer(models.WordPiece({token: index for index, token in enumerate(tokens)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lower)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), SPECIAL, strict=True))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=64, **names)


def unigrams(begin: str = "<s>", end: str = "</s>") -> PreTrainedTokenizerFast:
    """As XLM-R has it, with a normaliser that transformers would not guess."""
    tokens = ["<s>", "<pad>", "</s>", "<unk>", *(f"▁{word}" for word in WORDS), *"▁abcdehorstuw", "<mask>"]
    tokenizer = Tokenizer(models.Unigram([(token, -float(index)) for index, token in enumerate(tokens)], unk_id=3))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A {end}".split(),
        pair=f"{begin} $A {end} $B {end}".split(),
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        cls_token="<s>",
        sep_token="</s>",
        mask_token="<mask>",
        model_max_length=64,
    )


def byte_pairs(end: str = "", **names: str) -> PreTrainedTokenizerFast:
    """As decoders have it; ``end``: what its post-processor appends."""
    tokens = ["<s>", "</s>", "<|end|>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    tokenizer = Tokenizer(models.BPE({token: index for index, token in enumerate(tokens)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {end}".split(),
        pair=f"$A {end} $B {end}".split(),
        special_tokens=[("<s>", 0), ("</s>", 1), ("<|end|>", 2)],
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=64, **names)


def save(folder: Path, model, tokenizer) -> Path:
    model.save_pretrained(folder)
    if tokenizer is not None:
        tokenizer.save_pretrained(folder)
    return folder


def bert(folder: Path, *, tokenizer=None, kind=transformers.BertModel, seed: int = 0, **config) -> Path:
    tokenizer = word_pieces() if tokenizer is None else tokenizer
    torch.manual_seed(seed)
    settings = {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id, "max_position_embeddings": 64}
    return save(folder, kind(transformers.BertConfig(**{**SIZES, **settings, **config})), tokenizer)


def decoder(folder: Path, tokenizer, kind: str = "Llama") -> Path:
    torch.manual_seed(0)
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=len(tokenizer), num_key_value_heads=1, max_position_embeddings=64, **SIZES
    )
    return save(folder, getattr(transformers, f"{kind}Model")(config), tokenizer)


def edit(path: Path, **values) -> None:
    """Sets the keys of a JSON file; None takes a key away."""
    content = json.loads(path.read_text()) if path.exists() else {}
    content.update(values)
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))
