"""A small random model of every family of the field, written by SentenceTransformer with the modules of the real one.

Weights are far enough from their usual starts that a wrong pooling, a missing Dense or a padded position shows.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import transformers as tf
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

WORDS = (
    "the house of the river where is what year city school bank", "das haus am fluss wo ist was jahr stadt schule bank",
    "дом реки где что год город школа банк", "房子 河流 哪里 什么 城市 学校 银行", "บ้าน แม่น้ำ เมือง โรงเรียน ธนาคาร",
    "بيت نهر أين مدينة مدرسة بنك", "घर नदी कहाँ शहर स्कूल बैंक",
)  # fmt: skip
TEXTS = [
    " ".join(words[(start + step) % len(words)] for step in range(length)) + end
    for words in (line.split() for line in WORDS)
    for start, length, end in ((0, 3, "?"), (1, 9, "."), (2, 90, ""))
]
SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
DECODER = {**SIZES, "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 2048}
ROBERTA = {**SIZES, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "type_vocab_size": 1}
T5 = {"d_model": 32, "d_kv": 16, "d_ff": 48, "num_layers": 2, "num_heads": 2, "pad_token_id": 0, "eos_token_id": 1}
INSTRUCTION = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"


@dataclass(frozen=True)
class Dense:
    """SentenceTransformers' Dense module."""

    inputs: int
    outputs: int
    activation: Callable[[], torch.nn.Module] = torch.nn.Tanh
    bias: bool = True


@dataclass(frozen=True)
class Family:
    """One model of the field; ``network`` takes the size of the vocabulary."""

    name: str
    network: Callable[[int], Any]
    tokenizer: Callable[[], Any]
    pooling: str = "mean"
    head: Sequence[Dense | str] = ("normalize",)
    prompts: dict[str, str] = field(default_factory=dict)
    longest: int = 512

    def write(self, folder: Path) -> Path:
        """Has SentenceTransformer save the model in ``folder``."""
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer import modules as parts

        tokenizer = self.tokenizer()
        network = shaken(self.network(len(tokenizer)))
        with tempfile.TemporaryDirectory() as plain:
            network.save_pretrained(plain)
            tokenizer.save_pretrained(plain)
            body = parts.Transformer(plain, max_seq_length=self.longest)
        modules = [body, parts.Pooling(body.get_embedding_dimension(), self.pooling)]
        for part in self.head:
            if isinstance(part, str):
                modules.append(parts.Normalize())
            else:
                torch.manual_seed(len(modules))
                modules.append(parts.Dense(part.inputs, part.outputs, part.bias, part.activation()))
        SentenceTransformer(modules=modules, device="cpu", prompts=self.prompts).save(str(folder))
        return folder


@dataclass(frozen=True)
class StaticFamily:
    """A table of token vectors, averaged."""

    name: str = "static-similarity-mrl-multilingual"
    prompts: dict[str, str] = field(default_factory=dict)

    def write(self, folder: Path) -> Path:
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer.modules import StaticEmbedding

        backend = wordpiece().backend_tokenizer
        torch.manual_seed(0)
        body = StaticEmbedding(backend, embedding_weights=torch.randn(backend.get_vocab_size(), 32).numpy())
        SentenceTransformer(modules=[body], device="cpu").save(str(folder))
        return folder


@torch.no_grad()
def shaken(network: Any) -> Any:
    generator = torch.Generator().manual_seed(0)
    for name, parameter in network.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        if parameter.ndim >= 2:
            parameter.copy_(noise * 0.12)
        elif "norm" in name.lower() and name.endswith("weight"):
            parameter.add_(noise * 0.1)
        else:
            parameter.copy_(noise * 0.05)
    return network.eval()


