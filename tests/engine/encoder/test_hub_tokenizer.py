"""The tokenizer of a model is the one that its makers saved, whatever class transformers takes for it."""

import json

import pytest
import tokenizers
import transformers
from model_folders import bert, byte_pairs, decoder, edit, save, unigrams, word_pieces
from tokenizers import processors

from engine.config import ConfigError
from engine.encoder.network import load_network
from engine.encoder.tokenizer_file import SAMPLE

TEXTS = ("the House, WATER ＡＢ é e\u0301", "дом вода 水", *SAMPLE)


def ids(tokenizer, *, special=False):
    return [tokenizer(text, add_special_tokens=special, truncation=False)["input_ids"] for text in TEXTS]


def ids_of_file(folder):
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    return [tokenizer.encode(text, add_special_tokens=False).ids for text in TEXTS]


def test_a_tokenizer_of_another_model_than_the_config_s_is_that_of_its_file(tmp_path):
    folder = bert(tmp_path, tokenizer=unigrams())
    edit(folder / "tokenizer_config.json", tokenizer_class=None)
    other = transformers.AutoTokenizer.from_pretrained(folder)  # what there is to mend
    assert ids(other) != ids_of_file(folder)
    network = load_network(str(folder))
    assert ids(network.tokenizer) == ids_of_file(folder)
    assert network.tokenizer("the")["input_ids"] == [0, 4, 2]
    assert network.tokenizer.pad_token == "<pad>"
    assert len(network.notes) == 1
    assert "tokenizer.json (Unigram)" in network.notes[0]
    # saved, it needs no mending any more
    again = load_network(str(save(tmp_path / "again", network.model, network.tokenizer)))
    assert ids(again.tokenizer, special=True) == ids(network.tokenizer, special=True)
    assert again.notes == ()


def test_a_normaliser_that_the_class_does_not_have_is_kept(tmp_path):
    folder = tmp_path
    tokenizer = unigrams()
    config = transformers.XLMRobertaConfig(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=24
    )
    save(folder, transformers.XLMRobertaModel(config), tokenizer)
    edit(folder / "tokenizer_config.json", tokenizer_class="XLMRobertaTokenizer")
    network = load_network(str(folder))
    assert ids(network.tokenizer) == ids_of_file(folder)
    assert "XLMRobertaTokenizer" in network.notes[0]


def test_a_vocabulary_that_the_class_does_not_read_is_that_of_the_file(tmp_path):
    folder = decoder(tmp_path, byte_pairs(eos_token="</s>"), "Qwen2")
    edit(folder / "tokenizer_config.json", tokenizer_class="Qwen2Tokenizer")
    network = load_network(str(folder))  # its class cuts digits and letters apart in a way of its own
    assert ids(network.tokenizer) == ids_of_file(folder)


@pytest.mark.parametrize("name", ["BertTokenizer", "BertTokenizerFast", "PreTrainedTokenizerFast"])
def test_a_tokenizer_that_agrees_with_its_file_is_left_alone(tmp_path, name):
    folder = bert(tmp_path)
    edit(folder / "tokenizer_config.json", tokenizer_class=name, do_lower_case=True)
    network = load_network(str(folder))
    assert type(network.tokenizer) is type(transformers.AutoTokenizer.from_pretrained(folder))
    assert ids(network.tokenizer) == ids_of_file(folder)
    assert network.notes == ()


def test_the_config_s_word_on_case_goes_before_the_file_s(tmp_path):
    folder = bert(tmp_path, tokenizer=word_pieces(lower=False))
    assert load_network(str(folder)).tokenizer.tokenize("The") == ["T", "##h", "##e"]
    edit(folder / "tokenizer_config.json", tokenizer_class="BertTokenizer", do_lower_case=True)
    network = load_network(str(folder))
    assert network.tokenizer.tokenize("The") == ["the"]
    assert network.notes == ()


