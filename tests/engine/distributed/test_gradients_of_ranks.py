"""Ranks of torch.distributed on the CPU compute what one process computes, whether they share weights or not."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import torch
from gradient_ranks import WORLDS, keys_of

pytestmark = pytest.mark.long

BOUNDS = {torch.float64: 1e-10, torch.float32: 1e-5}
SEVERAL = WORLDS[1:]


@pytest.fixture(scope="module")
def values(tmp_path_factory, quick_python):
    """(world, parallel) -> what each of its ranks got."""
    out = tmp_path_factory.mktemp("ranks")
    script = Path(__file__).with_name("gradient_ranks.py")
    environment = os.environ | {"HYBRID_TUI_CACHE": str(out / "cache"), "PYTHONPATH": str(script.parent)}
    command = [*quick_python, "-c", "from gradient_ranks import main; import sys; main(sys.argv[1])", str(out)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return {
        (world, parallel): [torch.load(out / f"{world}-{parallel}-{rank}.pt") for rank in range(world)]
        for world, parallel in WORLDS
    }


@pytest.mark.parametrize(("several", "case", "dtype"), [(world, *key) for world in SEVERAL for key in keys_of(*world)])
def test_the_gradient_is_that_of_one_process_with_the_whole_batch(values, several, case, dtype):
    """Global relative L2 at dropout 0, with masked false negatives and a learned temperature."""
    loss, norm, masked, gradient = values[1, "replicate"][0][case, dtype]
    other_loss, other_norm, other_masked, other = values[several][0][case, dtype]
    assert masked == other_masked > 1
    assert other.keys() == gradient.keys()
    assert "loss.log_temperature" in other
    off = torch.cat([(other[name] - gradient[name]).flatten() for name in gradient]).norm()
    whole = torch.cat([part.flatten() for part in gradient.values()]).norm()
    assert whole > 0
    bound = 1e-3 if case == "float16" else BOUNDS[dtype]  # sums of float16 products, of other shapes
    assert off / whole <= bound
    assert (other_loss, other_norm) == pytest.approx((loss, norm), rel=bound)


@pytest.mark.parametrize("several", SEVERAL)
def test_loss_norm_and_gradient_are_the_same_bits_on_every_rank(values, several):
    """So that clipping and optimizer, which every rank computes for itself, keep the weights equal for ever."""
    for key in keys_of(*several):
        first_loss, first_norm, _, first = values[several][0][key]
        for rank in values[several][1:]:
            loss, norm, _, gradient = rank[key]
            assert (loss, norm) == (first_loss, first_norm)
            assert all(torch.equal(gradient[name], first[name]) for name in first)


@pytest.mark.parametrize("several", SEVERAL)
def test_a_trainer_from_a_checkpoint_goes_on_bit_for_bit(values, several):
    assert all(rank["resumed"] for rank in values[several])


@pytest.mark.parametrize("several", SEVERAL)
def test_texts_encoded_by_all_ranks_are_those_of_one_process_bit_for_bit(values, several):
    """Before training, so with the same weights; an encoding that was abandoned on the way leaves the ranks in step."""
    assert torch.equal(values[several][0]["vectors"], values[1, "replicate"][0]["vectors"])


def test_of_two_ranks_that_share_weights_each_holds_half_of_everything(values):
    """Parameters, gradients and AdamW's moments; a rank of one that replicates holds them whole."""
    whole = values[1, "replicate"][0]["bytes"]
    assert [rank["bytes"] for rank in values[2, "replicate"]] == [whole, whole]
    assert [rank["bytes"] / whole for rank in values[2, "shard"]] == pytest.approx([0.5, 0.5], rel=0.01)


@pytest.mark.parametrize("several", SEVERAL)
def test_a_checkpoint_of_one_number_of_ranks_goes_on_with_another(values, several):
    """The same files, whoever wrote them: weights after the next update, relative L2."""
    assert values[several][0]["of_one"] <= 1e-5


@pytest.mark.parametrize("world", WORLDS)
def test_ranks_leave_the_same_updates_out_and_the_first_one_ends_the_run(values, world):
    """The others hear of it as well, one of them perhaps earlier, and leave it to rank 0, which has the run's log."""
    for rank, of_rank in enumerate(values[world]):
        raised, changed, count = of_rank["nonfinite"]
        assert raised[:3] == [None, None, None]
        if rank == 0:
            assert raised[3].startswith("optimizer.max_nonfinite: 3 updates in a row were left out, up to step 4,")
            assert count == 3
        else:
            assert raised[3] is None
        assert not changed
