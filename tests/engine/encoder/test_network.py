"""A model's name becomes a network and a tokenizer, or one line that names the real cause."""

import json
import shutil

import pytest
import torch
import transformers
from model_folders import bert, byte_pairs, decoder, edit, save, unigrams, word_pieces
from safetensors.torch import load_file, save_file

from engine.config import ConfigError, ModelConfig
from engine.encoder import load_encoder
from engine.encoder.network import load_network

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 123\n"
VERSION = f"transformers {transformers.__version__}"


def refusal(name, **options) -> str:
    with pytest.raises(ConfigError) as caught:
        load_network(str(name), **options)
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith("model.")
    return line


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return bert(tmp_path_factory.mktemp("base") / "m")


@pytest.fixture
def folder(base, tmp_path):
    return shutil.copytree(base, tmp_path / "m")


def hidden(model, seed=0):
    ids = torch.randint(5, 20, (2, 6), generator=torch.Generator().manual_seed(seed))
    with torch.inference_mode():
        return model.eval()(input_ids=ids).last_hidden_state


def test_a_plain_model_comes_as_transformers_has_it_but_for_its_pooler(base):
    network = load_network(str(base))
    other = transformers.BertModel.from_pretrained(base)
    assert torch.equal(hidden(network.model), hidden(other))
    assert not any(name.startswith("pooler") for name in network.model.state_dict())
    assert network.tokenizer("the house")["input_ids"] == word_pieces()("the house")["input_ids"]
    assert (network.notes, network.commit) == ((), None)


def test_half_precision_becomes_float32(tmp_path):
    bert(tmp_path)
    transformers.BertModel.from_pretrained(tmp_path).half().save_pretrained(tmp_path)
    assert {parameter.dtype for parameter in load_network(str(tmp_path)).model.parameters()} == {torch.float32}


def test_a_subfolder_holds_the_encoder(base, tmp_path):
    shutil.copytree(base, tmp_path / "0_Transformer")
    network = load_network(str(tmp_path), subfolder="0_Transformer")
    assert torch.equal(hidden(network.model), hidden(load_network(str(base)).model))
    assert "has no folder '1_Other'" in refusal(tmp_path, subfolder="1_Other")


# ---------------------------------------------------------------- where there is no model


def test_a_name_that_is_no_model(folder, tmp_path):
    assert refusal(tmp_path / "none") == f"model.name: no folder {str(tmp_path / 'none')!r}"
    assert "is a file" in refusal(folder / "config.json")
    assert "neither a folder nor a name that the hub allows" in refusal("what is this?")
    assert refusal(folder, revision="main").startswith("model.revision: ")
    (folder / "config.json").unlink()
    assert "has no config.json" in refusal(folder)