@pytest.mark.parametrize("kind", ["Llama", "Mistral", "Qwen2", "Qwen3"])
@pytest.mark.parametrize("name", ["LlamaTokenizer", "Qwen2Tokenizer", "PreTrainedTokenizerFast"])
def test_special_tokens_that_the_config_asks_for_are_added(tmp_path, kind, name):
    folder = decoder(tmp_path, byte_pairs(bos_token="<s>", eos_token="</s>", pad_token="</s>"), kind)
    edit(folder / "tokenizer_config.json", tokenizer_class=name, add_bos_token=True, add_eos_token=True)
    network = load_network(str(folder))
    assert [[row[0], row[-1]] for row in ids(network.tokenizer, special=True)] == [[0, 1]] * len(TEXTS)
    assert [row[1:-1] for row in ids(network.tokenizer, special=True)] == ids_of_file(folder)
    assert network.tokenizer("a", "b")["input_ids"] == [0, *abc(folder, "a"), 1, 0, *abc(folder, "b"), 1]
    assert any(
        "['<s>'] at the start and ['</s>'] at the end, as tokenizer_config.json" in note for note in network.notes
    )
    save(tmp_path / "again", network.model, network.tokenizer)
    # Others read them too. (Of a Qwen2 model transformers makes a Qwen2Tokenizer anyway, which cuts otherwise.)
    again = transformers.AutoTokenizer.from_pretrained(tmp_path / "again")
    assert again("abc")["input_ids"] == network.tokenizer("abc")["input_ids"]
    assert again("a", "b")["input_ids"] == network.tokenizer("a", "b")["input_ids"]


def abc(folder, text):
    return tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json")).encode(text, add_special_tokens=False).ids


@pytest.mark.parametrize("name", ["Qwen2Tokenizer", "PreTrainedTokenizerFast"])
def test_an_end_token_of_the_file_stays_where_the_config_does_not_ask_for_one(tmp_path, name):
    """Qwen3-Embedding: <|endoftext|> is appended by tokenizer.json, and the end token is another one."""
    folder = decoder(tmp_path, byte_pairs("<|end|>", eos_token="</s>", pad_token="<|end|>"), "Qwen3")
    edit(folder / "tokenizer_config.json", tokenizer_class=name, add_bos_token=False, add_eos_token=False)
    network = load_network(str(folder))
    assert {row[-1] for row in ids(network.tokenizer, special=True)} == {2}


def test_llama_s_config_may_also_take_a_token_away(tmp_path):
    folder = decoder(tmp_path, byte_pairs("</s>", bos_token="<s>", eos_token="</s>", pad_token="</s>"))
    edit(folder / "tokenizer_config.json", tokenizer_class="LlamaTokenizer", add_bos_token=True, add_eos_token=False)
    row = load_network(str(folder)).tokenizer("a")["input_ids"]
    assert row == [0, *abc(folder, "a")]


def test_the_special_tokens_of_the_file_go_before_those_of_the_class(tmp_path):
    tokenizer = word_pieces()
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="[MASK] $A", pair="[MASK] $A $B:1", special_tokens=[("[MASK]", 4)]
    )
    folder = bert(tmp_path, tokenizer=tokenizer)
    edit(folder / "tokenizer_config.json", tokenizer_class="BertTokenizer", do_lower_case=True)
    network = load_network(str(folder))
    assert network.tokenizer("the house")["input_ids"] == [4, 5, 6]
    assert network.tokenizer("the", "house")["token_type_ids"] == [0, 0, 1]
    assert "['[MASK]'] at the start, as tokenizer.json says" in network.notes[0]


def test_another_token_stands_in_for_padding(tmp_path):
    network = load_network(str(decoder(tmp_path / "a", byte_pairs(eos_token="</s>", unk_token="<s>"))))
    assert (network.tokenizer.pad_token, network.notes) == ("</s>", ())
    folder = decoder(tmp_path / "b", byte_pairs())
    with pytest.raises(ConfigError, match="has no padding token, nor one to stand in"):
        load_network(str(folder))


def test_no_fast_tokenizer(tmp_path):
    model = transformers.CanineModel(
        transformers.CanineConfig(
            hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=24, num_hash_buckets=8
        )
    )
    folder = save(tmp_path, model, transformers.CanineTokenizer())
    with pytest.raises(ConfigError, match=r"has no fast tokenizer \(CanineTokenizer\)"):
        load_network(str(folder))


def test_a_file_of_an_old_version_without_the_model_s_type_is_read(tmp_path):
    folder = bert(tmp_path)
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text())
    del content["model"]["type"]
    path.write_text(json.dumps(content))
    edit(folder / "tokenizer_config.json", tokenizer_class="BertTokenizer", do_lower_case=True)
    network = load_network(str(folder))
    assert network.tokenizer("the house")["input_ids"] == [2, 5, 6, 3]
    assert network.notes == ()
