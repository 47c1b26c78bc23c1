"""Ranks of torch.distributed on the CPU compute what one process computes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import torch
from gradient_ranks import CASES, DTYPES, WORLDS

pytestmark = pytest.mark.long

BOUNDS = {torch.float64: 1e-10, torch.float32: 1e-5}


@pytest.fixture(scope="module")
def found(tmp_path_factory, quick_python):
    """(world, rank) -> what that rank found."""
    out = tmp_path_factory.mktemp("ranks")
    script = Path(__file__).with_name("gradient_ranks.py")
    environment = os.environ | {"HYBRID_TUI_CACHE": str(out / "cache"), "PYTHONPATH": str(script.parent)}
    command = [*quick_python, "-c", "from gradient_ranks import main; import sys; main(sys.argv[1])", str(out)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return {(world, rank): torch.load(out / f"{world}-{rank}.pt") for world in WORLDS for rank in range(world)}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("world", WORLDS[1:])
def test_the_gradient_is_that_of_one_process_with_the_whole_batch(found, world, case, dtype):
    """Global relative L2 at dropout 0, with masked false negatives and a learned temperature."""
    loss, _, masked, gradient = found[1, 0]["whole", dtype]
    own_loss, _, own_masked, own = found[world, 0][case, dtype]
    assert masked == own_masked > 1
    assert own.keys() == gradient.keys()
    assert "loss.log_temperature" in own
    off = torch.cat([(own[name] - gradient[name]).flatten() for name in gradient]).norm()
    whole = torch.cat([part.flatten() for part in gradient.values()]).norm()
    assert whole > 0
    assert off / whole <= BOUNDS[dtype]
    assert own_loss == pytest.approx(loss, rel=BOUNDS[dtype])


@pytest.mark.parametrize("world", WORLDS[1:])
def test_loss_norm_and_gradient_are_the_same_bits_on_every_rank(found, world):
    """So that clipping and optimizer, which every rank computes for itself, keep the weights equal for ever."""
    for key in ((case, dtype) for case in CASES for dtype in DTYPES):
        first_loss, first_norm, _, first = found[world, 0][key]
        for rank in range(1, world):
            loss, norm, _, gradient = found[world, rank][key]
            assert (loss, norm) == (first_loss, first_norm)
            assert all(torch.equal(gradient[name], first[name]) for name in first)


@pytest.mark.parametrize("world", WORLDS[1:])
def test_texts_encoded_by_all_ranks_are_those_of_one_process_bit_for_bit(found, world):
    assert torch.equal(found[world, 0]["vectors"], found[1, 0]["vectors"])