def test_a_hub_id_that_is_not_cached_says_that_the_hub_is_switched_off(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    line = refusal("someone/some-model")
    assert "HF_HUB_OFFLINE is set" in line
    assert "internet" not in line


def test_a_hub_id_is_loaded_at_its_revision_and_tells_its_commit(base, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    other = bert(tmp_path / "other", seed=3)
    repository = tmp_path / "models--someone--some-model"
    for commit, source, name in (("a" * 40, base, "main"), ("b" * 40, other, "v2")):
        shutil.copytree(source, repository / "snapshots" / commit)
        (repository / "refs").mkdir(exist_ok=True)
        (repository / "refs" / name).write_text(commit)
    now, then = load_network("someone/some-model"), load_network("someone/some-model", revision="v2")
    assert (now.commit, then.commit) == ("a" * 40, "b" * 40)
    assert torch.equal(hidden(now.model), hidden(load_network(str(base)).model))
    assert torch.equal(hidden(then.model), hidden(load_network(str(other)).model))
    assert "revision 'v3'" in refusal("someone/some-model", revision="v3")


def test_a_description_that_may_exist_is_told_of_where_the_hub_is_not_reached(base, tmp_path, monkeypatch):
    """A cache that holds the weights only must not turn a CLS model into a mean one in silence."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    repository = tmp_path / "models--someone--half-cached"
    shutil.copytree(base, repository / "snapshots" / ("a" * 40))
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("a" * 40)
    model = ModelConfig(name="someone/half-cached")
    assert any("modules.json) is not known" in note for note in load_encoder(model, "cpu").notes)
    absent = repository / ".no_exist" / ("a" * 40) / "modules.json"  # as the hub's library marks what it asked for
    absent.parent.mkdir(parents=True)
    absent.touch()
    assert load_encoder(model, "cpu").notes == ()


# ---------------------------------------------------------------- files


@pytest.mark.parametrize(
    ("damage", "cause"),
    [
        ("pointer", "model.safetensors is a git-lfs pointer"),
        ("short", "model.safetensors is cut short"),
        ("headless", "model.safetensors is cut short"),
        ("empty", "model.safetensors is empty"),
        ("bin pointer", "pytorch_model.bin is a git-lfs pointer"),
        ("bin short", "pytorch_model.bin is cut short or damaged"),
        ("bin text", "pytorch_model.bin is damaged"),
        ("shard pointer", "model-00001-of-00001.safetensors is a git-lfs pointer"),
        ("shard missing", "model-00001-of-00001.safetensors is missing"),
        ("index pointer", "model.safetensors.index.json is a git-lfs pointer"),
        ("none", "it has no weights"),
        ("tensorflow", "its weights are TensorFlow's"),
        ("config empty", "config.json is empty"),
        ("config text", "config.json is not JSON"),
        ("tokenizer pointer", "tokenizer.json is a git-lfs pointer"),
        ("tokenizer short", "tokenizer.json is damaged"),
        ("sentencepiece pointer", "sentencepiece.bpe.model is a git-lfs pointer"),
        ("tokenizer none", "it has no tokenizer"),
    ],
)
def test_a_damaged_file_is_named_with_the_damage(folder, damage, cause):
    kind, _, what = damage.rpartition(" ")
    path = folder / "model.safetensors"
    if kind == "bin":
        torch.save(load_file(path), folder / "pytorch_model.bin")
        path.unlink()
        path = folder / "pytorch_model.bin"
    if kind in ("shard", "index"):
        shard = path.rename(folder / "model-00001-of-00001.safetensors")
        path = folder / "model.safetensors.index.json"
        edit(path, metadata={}, weight_map=dict.fromkeys(load_file(shard), shard.name))
        path = shard if kind == "shard" else path
    if kind == "config":
        path = folder / "config.json"
    if kind in ("tokenizer", "sentencepiece"):
        path = folder / "tokenizer.json"
    if kind == "sentencepiece":
        path.unlink()
        path = folder / "sentencepiece.bpe.model"
        edit(folder / "tokenizer_config.json", tokenizer_class="XLMRobertaTokenizer")
    if what == "pointer":
        path.write_text(POINTER)
    elif what == "short":
        path.write_bytes(path.read_bytes()[:-1000])
    elif what == "headless":
        path.write_bytes(path.read_bytes()[:100])
    elif what == "empty":
        path.write_bytes(b"")
    elif what == "text":
        path.write_text("not what it should be")
    else:
        path.unlink()
    if what == "tensorflow":
        (folder / "tf_model.h5").write_bytes(b"tf")
    line = refusal(folder)
    assert line.startswith("model.name: ")
    assert cause in line


def test_a_tokenizer_of_another_version_names_both(folder):
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text())
    content["pre_tokenizer"] = {"type": "OfAnotherVersion"}
    path.write_text(json.dumps(content))
    edit(folder / "config.json", transformers_version="9.9.9")
    line = refusal(folder)
    assert "tokenizer.json, of a model saved with transformers 9.9.9," in line
    assert "tokenizers 0." in line


def test_missing_weights_and_weights_of_another_shape_are_refused(folder):
    path = folder / "model.safetensors"
    weights = load_file(path)
    key = "encoder.layer.1.output.dense.weight"
    save_file({name: value for name, value in weights.items() if name != key}, path, {"format": "pt"})
    assert f"has no weights for {key} (1 are missing)" in refusal(folder)
    save_file({**weights, key: torch.zeros(3, 3)}, path, {"format": "pt"})
    assert f"{key} has the shape (3, 3) and should have (16, 24)" in refusal(folder)


def test_a_tokenizer_of_another_model_is_refused(folder):
    edit(folder / "config.json", vocab_size=20)
    path = folder / "model.safetensors"
    weights = load_file(path)
    weights["embeddings.word_embeddings.weight"] = weights["embeddings.word_embeddings.weight"][:20].clone()
    save_file(weights, path, {"format": "pt"})
    assert "the model has embeddings for 20" in refusal(folder)


# ---------------------------------------------------------------- kinds


def t5(folder, kind, config="T5Config"):
    torch.manual_seed(0)
    tokenizer = unigrams(begin="")
    settings = {"d_model": 16, "d_kv": 8, "d_ff": 24, "num_layers": 2, "num_heads": 2, "decoder_start_token_id": 1}
    made = getattr(transformers, config)(vocab_size=len(tokenizer), pad_token_id=1, eos_token_id=2, **settings)
    return save(folder, getattr(transformers, kind)(made), tokenizer)


@pytest.mark.parametrize(
    ("config", "whole", "encoder"),
    [
        ("T5Config", "T5ForConditionalGeneration", "T5EncoderModel"),
        ("MT5Config", "MT5Model", "MT5EncoderModel"),
        ("UMT5Config", "UMT5Model", "UMT5EncoderModel"),
        ("LongT5Config", "LongT5Model", "LongT5EncoderModel"),
    ],
)
def test_of_t5_the_encoder_is_taken_from_either_checkpoint(tmp_path, config, whole, encoder):
    full = t5(tmp_path / "full", whole, config)
    network = load_network(str(full))
    assert type(network.model).__name__ == encoder
    assert network.notes == (
        f"only the encoder of {full} ({network.model.config.model_type}) is used, not its decoder",
    )
    network.model.save_pretrained(tmp_path / "encoder")
    network.tokenizer.save_pretrained(tmp_path / "encoder")
    alone = load_network(str(tmp_path / "encoder"))
    assert alone.notes == ()
    expected = getattr(transformers, encoder).from_pretrained(full)
    assert torch.equal(hidden(network.model), hidden(expected))
    assert torch.equal(hidden(alone.model), hidden(expected))


def test_other_encoder_decoders_are_refused_by_name(tmp_path):
    sizes = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 8, "decoder_ffn_dim": 8}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2}
    model = transformers.MBartModel(transformers.MBartConfig(vocab_size=40, **sizes, **heads))
    assert "is an encoder-decoder (mbart)" in refusal(save(tmp_path, model, unigrams()))


def test_rerankers_are_refused_and_classifiers_lose_their_head(tmp_path):
    kind = transformers.BertForSequenceClassification
    reranker = bert(tmp_path / "reranker", kind=kind, num_labels=1)
    assert "is a re-ranker (BertForSequenceClassification with one label)" in refusal(reranker)
    (reranker / "modules.json").write_text("[]")  # described as a SentenceTransformer
    assert load_network(str(reranker)).notes == ()
    classifier = bert(tmp_path / "classifier", kind=kind, num_labels=3)
    assert load_network(str(classifier)).notes == (
        f"the classifier of {classifier} (3 labels) is left out: only its encoder is used",
    )


def test_models_of_other_senses_are_refused_before_their_weights_are_read(tmp_path):
    transformers.CLIPConfig().save_pretrained(tmp_path / "clip")
    assert "is a multimodal model (clip)" in refusal(tmp_path / "clip")
    transformers.ViTConfig().save_pretrained(tmp_path / "vit")
    assert "(ViTModel) takes pixel_values and not text" in refusal(tmp_path / "vit")
    transformers.HubertConfig().save_pretrained(tmp_path / "hubert")
    assert "(HubertModel) takes input_values and not text" in refusal(tmp_path / "hubert")


def test_quantized_and_unknown_models_are_refused_by_name(folder):
    edit(folder / "config.json", quantization_config={"quant_method": "gptq", "bits": 4})
    assert "has quantized weights" in refusal(folder)
    edit(folder / "config.json", quantization_config=None, model_type="of-tomorrow")
    assert f"{VERSION} knows no model of the type 'of-tomorrow'" in refusal(folder)


def test_dropout_is_set_wherever_an_encoder_has_it(base, tmp_path):
    assert dropouts(load_network(str(base), dropout=0.35).model) == {0.35}
    assert dropouts(load_network(str(t5(tmp_path / "t5", "T5EncoderModel")), dropout=0.35).model) == {0.35}
    llama = decoder(tmp_path / "llama", byte_pairs(eos_token="</s>"))
    assert load_network(str(llama), dropout=0.35).model.layers[0].self_attn.attention_dropout == 0.35
    torch.manual_seed(0)
    tokenizer = word_pieces()
    gpt = transformers.GPT2Model(transformers.GPT2Config(vocab_size=len(tokenizer), n_embd=16, n_layer=1, n_head=2))
    assert dropouts(load_network(str(save(tmp_path / "gpt", gpt, tokenizer)), dropout=0.35).model) == {0.35}
    mamba = transformers.MambaModel(
        transformers.MambaConfig(vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1)
    )
    line = refusal(save(tmp_path / "mamba", mamba, tokenizer), dropout=0.35)
    assert line.startswith("model.dropout: ")
    assert "has no dropout" in line


def dropouts(model):
    return {module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)}


def test_a_cache_that_cannot_be_written_is_one_line(monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("engine.encoder.model_files.hf_hub_download", full)
    assert "cannot fetch config.json of 'someone/some-model': [Errno 28] No space left" in refusal("someone/some-model")
