"""The tiny model: the same bytes in every process, and a vocabulary that suits scripts without spaces."""

import json
import os
import subprocess
import sys
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.config import ModelConfig
from engine.encoder import load_encoder
from engine.encoder.tiny import frequent_substrings

SCRIPT = """
import json
from encoder_texts import TEXTS
from engine.config import ModelConfig
from engine.encoder import load_encoder
print(json.dumps(load_encoder(ModelConfig(), "cpu", texts=TEXTS, seed=3).digests()))
"""


@pytest.mark.exhaustive
def test_a_process_with_another_hash_seed_and_other_threads_builds_the_same_bytes(texts):
    environment = os.environ | {
        "PYTHONHASHSEED": "12345",
        "RAYON_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), str(Path.cwd())]),
    }
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == load_encoder(ModelConfig(), "cpu", texts=texts, seed=3).digests()


def test_another_seed_gives_other_weights_and_the_same_tokenizer(texts):
    torch.manual_seed(11)
    first = load_encoder(ModelConfig(), "cpu", texts=texts, seed=0).digests()
    drawn = torch.rand(1)
    second = load_encoder(ModelConfig(), "cpu", texts=texts, seed=1).digests()
    assert first["tokenizer"] == second["tokenizer"]
    assert first["model"] != second["model"]
    torch.manual_seed(11)
    assert drawn == torch.rand(1), "building a model must leave the global generator alone"


def test_training_texts_have_no_unknown_token_and_normal_forms_are_one(tiny, texts):
    tokenizer = tiny.hub_tokenizer
    assert not any(tokenizer.unk_token_id in ids for ids in tokenizer(texts)["input_ids"])
    assert tokenizer("ｃｕｒｒｅｎｃｙ  of").input_ids == tokenizer("currency of ").input_ids
    assert tokenizer.unk_token_id in tokenizer("ქართული").input_ids


def test_thai_and_chinese_are_cut_into_pieces_longer_than_characters(tiny):
    for text in ("ประเทศที่ 5 ใช้สกุลเงินอะไร", "第5个国家使用什么货币？"):
        assert 1 < len(tiny.hub_tokenizer.tokenize(text)) < len(text) / 2


WORDS = st.dictionaries(st.text("abc", min_size=1, max_size=20), st.integers(1, 3), max_size=8)


@given(words=WORDS)
def test_seeds_are_all_substrings_that_occur_twice_and_all_characters(words):
    counts = Counter()
    for word, count in words.items():
        for start, end in combinations(range(len(word) + 1), 2):
            counts[word[start:end]] += count
    expected = {piece: n for piece, n in counts.items() if len(piece) <= 16 and (n > 1 or len(piece) == 1)}
    assert dict(frequent_substrings(words)) == expected


def test_words_of_a_template_are_whole_tokens(tiny):
    assert tiny.hub_tokenizer.tokenize("the central bank") == ["▁the", "▁central", "▁bank"]


def test_punctuation_is_left_out_and_a_text_of_nothing_else_has_a_token_still(tiny):
    tokenizer = tiny.hub_tokenizer
    assert (
        tokenizer("«The central bank»: 'the currency'?").input_ids
        == tokenizer("The central bank the currency").input_ids
    )
    assert tokenizer("?!").input_ids == tokenizer("").input_ids == [tokenizer.cls_token_id]


def test_dropout_of_the_configuration_reaches_every_rate(texts):
    config = load_encoder(ModelConfig(dropout=0.25), "cpu", texts=texts).model.config
    assert (config.hidden_dropout_prob, config.attention_probs_dropout_prob) == (0.25, 0.25)
