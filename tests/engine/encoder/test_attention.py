"""Attention over packed sequences: who sees whom, in both kernels, and how the kernel of a GPU is called."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from engine.encoder.attention import (
    Segments,
    attention_by_length,
    flash_attention,
    kernel_for,
    packed_attention,
    recorded_calls,
)

LENGTHS = [1, 3, 7, 7, 20]


def segments_on(device, lengths):
    return Segments.of(np.array(lengths), lambda array: torch.from_numpy(array).to(device))


def states_of(tokens, query_heads, heads, width=16, **options):
    return [torch.randn(tokens, count, width, **options) for count in (query_heads, heads, heads)]


def by_definition(query, key, value, window, causal):
    """One sequence, one head of queries at a time: [L, H, d], and [L, K, d] twice -> [L, H, d]."""
    place = torch.arange(len(query))
    distance = place[:, None] - place[None, :]
    seen = distance >= 0 if causal else torch.ones_like(distance, dtype=torch.bool)
    if window is not None:
        seen &= distance.abs() <= window
    share = query.shape[1] // key.shape[1]
    heads = []
    for head in range(query.shape[1]):
        scores = query[:, head] @ key[:, head // share].T / query.shape[2] ** 0.5
        heads.append(scores.masked_fill(~seen, -torch.inf).softmax(-1) @ value[:, head // share])
    return torch.stack(heads, dim=1)


@pytest.mark.parametrize("heads", [4, 2, 1])
@pytest.mark.parametrize("window", [None, 4])
@pytest.mark.parametrize("causal", [False, True])
def test_attention_by_length_is_attention_in_each_sequence(causal, window, heads):
    torch.manual_seed(0)
    states = states_of(sum(LENGTHS), 4, heads)
    found = attention_by_length(*states, segments_on("cpu", LENGTHS), 0.0, None, window, causal)
    parts = zip(*(torch.split(x, LENGTHS) for x in states), strict=True)
    expected = torch.cat([by_definition(*part, window, causal) for part in parts])
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("attribute", "argument", "causal"),
    [(True, None, True), (False, None, False), (None, None, True), (True, False, False), (False, True, True)],
)
def test_a_layer_is_causal_as_transformers_reads_it(attribute, argument, causal):
    """An argument goes before the module's attribute, and a module that says nothing is causal."""
    torch.manual_seed(0)
    module = nn.Module()
    if attribute is not None:
        module.is_causal = attribute
    segments = segments_on("cpu", LENGTHS)
    states = states_of(sum(LENGTHS), 2, 2)
    stacked = [x.transpose(0, 1)[None] for x in states]
    found, _ = packed_attention(module, *stacked, None, is_causal=argument, segments=segments)
    torch.testing.assert_close(found[0], attention_by_length(*states, segments, causal=causal))


def test_calls_are_recorded_with_their_kernel_and_type():
    segments = segments_on("cpu", LENGTHS)
    stacked = [x.transpose(0, 1)[None] for x in states_of(sum(LENGTHS), 2, 2)]
    with recorded_calls() as calls, torch.autocast("cpu", dtype=torch.bfloat16):
        attended, _ = packed_attention(nn.Module(), *stacked, None, sliding_window=5, segments=segments)
    packed_attention(nn.Module(), *stacked, None, segments=segments)
    assert attended.dtype == torch.bfloat16
    assert [(call.kernel, call.dtype, call.window) for call in calls] == [("by length", torch.bfloat16, 4)]


class Asked(TorchDispatchMode):
    """Keeps what the operator of a GPU's kernel was called with."""

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        schema = operator._schema
        if schema.name in ("torch_attn::_varlen_attn", "aten::_flash_attention_forward"):
            self.arguments = dict(zip((argument.name for argument in schema.arguments), args, strict=False)) | kwargs
        return operator(*args, **kwargs)


@pytest.mark.parametrize("dropout", [0.0, 0.1])
@pytest.mark.parametrize(
    ("causal", "window", "sides"),
    [(False, None, (-1, -1)), (False, 4, (4, 4)), (True, None, (-1, 0)), (True, 4, (4, 0))],
)
@pytest.mark.parametrize("heads", [4, 2])
def test_the_kernel_of_a_gpu_is_called_as_it_is_declared(heads, causal, window, sides, dropout):
    """Its arguments, its shapes and its gradients', on torch's meta device: not its numbers."""
    states = states_of(30, 4, heads, device="meta", dtype=torch.bfloat16, requires_grad=True)
    with Asked() as asked:
        attended = flash_attention(*states, segments_on("meta", [3, 7, 20]), dropout, 0.25, window, causal)
    assert (attended.shape, attended.dtype) == (states[0].shape, torch.bfloat16)
    attended.sum().backward()
    assert all(state.grad.shape == state.shape for state in states)
    told = asked.arguments
    assert (told["scale"], told.get("dropout_p", 0.0)) == (0.25, dropout)
    if dropout:
        assert (told["window_size_left"], told["window_size_right"], told["is_causal"]) == (*sides, causal)
    else:
        assert (tuple(told["window_size"]), told.get("enable_gqa", False)) == (sides, heads != 4)


def test_the_kernel_of_a_gpu_is_for_what_it_takes():
    """In float32, in which a model is tried, a GPU attends by length."""

    def chosen(is_cuda, dtype):
        return kernel_for(SimpleNamespace(is_cuda=is_cuda, dtype=dtype))

    assert chosen(True, torch.bfloat16) is chosen(True, torch.float16) is flash_attention
    assert chosen(True, torch.float32) is chosen(False, torch.bfloat16) is attention_by_length


@pytest.mark.cuda
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("heads", [4, 2])
@pytest.mark.parametrize("window", [None, 4])
@pytest.mark.parametrize("causal", [False, True])
def test_the_kernel_of_a_gpu_equals_attention_by_length(causal, window, heads, dtype):
    torch.manual_seed(0)
    segments = segments_on("cuda", [*LENGTHS, 150])
    states = states_of(188, 4, heads, 32, device="cuda", dtype=dtype, requires_grad=True)
    found = flash_attention(*states, segments, 0.0, None, window, causal)
    gradients = torch.autograd.grad(found.float().square().sum(), states)
    wide = [state.detach().float().requires_grad_() for state in states]
    expected = attention_by_length(*wide, segments, 0.0, None, window, causal)
    expected_gradients = torch.autograd.grad(expected.square().sum(), wide)
    for ours, theirs in zip((found, *gradients), (expected, *expected_gradients), strict=True):
        assert (ours.float() - theirs).norm() < 0.02 * theirs.norm()


@pytest.mark.cuda
@pytest.mark.parametrize("heads", [4, 2])
@pytest.mark.parametrize("window", [None, 4])
def test_dropout_in_the_kernel_of_a_gpu_leaves_a_causal_layer_causal(window, heads):
    """The last token of each sequence has no gradient from the others: none of them sees it."""
    torch.manual_seed(0)
    segments = segments_on("cuda", [*LENGTHS, 150])
    states = states_of(188, 4, heads, 32, device="cuda", dtype=torch.bfloat16, requires_grad=True)
    attended = flash_attention(*states, segments, 0.1, None, window, True)
    last = (segments.starts[1:] - 1).long()
    others = torch.ones(188, dtype=torch.bool, device="cuda")
    others[last] = False
    (gradient,) = torch.autograd.grad(attended[others].float().sum(), states[2])
    assert gradient[last].abs().max() == 0.0
    assert gradient.abs().max() > 0.0