def wordpiece(*, lowercase: bool = False, segments: bool = True) -> Any:
    """BERT's."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=300, special_tokens=specials, show_progress=False)
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.decoder = decoders.WordPiece()
    names = ["input_ids", *(["token_type_ids"] if segments else []), "attention_mask"]
    return _fast(
        tokenizer, "[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", names, pad_token="[PAD]", unk_token="[UNK]",
        cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]",
    )  # fmt: skip


def sentencepiece(specials: Sequence[str], single: str, pair: str, **tokens: str) -> Any:
    """XLM-R's, T5's, Gemma's: pieces with a mark where a word begins."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=250, special_tokens=list(specials), unk_token=tokens["unk_token"], show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    return _fast(tokenizer, single, pair, ["input_ids", "attention_mask"], **tokens)


def bytes_of(specials: Sequence[str], single: str, side: str = "right", **tokens: str) -> Any:
    """Byte pairs, as decoders have them; ``side``: where they pad."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=list(specials), initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    pair = single.replace("$A", "$A $B")
    return _fast(tokenizer, single, pair, ["input_ids", "attention_mask"], padding_side=side, **tokens)


def _fast(tokenizer: Tokenizer, single: str, pair: str, names: list[str], **options: Any) -> Any:
    used = sorted({token.partition(":")[0] for token in f"{single} {pair}".split() if not token.startswith("$")})
    special = [(token, tokenizer.token_to_id(token)) for token in used]
    tokenizer.post_processor = processors.TemplateProcessing(single=single, pair=pair, special_tokens=special)
    return tf.PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_input_names=names, **options)


def xlmr_tokenizer() -> Any:
    return sentencepiece(
        ["<s>", "<pad>", "</s>", "<unk>", "<mask>"], "<s> $A </s>", "<s> $A </s> </s> $B </s>", pad_token="<pad>",
        unk_token="<unk>", bos_token="<s>", eos_token="</s>", cls_token="<s>", sep_token="</s>", mask_token="<mask>",
    )  # fmt: skip


def gemma_tokenizer() -> Any:
    return sentencepiece(
        ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"], "<bos> $A <eos>", "<bos> $A <eos> $B <eos>", pad_token="<pad>",
        unk_token="<unk>", bos_token="<bos>", eos_token="<eos>", mask_token="<mask>",
    )  # fmt: skip


def qwen_tokenizer() -> Any:
    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    return bytes_of(specials, "$A <|endoftext|>", "left", pad_token="<|endoftext|>", eos_token="<|im_end|>")


def llama_tokenizer() -> Any:
    specials = ["<unk>", "<s>", "</s>"]
    options = {"pad_token": "</s>", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    return bytes_of(specials, "<s> $A </s>", "left", **options)


def bert(size: int, **more: Any) -> Any:
    return tf.BertModel(tf.BertConfig(vocab_size=size, pad_token_id=0, **SIZES, **more))


def xlmr(size: int, positions: int = 514) -> Any:
    return tf.XLMRobertaModel(tf.XLMRobertaConfig(vocab_size=size, max_position_embeddings=positions, **ROBERTA))


FAMILIES: list[Family | StaticFamily] = [
    Family("LaBSE", bert, wordpiece, "cls", [Dense(32, 32), "normalize"], longest=256),
    Family("bge-m3", lambda size: xlmr(size, 1026), xlmr_tokenizer, "cls", longest=1024),
    Family("multilingual-e5", xlmr, xlmr_tokenizer, prompts={"query": "query: ", "passage": "passage: "}),
    Family(
        "distiluse",
        lambda size: tf.DistilBertModel(
            tf.DistilBertConfig(vocab_size=size, dim=32, n_layers=2, n_heads=2, hidden_dim=48, pad_token_id=0)
        ),
        lambda: wordpiece(segments=False),
        head=[Dense(32, 20)],
        longest=128,
    ),
    Family("paraphrase-multilingual-mpnet", xlmr, xlmr_tokenizer, head=[], longest=128),
    Family(
        "mmBERT",
        lambda size: tf.ModernBertModel(
            tf.ModernBertConfig(
                vocab_size=size, local_attention=16, max_position_embeddings=1024, pad_token_id=0, bos_token_id=2,
                eos_token_id=1, cls_token_id=2, sep_token_id=1, **{**SIZES, "num_hidden_layers": 4},
            )
        ),
        gemma_tokenizer,
        longest=1024,
    ),
    Family(
        "EmbeddingGemma",
        lambda size: tf.Gemma3TextModel(
            tf.Gemma3TextConfig(
                vocab_size=size, hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=2,
                num_key_value_heads=1, head_dim=16, max_position_embeddings=1024, use_bidirectional_attention=True,
                sliding_window=64, layer_types=["sliding_attention", "sliding_attention", "full_attention"],
                pad_token_id=0, bos_token_id=2, eos_token_id=1, query_pre_attn_scalar=16,
            )
        ),
        gemma_tokenizer,
        head=[Dense(32, 96, torch.nn.Identity, False), Dense(96, 32, torch.nn.Identity, False), "normalize"],
        prompts={"query": "task: search result | query: ", "document": "title: none | text: ", "STS": "sts: "},
        longest=1024,
    ),
    Family(
        "Qwen3-Embedding",
        lambda size: tf.Qwen3Model(tf.Qwen3Config(vocab_size=size, head_dim=8, **DECODER)),
        qwen_tokenizer,
        "lasttoken",
        prompts={"query": INSTRUCTION, "document": ""},
        longest=1024,
    ),
    Family(
        "e5-mistral",
        lambda size: tf.MistralModel(tf.MistralConfig(vocab_size=size, sliding_window=None, **DECODER)),
        llama_tokenizer,
        "lasttoken",
        prompts={"web_search_query": INSTRUCTION},
        longest=1024,
    ),
    Family(
        "sentence-t5",
        lambda size: tf.T5EncoderModel(tf.T5Config(vocab_size=size, **T5)),
        lambda: sentencepiece(
            ["<pad>", "</s>", "<unk>"], "$A </s>", "$A </s> $B </s>", pad_token="<pad>", eos_token="</s>",
            unk_token="<unk>",
        ),
        head=[Dense(32, 24, torch.nn.Identity, False), "normalize"],
        longest=256,
    ),
    Family(
        "DeBERTa-v3",
        lambda size: tf.DebertaV2Model(
            tf.DebertaV2Config(
                vocab_size=size, relative_attention=True, position_buckets=32, norm_rel_ebd="layer_norm",
                share_att_key=True, pos_att_type=["p2c", "c2p"], position_biased_input=False, type_vocab_size=0,
                pad_token_id=0, max_relative_positions=-1, max_position_embeddings=512, **SIZES,
            )
        ),
        wordpiece,
        head=[],
    ),
    Family(
        "all-mpnet",
        lambda size: tf.MPNetModel(
            tf.MPNetConfig(
                vocab_size=size, pad_token_id=1, bos_token_id=0, eos_token_id=2, max_position_embeddings=514, **SIZES
            )
        ),
        xlmr_tokenizer,
        longest=384,
    ),
    Family(
        "ELECTRA",
        lambda size: tf.ElectraModel(tf.ElectraConfig(vocab_size=size, embedding_size=16, pad_token_id=0, **SIZES)),
        lambda: wordpiece(lowercase=True),
        head=[],
    ),
    Family(
        "Nomic Embed",
        lambda size: tf.NomicBertModel(
            tf.NomicBertConfig(vocab_size=size, max_position_embeddings=1024, pad_token_id=0, **SIZES)
        ),
        lambda: wordpiece(lowercase=True),
        head=[],
        prompts={"query": "search_query: ", "document": "search_document: "},
        longest=1024,
    ),
    Family(
        "EuroBERT",
        lambda size: tf.EuroBertModel(
            tf.EuroBertConfig(
                vocab_size=size, pad_token_id=3, bos_token_id=0, eos_token_id=1, mask_token_id=2, **DECODER
            )
        ),
        lambda: bytes_of(
            ["<s>", "</s>", "<mask>", "<pad>"], "<s> $A </s>", pad_token="<pad>", bos_token="<s>", eos_token="</s>",
            mask_token="<mask>",
        ),
        longest=1024,
    ),
    StaticFamily(),
]  # fmt: skip
