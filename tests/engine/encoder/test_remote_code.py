"""Code that comes with a model runs where it is trusted, and is refused where its vectors could not be relied on."""

import pytest
import torch
import transformers
from model_folders import bert, edit

from engine.config import ConfigError
from engine.encoder.network import load_network

HEAD = """
import torch
from transformers import BertConfig, BertModel, PreTrainedModel

class C(BertConfig):
    model_type = "mine"
"""
PLAIN = """
class X(BertModel):
    config_class = C
"""
INITIALISED = """
class X(BertModel):
    config_class = C
    def __init__(self, config, **options):
        super().__init__(config, **options)
        self.register_buffer("scale", {buffer}, persistent=False)
    def forward(self, *arguments, **options):
        out = super().forward(*arguments, **options)
        out.last_hidden_state = out.last_hidden_state * self.scale
        return out
"""


def with_code(folder, code):
    bert(folder)
    (folder / "modeling_x.py").write_text(HEAD + code)
    edit(
        folder / "config.json",
        model_type="mine",
        architectures=["X"],
        auto_map={"AutoModel": "modeling_x.X", "AutoConfig": "modeling_x.C"},
    )
    return folder


def refusal(folder, *, trust=True):
    with pytest.raises(ConfigError) as caught:
        load_network(str(folder), trust_remote_code=trust)
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_code_needs_trust_and_the_line_says_how(tmp_path):
    line = refusal(with_code(tmp_path / "m", PLAIN), trust=False)
    assert "model.trust_remote_code = true" in line
    assert "eval --trust-remote-code" in line


def test_code_that_runs_gives_what_the_model_gives_and_leaves_torch_as_it_was(tmp_path):
    folder = with_code(tmp_path / "m", PLAIN)
    before = torch.are_deterministic_algorithms_enabled(), torch.utils.deterministic.fill_uninitialized_memory
    network = load_network(str(folder), trust_remote_code=True)
    assert (torch.are_deterministic_algorithms_enabled(), torch.utils.deterministic.fill_uninitialized_memory) == before
    plain = transformers.BertModel.from_pretrained(bert(tmp_path / "plain")).eval()
    ids = torch.tensor([[2, 5, 6, 3]])
    with torch.inference_mode():
        assert torch.equal(network.model(ids).last_hidden_state, plain(ids).last_hidden_state)
    assert type(network.model).__name__ == "X"
    network.model.save_pretrained(tmp_path / "saved")
    network.tokenizer.save_pretrained(tmp_path / "saved")
    again = load_network(str(tmp_path / "saved"), trust_remote_code=True)
    assert all(map(torch.equal, network.model.parameters(), again.model.parameters()))


@pytest.mark.parametrize(
    "buffer", ["torch.arange(16).float() / 16", "torch.arange(16)", "torch.ones(16, dtype=torch.complex64)"]
)
def test_a_buffer_that_nothing_initialises_is_named(tmp_path, buffer):
    line = refusal(with_code(tmp_path / "m", INITIALISED.format(buffer=buffer)))
    assert "its code leaves scale uninitialised" in line
    assert f"transformers {transformers.__version__}" in line


def test_a_buffer_of_new_random_numbers_is_named(tmp_path):
    code = (
        INITIALISED.format(buffer="torch.ones(16)")
        + """
    def _init_weights(self, module):
        super()._init_weights(module)
        if hasattr(module, "scale"):
            module.scale.copy_(torch.rand(16))
"""
    )
    assert "makes another scale every time it is loaded" in refusal(with_code(tmp_path / "m", code))


def test_vectors_that_are_not_finite_or_differ_are_refused(tmp_path):
    for name, value, line in (
        ("infinite", "float('inf')", "gives vectors that are not finite"),
        ("random", "torch.rand(())", "gives other vectors of the same text"),
    ):
        code = f"""
class X(BertModel):
    config_class = C
    def forward(self, *arguments, **options):
        out = super().forward(*arguments, **options)
        out.last_hidden_state = out.last_hidden_state * {value}
        return out
"""
        assert line in refusal(with_code(tmp_path / name, code))


@pytest.mark.parametrize(
    ("code", "raised"),
    [
        (
            """
class X(PreTrainedModel):
    config_class = C
    def __init__(self, config):
        super().__init__(config)
        self.layer = torch.nn.Linear(16, 16)
""",
            "AttributeError: ",
        ),
        ("\nfrom transformers import NoSuchName\n" + PLAIN, "ImportError: "),
        ("\nimport no_such_package\n" + PLAIN, "no_such_package"),
        (PLAIN + "    def forward(self, *arguments, **options):\n        raise KeyError('gone')\n", "KeyError: 'gone'"),
    ],
)
def test_code_that_fails_in_its_own_way_is_named_with_the_version(tmp_path, code, raised):
    line = refusal(with_code(tmp_path / "m", code))
    assert f"its code does not run on transformers {transformers.__version__}" in line
    assert raised in line


def test_damaged_weights_are_not_the_code_s_fault(tmp_path):
    folder = with_code(tmp_path / "m", PLAIN)
    (folder / "model.safetensors").write_bytes(b"")
    assert "model.safetensors is empty" in refusal(folder)
