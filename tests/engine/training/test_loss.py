"""InfoNCE: equal to the reference implementation, and masked cells play no part."""

import math
from itertools import pairwise

import pytest
import torch
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

from engine.config import LossConfig, OptimizerConfig
from engine.training.loss import InfoNCE
from engine.training.optimization import build_optimizer, clip_gradients, learning_rate


def unit_vectors(seed, size=7, width=16):
    torch.manual_seed(seed)
    return torch.nn.functional.normalize(torch.randn(size, width), dim=-1).requires_grad_()


@pytest.mark.parametrize("temperature", [0.05, 0.3])
def test_without_a_mask_it_is_multiple_negatives_ranking_loss(temperature):
    raw, other = (torch.randn(7, 16, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    raw.requires_grad_()
    other.requires_grad_()
    queries, passages = (torch.nn.functional.normalize(vectors, dim=-1) for vectors in (raw, other))
    peer = MultipleNegativesRankingLoss(model=None, scale=1 / temperature)
    expected = peer.compute_loss_from_embeddings([queries, passages], None)
    loss = InfoNCE(LossConfig(temperature=temperature))(queries, passages)
    torch.testing.assert_close(loss, expected)
    ours, theirs = (torch.autograd.grad(value, [raw, other], retain_graph=True) for value in (loss, expected))
    torch.testing.assert_close(ours, theirs)


def test_a_masked_passage_is_as_if_it_were_not_there():
    queries, passages = unit_vectors(0), unit_vectors(1)
    mask = torch.zeros(7, 7, dtype=torch.bool)
    mask[0, 3] = mask[0, 5] = mask[4, 0] = True
    similarities = (queries @ passages.T / 0.05).detach()
    rows = [torch.logsumexp(similarities[i][~mask[i]], 0) - similarities[i, i] for i in range(7)]
    torch.testing.assert_close(InfoNCE(LossConfig())(queries, passages, mask), torch.stack(rows).mean())


def test_only_a_learned_temperature_has_a_gradient():
    fixed, learned = InfoNCE(LossConfig()), InfoNCE(LossConfig(learned_temperature=True))
    assert list(fixed.parameters()) == []
    learned(unit_vectors(0), unit_vectors(1)).backward()
    assert learned.log_temperature.grad != 0
    assert math.isclose(learned.log_temperature.exp().item(), 0.05, rel_tol=1e-6)


@pytest.mark.parametrize("schedule", ["linear", "cosine", "constant"])
@pytest.mark.parametrize("warmup", [0, 1, 10, 50])
def test_the_rate_rises_to_the_peak_and_falls_without_reaching_zero(schedule, warmup):
    config = OptimizerConfig(learning_rate=0.2, warmup_steps=warmup, max_steps=50, schedule=schedule)
    rates = [learning_rate(step, config) for step in range(1, 51)]
    assert max(rates) == pytest.approx(0.2)
    assert rates[max(warmup - 1, 0)] == pytest.approx(0.2)
    assert all(0 < rate <= 0.2 for rate in rates)
    assert all(first < second for first, second in pairwise(rates[:warmup]))
    assert all(first >= second for first, second in pairwise(rates[warmup:]))
    if warmup < 50 and schedule == "linear":
        assert rates[-1] == pytest.approx(0.2 / (50 - warmup))


def test_weight_decay_spares_biases_norms_and_scalars(make_encoder):
    encoder, loss = make_encoder(), InfoNCE(LossConfig(learned_temperature=True))
    named = [*encoder.named_parameters(), *loss.named_parameters(prefix="loss")]
    decayed, spared = build_optimizer(named, OptimizerConfig()).param_groups
    names = {parameter: name for name, parameter in named}
    assert (decayed["weight_decay"], spared["weight_decay"]) == (0.01, 0.0)
    assert all(
        names[parameter].endswith(("bias", "LayerNorm.weight", "log_temperature")) for parameter in spared["params"]
    )
    assert not any("bias" in names[parameter] or "LayerNorm" in names[parameter] for parameter in decayed["params"])
    assert len(decayed["params"]) + len(spared["params"]) == len(named)


@pytest.mark.parametrize(("limit", "after"), [(0.0, 5.0), (1.0, 1.0), (10.0, 5.0)])
def test_clipping_returns_the_norm_before(limit, after):
    parameter = torch.nn.Parameter(torch.zeros(2))
    parameter.grad = torch.tensor([3.0, 4.0])
    assert clip_gradients([parameter], limit).item() == pytest.approx(5.0)
    assert parameter.grad.norm().item() == pytest.approx(after, rel=1e-4)
