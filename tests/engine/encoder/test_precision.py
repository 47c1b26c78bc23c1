"""What a model computes in, decided in one place for training, encoding, telemetry and what is stored."""

import subprocess

import pytest
import torch

from engine.config import ConfigError
from engine.encoder.precision import arithmetic, autocast_type, substitution_note

CPU, GPU = torch.device("cpu"), torch.device("cuda:0")


@pytest.mark.parametrize(
    ("device", "precision", "bfloat16", "expected"),
    [
        (CPU, "auto", False, None),
        (CPU, "float32", False, None),
        (CPU, "bfloat16", False, torch.bfloat16),
        (CPU, "float16", False, torch.float16),
        (GPU, "auto", True, torch.bfloat16),
        (GPU, "auto", False, torch.float16),
        (GPU, "float32", True, None),
        (GPU, "float32", False, None),
        (GPU, "bfloat16", True, torch.bfloat16),
        (GPU, "float16", True, torch.float16),
        (GPU, "float16", False, torch.float16),
    ],
)
def test_the_type_of_products(device, precision, bfloat16, expected):
    assert autocast_type(device, precision, bfloat16=bfloat16) is expected


def test_bfloat16_is_refused_where_it_would_be_emulated():
    with pytest.raises(ConfigError, match=r'^runtime.precision: this GPU has no bfloat16; set it to "float16"'):
        autocast_type(GPU, "bfloat16", bfloat16=False)


def test_only_what_auto_has_replaced_is_told():
    assert substitution_note(GPU, "auto", torch.float16) == (
        'this GPU has no bfloat16: runtime.precision "auto" runs in float16'
    )
    for known in ((GPU, "auto", torch.bfloat16), (GPU, "float16", torch.float16), (CPU, "auto", None)):
        assert substitution_note(*known) is None


# A process of its own: the settings are those of a whole process.
TF32 = """
import warnings
import torch
from engine.encoder.precision import allow_tf32, arithmetic
from engine.worker.loading import set_up_torch
from engine.config import RuntimeConfig
warnings.simplefilter("error")
for allowed in (True, False, True):
    set_up_torch(RuntimeConfig(tf32=allowed))
    expected = "tf32" if allowed else "ieee"
    assert torch.backends.cuda.matmul.fp32_precision == expected
    # These are asked for by torch.compile, and fail where old and new settings are mixed.
    assert torch.backends.cuda.matmul.allow_tf32 == torch.backends.cudnn.allow_tf32 == allowed
    assert torch.get_float32_matmul_precision() == ("high" if allowed else "highest")
    assert torch.backends.mkldnn.matmul.fp32_precision == "ieee"
    assert arithmetic(torch.device("cpu"), None) == "float32"
"""


def test_tf32_is_set_for_gpus_alone_without_a_warning(quick_python):
    done = subprocess.run([*quick_python, "-c", TF32], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_is_computed_in_float16_and_bfloat16_is_named():
    assert [arithmetic(GPU, autocast) for autocast in (torch.float16, torch.bfloat16)] == ["float16", "bfloat16"]
    assert arithmetic(CPU, torch.float16) == "float16"
