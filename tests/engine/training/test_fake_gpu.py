"""Code of a GPU on a machine without one: tensors that have a device, a type and a shape, but no numbers.

They find what a CPU cannot: a tensor left on the host, a type that no kernel takes, arguments that an operator does not
have, and a number that is read from the device. Gradients need a torch with CUDA, so they are made up here.
"""

import contextlib
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    FakeTensor,
    FakeTensorMode,
    unset_fake_temporarily,
)
from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaModel

from engine.config import LossConfig
from engine.encoder import DualEncoder, TokenRows
from engine.encoder.attention import recorded_calls
from engine.encoder.packing import AttentionReport
from engine.encoding_options import EncodingOptions
from engine.training.average import WeightAverage
from engine.training.loss import InfoNCE
from engine.training.optimizer import clip_gradients
from engine.training.scaling import LossScaler
from engine.training.skipping import SkippedUpdates
from engine.training.step_values import StepValues

GPU = torch.device("cuda", 0)
PAIRS = 6


@pytest.fixture
def fake_gpu(monkeypatch):
    """A device that takes everything, and computes nothing."""
    monkeypatch.setattr("torch.cuda.amp.common.amp_definitely_not_available", lambda: False)
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda *_, **__: True)
    monkeypatch.setattr("torch.cuda.Event", lambda: SimpleNamespace(record=lambda _: None))
    monkeypatch.setattr("torch.cuda.current_stream", lambda _: None)
    monkeypatch.setattr("engine.encoder.precision.computes_bfloat16", lambda _: True)
    monkeypatch.setattr(DualEncoder, "to_device", lambda _, array: on_gpu(array))
    # Where torch has no CUDA, its own indexing and inverting look for a device.
    monkeypatch.setattr(FakeTensor, "__getitem__", item_of, raising=False)
    monkeypatch.setattr(FakeTensor, "__invert__", lambda tensor: torch.bitwise_not(tensor), raising=False)
    with FakeTensorMode(), torch.no_grad():
        yield


def item_of(tensor, index):
    dimension = 0
    for part in index if isinstance(index, tuple) else (index,):
        if isinstance(part, int):
            tensor = tensor.select(dimension, part)
            continue
        if part is None:
            tensor = tensor.unsqueeze(dimension)
        elif isinstance(part, slice):
            start, stop, step = part.indices(tensor.shape[dimension])
            tensor = torch.ops.aten.slice.Tensor(tensor, dimension, start, stop, step)
        else:
            tensor = torch.ops.aten.index.Tensor(tensor, [None] * dimension + [part])
        dimension += 1
    return tensor


def on_gpu(array):
    return torch.empty(array.shape, dtype=torch.from_numpy(array[:0]).dtype, device=GPU)


def moved(module):
    """With all its weights on the fake device."""
    for part in module.modules():
        for tensors in (part._parameters, part._buffers):
            for name, tensor in tensors.items():
                if tensor is not None:
                    copy = torch.empty(tensor.shape, dtype=tensor.dtype, device=GPU)
                    tensors[name] = torch.nn.Parameter(copy, False) if tensors is part._parameters else copy
    return module


def make_encoder(precision, dropout):
    """XLM-R, small."""
    shape = XLMRobertaConfig(
        vocab_size=99, hidden_size=64, num_hidden_layers=2, num_attention_heads=2, intermediate_size=128,
        max_position_embeddings=40, hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout,
    )  # fmt: skip
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel({"[PAD]": 0, "[UNK]": 1}, "[UNK]")), pad_token="[PAD]"
    )
    options = EncodingOptions(
        pooling="mean", query_prefix="", passage_prefix="", max_query_tokens=32, max_passage_tokens=32
    )
    with unset_fake_temporarily():  # building it looks at numbers
        encoder = DualEncoder(XLMRobertaModel(shape, add_pooling_layer=False), tokenizer, options)
    moved(encoder)
    encoder.precision = precision
    encoder._attention = AttentionReport("flash kernel", None)  # found by numbers, of which there are none
    encoder._attention_key = (encoder.layout, "cuda", encoder.autocast)
    return encoder.train()


def rows_of(lengths):
    offsets = np.cumsum([0, *lengths])
    return TokenRows(np.ones(offsets[-1], np.int32), offsets.astype(np.int64))


TYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}


@pytest.mark.parametrize("dropout", [0.0, 0.1])
@pytest.mark.parametrize("precision", list(TYPES))
def test_an_update_has_all_its_tensors_on_the_device_and_reads_no_number(fake_gpu, precision, dropout):
    encoder = make_encoder(precision, dropout)
    assert encoder.device == GPU
    with recorded_calls() as calls:
        vectors = encoder.embed(rows_of([3, 3, 4, 9, 5, 7] * 2))
    assert (vectors.device, vectors.dtype, tuple(vectors.shape)) == (GPU, torch.float32, (2 * PAIRS, 64))
    kernel = "by length" if precision == "float32" else "flash kernel"
    assert {(call.kernel, call.dtype) for call in calls} == {(kernel, TYPES[precision])}
    assert len(calls) == 2, "one a layer"

    loss = moved(InfoNCE(LossConfig(learned_temperature=True)))
    mask = on_gpu(np.zeros((PAIRS, PAIRS), dtype=bool))
    value = loss(vectors[:PAIRS], vectors[PAIRS:], mask)
    scaler = LossScaler(GPU) if precision == "float16" else None
    if scaler is not None:
        assert scaler.scale(value).device == GPU

    named = [(name, parameter) for part in (encoder, loss) for name, parameter in part.named_parameters()]
    optimizer = torch.optim.AdamW([parameter for _, parameter in named], fused=True)
    average = WeightAverage(named, 0.9)
    parameters = [parameter for _, parameter in named]
    for parameter in parameters:
        parameter.grad = torch.empty_like(parameter)
    if scaler is not None:
        scaler.unscale(parameters)
    norm = clip_gradients(parameters, 1.0)
    skipped = SkippedUpdates(10).step(optimizer, norm, scaler)
    loss.keep_in_range()
    average.update(1, skipped)
    values = StepValues.of(
        value, norm, temperature=loss.learned_temperature(), scale=None if scaler is None else scaler.factor
    )
    assert (norm.device, skipped.device) == (GPU, GPU)
    assert {tensor.device for state in optimizer.state.values() for tensor in state.values()} == {GPU}
    assert values._numbers.device.type == "cpu"


def test_what_these_tests_look_for_is_found(fake_gpu):
    """A mask that was left on the host, and a number that is read."""
    vectors = torch.empty(PAIRS, 8, device=GPU)
    loss = moved(InfoNCE(LossConfig()))
    with pytest.raises(RuntimeError, match="device"):
        loss(vectors, vectors, torch.zeros(PAIRS, PAIRS, dtype=torch.bool))
    with contextlib.suppress(DataDependentOutputException):
        loss(vectors, vectors).item()
        pytest.fail("a number was read")
