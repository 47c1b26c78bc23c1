"""InfoNCE: equal to the reference implementation, and masked cells play no part."""

import math
from itertools import pairwise

import pytest
import torch
from peers import losses

from engine.config import LossConfig, OptimizerConfig
from engine.training.loss import InfoNCE
from engine.training.optimizer import build_optimizer, clip_gradients, learning_rate


def unit_vectors(seed, size=7, width=16):
    torch.manual_seed(seed)
    return torch.nn.functional.normalize(torch.randn(size, width), dim=-1).requires_grad_()


@pytest.mark.parametrize("temperature", [0.05, 0.3])
def test_without_a_mask_it_is_multiple_negatives_ranking_loss(temperature):
    raw, other = (torch.randn(7, 16, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    raw.requires_grad_()
    other.requires_grad_()
    queries, passages = (torch.nn.functional.normalize(vectors, dim=-1) for vectors in (raw, other))
    peer = losses().MultipleNegativesRankingLoss(model=None, scale=1 / temperature)
    expected = peer.compute_loss_from_embeddings([queries, passages], None)
    loss = InfoNCE(LossConfig(temperature=temperature))(queries, passages)
    torch.testing.assert_close(loss, expected)
    ours, theirs = (torch.autograd.grad(value, [raw, other], retain_graph=True) for value in (loss, expected))
    torch.testing.assert_close(ours, theirs)


def assert_equal_with_gradients(ours, theirs, vectors):
    """SentenceTransformers normalises within its losses: the gradients of vectors before that are compared."""
    torch.testing.assert_close(ours, theirs)
    found, expected = (torch.autograd.grad(value, vectors, retain_graph=True) for value in (ours, theirs))
    torch.testing.assert_close(found, expected)


class Given(torch.nn.Module):
    """A "model" of SentenceTransformers that returns the vectors it is given."""

    def forward(self, features):
        return {"sentence_embedding": features["vectors"]}

    def get_embedding_dimension(self):
        return 16


@pytest.mark.parametrize("negatives", [False, True])
@pytest.mark.parametrize("peer", ["symmetric ranking", "both directions"])
def test_symmetric_is_the_symmetric_loss_of_sentence_transformers(peer, negatives):
    """Hard negatives stand after the pairs' own passages, there and here."""
    raw = [torch.randn(7, 16, requires_grad=True) for _ in range(3 if negatives else 2)]
    queries, *columns = (torch.nn.functional.normalize(vectors, dim=-1) for vectors in raw)
    if peer == "symmetric ranking":
        theirs = losses().MultipleNegativesSymmetricRankingLoss(model=Given(), scale=20.0)
    else:
        theirs = losses().MultipleNegativesRankingLoss(
            model=Given(), scale=20.0, directions=("query_to_doc", "doc_to_query"), partition_mode="per_direction"
        )
    expected = theirs([{"vectors": column} for column in raw], None)
    assert_equal_with_gradients(InfoNCE(LossConfig(symmetric=True))(queries, torch.cat(columns)), expected, raw)


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("dimensions", [(4,), (2, 8), (16, 3)])
def test_matryoshka_dimensions_are_matryoshka_loss(dimensions, symmetric):
    """Which counts the full width, 16, among its dimensions; here it always is one."""
    raw = [torch.randn(7, 16, requires_grad=True) for _ in range(2)]
    queries, passages = (torch.nn.functional.normalize(vectors, dim=-1) for vectors in raw)
    model = Given()
    peers = losses()
    kind = peers.MultipleNegativesSymmetricRankingLoss if symmetric else peers.MultipleNegativesRankingLoss
    inner = kind(model, scale=20.0)
    peer = peers.MatryoshkaLoss(model, inner, sorted({16, *dimensions}))
    expected = peer([{"vectors": vectors} for vectors in raw], None)
    config = LossConfig(matryoshka_dimensions=dimensions, symmetric=symmetric)
    assert_equal_with_gradients(InfoNCE(config)(queries, passages), expected, raw)
    config = LossConfig(matryoshka_dimensions=dimensions, symmetric=symmetric, matryoshka_reduction="mean")
    torch.testing.assert_close(InfoNCE(config)(queries, passages), expected / len({16, *dimensions}))


def test_a_masked_cell_counts_in_neither_direction():
    """Question 0 is an answer's question for passage 3 too: neither picks against the other."""
    queries, passages = unit_vectors(0), unit_vectors(1)
    mask = torch.zeros(7, 7, dtype=torch.bool)
    mask[0, 3] = True
    similarities = (queries @ passages.T / 0.05).detach()
    rows = [torch.logsumexp(similarities[i][~mask[i]], 0) - similarities[i, i] for i in range(7)]
    columns = [torch.logsumexp(similarities[:, j][~mask[:, j]], 0) - similarities[j, j] for j in range(7)]
    loss = InfoNCE(LossConfig(symmetric=True))(queries, passages, mask)
    torch.testing.assert_close(loss, torch.stack([*rows, *columns]).mean())


def test_hard_negatives_are_candidates_that_can_be_masked():
    queries, passages = unit_vectors(0), unit_vectors(1, size=10)
    mask = torch.zeros(7, 10, dtype=torch.bool)
    mask[2, 8] = mask[5, 1] = True
    similarities = (queries @ passages.T / 0.05).detach()
    rows = [torch.logsumexp(similarities[i][~mask[i]], 0) - similarities[i, i] for i in range(7)]
    torch.testing.assert_close(InfoNCE(LossConfig())(queries, passages, mask), torch.stack(rows).mean())


@pytest.mark.parametrize(("wanted", "kept"), [(1e-4, 0.01), (0.3, 0.3), (40.0, 1.0)])
def test_a_learned_temperature_stays_in_its_range_and_a_fixed_one_is_left_alone(wanted, kept):
    learned, fixed = InfoNCE(LossConfig(learned_temperature=True)), InfoNCE(LossConfig(temperature=wanted))
    with torch.no_grad():
        learned.log_temperature.fill_(math.log(wanted))
    for loss in (learned, fixed):
        loss.keep_in_range()
    assert learned.log_temperature.exp().item() == pytest.approx(kept)
    assert fixed.log_temperature.exp().item() == pytest.approx(wanted)


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


@pytest.mark.parametrize("schedule", ["linear", "cosine", "constant", "wsd", "inverse_sqrt"])
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


@pytest.mark.parametrize(("share", "decay"), [(0.1, 5), (0.0, 1), (1.0, 40)])
def test_wsd_is_stable_and_then_falls_linearly(share, decay):
    config = OptimizerConfig(learning_rate=0.2, warmup_steps=10, max_steps=50, schedule="wsd", decay_share=share)
    rates = [learning_rate(step, config) for step in range(11, 51)]
    assert rates[: 40 - decay] == [0.2] * (40 - decay)
    assert rates[40 - decay :] == pytest.approx([0.2 * (decay - step) / decay for step in range(decay)])


def test_inverse_sqrt_halves_the_rate_when_the_step_is_four_times_that_of_the_peak():
    config = OptimizerConfig(learning_rate=0.2, warmup_steps=10, max_steps=50, schedule="inverse_sqrt")
    assert learning_rate(40, config) == pytest.approx(0.1)


def test_weight_decay_spares_biases_norms_and_scalars(make_encoder):
    encoder, loss = make_encoder(), InfoNCE(LossConfig(learned_temperature=True))
    named = [*encoder.named_parameters(), *loss.named_parameters(prefix="loss")]
    decayed, *others = build_optimizer(named, OptimizerConfig()).param_groups
    spared = [parameter for group in others for parameter in group["params"]]
    names = {parameter: name for name, parameter in named}
    assert [group["weight_decay"] for group in (decayed, *others)] == [0.01, 0.0, 0.0]
    assert all(names[parameter].endswith(("bias", "LayerNorm.weight", "log_temperature")) for parameter in spared)
    assert not any("bias" in names[parameter] or "LayerNorm" in names[parameter] for parameter in decayed["params"])
    assert len(decayed["params"]) + len(spared) == len(named)


@pytest.mark.parametrize(("limit", "after"), [(0.0, 5.0), (1.0, 1.0), (10.0, 5.0)])
def test_clipping_returns_the_norm_before(limit, after):
    parameter = torch.nn.Parameter(torch.zeros(2))
    parameter.grad = torch.tensor([3.0, 4.0])
    assert clip_gradients([parameter], limit).item() == pytest.approx(5.0)
    assert parameter.grad.norm().item() == pytest.approx(after, rel=1e-4)
