"""Checkpoints: a run that was stopped goes on bit for bit, and a crash while saving loses nothing."""

import errno
import json
import os
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from msgspec.structs import replace
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from small_corpora import make_corpus

from engine import files
from engine.config import BatchConfig, LossConfig, ModelConfig, OptimizerConfig, RunConfig
from engine.encoder import load_encoder
from engine.training import checkpoint
from engine.training.checkpoint import CheckpointError, load_checkpoint, newest_whole, save_checkpoint
from engine.training.trainer import Trainer


def config_of(mode="hybrid", learned=False):
    return RunConfig(
        seed=2,
        batch=BatchConfig(mode=mode, size=8),
        loss=LossConfig(learned_temperature=learned),
        optimizer=OptimizerConfig(learning_rate=1e-3, warmup_steps=2, max_steps=20),
    )


@pytest.fixture
def make_trainer(corpora, make_encoder):
    trainers = []

    def make(config=None):
        trainers.append(Trainer(config or config_of(), make_encoder(0.1), corpora, torch.device("cpu")))
        return trainers[-1]

    yield make
    for trainer in trainers:
        trainer.close()


def tensor_files(path):
    return {file.name: sha256(file.read_bytes()).hexdigest() for file in sorted(path.glob("*.safetensors"))}


@pytest.mark.parametrize("learned", [False, True])
@pytest.mark.parametrize("mode", ["mono", "cross", "hybrid", "mixed", "english"])
def test_a_resumed_run_equals_one_that_never_stopped(mode, learned, make_trainer, tmp_path):
    config = config_of(mode, learned)
    whole = make_trainer(config)
    losses = [whole.update().loss for _ in range(3)]
    saved = save_checkpoint(whole, tmp_path / "stopped", keep=1)
    losses += [whole.update().loss for _ in range(3)]

    resumed = make_trainer(config)
    resumed.update()  # whatever a trainer did before, loading replaces it
    load_checkpoint(resumed, saved.path)
    assert resumed.step == saved.step == 3
    assert [resumed.update().loss for _ in range(3)] == losses[3:]

    ends = [save_checkpoint(trainer, tmp_path / name, 1) for name, trainer in (("a", whole), ("b", resumed))]
    assert tensor_files(ends[0].path) == tensor_files(ends[1].path)
    assert ("loss.safetensors" in tensor_files(ends[0].path)) == learned


def load_newest(trainer, folder, warn):
    """As a worker takes a run up again."""
    path = newest_whole(folder, warn)
    if path is not None:
        load_checkpoint(trainer, path, checked=True)
    return path


RESUME = """
import sys
from pathlib import Path
import torch
from engine.training.checkpoint import save_checkpoint
from test_checkpoint import alone, load_newest
torch.set_num_threads(int(sys.argv[2]))
trainer = alone()
load_newest(trainer, Path(sys.argv[1]), sys.exit)
print(*(trainer.update().loss.hex() for _ in range(3)))
save_checkpoint(trainer, Path(sys.argv[1]), keep=5)
trainer.close()
"""


def alone():
    """A trainer that is made from nothing but constants, in whatever process."""
    corpora = [make_corpus("facts")]
    texts = [*corpora[0].questions, *corpora[0].passages]
    return Trainer(
        config_of(), load_encoder(ModelConfig(dropout=0.1), "cpu", texts=texts), corpora, torch.device("cpu")
    )


def test_another_process_goes_on_bit_for_bit(tmp_path, quick_python):
    trainer = alone()
    for _ in range(3):
        trainer.update()
    save_checkpoint(trainer, tmp_path / "there", keep=1)
    losses = [trainer.update().loss.hex() for _ in range(3)]
    here = save_checkpoint(trainer, tmp_path / "here", keep=1)
    trainer.close()

    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), str(Path.cwd())])}
    arguments = [*quick_python, "-c", RESUME, str(tmp_path / "there"), str(torch.get_num_threads())]
    resumed = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=True)
    assert resumed.stdout.split() == losses
    assert tensor_files(tmp_path / "there" / "step-000006") == tensor_files(here.path)


def test_a_checkpoint_is_a_model(make_trainer, corpora, tmp_path):
    trainer = make_trainer()
    trainer.update()
    saved = save_checkpoint(trainer, tmp_path, keep=1)
    loaded = load_encoder(ModelConfig(name=str(saved.path)), "cpu")
    assert loaded.digests() == trainer.encoder.digests()
    ours, theirs = (encoder.encode_queries(corpora[0].questions).vectors for encoder in (trainer.encoder, loaded))
    assert (ours == theirs).all()
    assert saved.bytes == sum(file.stat().st_size for file in saved.path.rglob("*") if file.is_file())


def test_the_untrained_model_can_be_saved_and_taken_up(make_trainer, tmp_path):
    first, second = make_trainer(), make_trainer()
    second.update()
    load_checkpoint(second, save_checkpoint(first, tmp_path, keep=1).path)
    assert second.step == 0
    assert [first.update().loss for _ in range(2)] == [second.update().loss for _ in range(2)]


def test_position_names_every_other_file_with_its_digest(make_trainer, tmp_path):
    saved = save_checkpoint(make_trainer(), tmp_path, keep=1)
    position = json.loads((saved.path / "position.json").read_text())
    files = {str(file.relative_to(saved.path)) for file in saved.path.rglob("*") if file.is_file()}
    assert position["step"] == 0
    assert position["files"].keys() == files - {"position.json"}
    for name, file in position["files"].items():
        content = (saved.path / name).read_bytes()
        assert file == {"bytes": len(content), "sha256": sha256(content).hexdigest()}


@pytest.mark.parametrize("kind", ["plain", "averaged, learned temperature"])
def test_no_tensor_file_is_read_again_to_be_hashed(kind, make_trainer, tmp_path, monkeypatch):
    """The digests are those of the test above all the same: of the bytes that lie there."""
    config = config_of(learned=kind != "plain")
    if kind != "plain":
        config = replace(config, optimizer=replace(config.optimizer, ema_decay=0.9))
    trainer = make_trainer(config)
    trainer.update()
    hashed, read = [], checkpoint._sha256
    monkeypatch.setattr(checkpoint, "_sha256", lambda path: hashed.append(path.suffix) or read(path))
    saved = save_checkpoint(trainer, tmp_path, keep=1)
    assert ".safetensors" not in hashed
    monkeypatch.undo()
    checkpoint.check_whole(saved.path)
    assert len(tensor_files(saved.path)) == (2 if kind == "plain" else 4)


def test_the_newest_ones_are_kept(make_trainer, tmp_path):
    trainer = make_trainer()
    for step in (9, 400, 999_999, 1_000_000):
        trainer.step = step
        save_checkpoint(trainer, tmp_path, keep=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-1000000", "step-999999"]
    assert load_newest(make_trainer(), tmp_path, pytest.fail).name == "step-1000000"


def test_the_newest_whole_one_is_loaded_and_damaged_ones_are_told_of(make_trainer, tmp_path):
    """Missing, longer, and other bytes of the right length: each leaves the run to an older checkpoint."""
    assert load_newest(make_trainer(), tmp_path / "nothing", pytest.fail) is None
    trainer = make_trainer()
    for step in (1, 2, 3, 4):
        trainer.step = step
        save_checkpoint(trainer, tmp_path, keep=4)
    (tmp_path / "step-000004" / "position.json").unlink()
    with (tmp_path / "step-000003" / "model.safetensors").open("ab") as file:
        file.write(b"x")
    damage(tmp_path / "step-000002" / "optimizer.safetensors")
    fresh, told = make_trainer(), []
    assert load_newest(fresh, tmp_path, told.append).name == "step-000001"
    assert fresh.step == 1
    damaged = ("step-000004 is no checkpoint", "model.safetensors is damaged", "optimizer.safetensors is damaged")
    assert [end in message for end, message in zip(damaged, told, strict=True)] == [True] * 3
    damage(tmp_path / "step-000001" / "tokenizer.json")
    assert load_newest(make_trainer(), tmp_path, told.append) is None


def damage(path):
    """Turns one bit; the size stays."""
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_random_numbers_are_keyed_and_no_state_of_them_is_saved(make_trainer, tmp_path):
    """A checkpoint from before this was so has such a file: it loads, and its state is not used."""
    trainer = make_trainer()
    trainer.update()
    saved = save_checkpoint(trainer, tmp_path, keep=1)
    assert "rng.safetensors" not in tensor_files(saved.path)
    loss = trainer.update().loss

    save_file({"cpu": torch.get_rng_state()}, saved.path / "rng.safetensors")
    content = (saved.path / "rng.safetensors").read_bytes()
    position = json.loads((saved.path / "position.json").read_text())
    position["files"]["rng.safetensors"] = {"bytes": len(content), "sha256": sha256(content).hexdigest()}
    (saved.path / "position.json").write_text(json.dumps(position))
    older = make_trainer()
    load_checkpoint(older, saved.path)
    assert older.update().loss == loss


@pytest.mark.parametrize("moment", ["encoder", "optimizer", "sync", "move aside", "move in"])
def test_a_crash_while_saving_leaves_a_whole_checkpoint_and_the_next_save_cleans_up(
    moment, make_trainer, tmp_path, monkeypatch
):
    """KeyboardInterrupt stands for kill -9: cleaning up is prevented, as the kernel would prevent it."""
    trainer = make_trainer()
    trainer.update()
    save_checkpoint(trainer, tmp_path, keep=1)

    def die(*args, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(files.shutil, "rmtree", lambda *args, **options: None)
        if moment == "encoder":
            patch.setattr("engine.encoder.saving._write_overall", die)
        elif moment == "optimizer":
            patch.setattr("engine.training.checkpoint._optimizer_state", die)
        elif moment == "sync":
            patch.setattr(files, "sync", die)
        else:
            rename, calls = Path.rename, []

            def rename_until_death(self, target):
                calls.append(target)
                if len(calls) > ["move aside", "move in"].index(moment):
                    raise KeyboardInterrupt
                return rename(self, target)

            patch.setattr(Path, "rename", rename_until_death)
        with pytest.raises(KeyboardInterrupt):
            save_checkpoint(trainer, tmp_path, keep=1)

    fresh = make_trainer()
    load_newest(fresh, tmp_path, pytest.fail)
    assert fresh.step == 1
    fresh.update()
    save_checkpoint(fresh, tmp_path, keep=1)
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == ["step-000002"]
    assert not list(tmp_path.glob(".*.tmp"))
    assert load_newest(make_trainer(), tmp_path, pytest.fail).name == "step-000002"


def test_an_existing_checkpoint_is_replaced_and_never_merged(make_trainer, tmp_path):
    trainer = make_trainer()
    saved = save_checkpoint(trainer, tmp_path, keep=2)
    (saved.path / "stray.txt").write_text("left by another")
    save_checkpoint(trainer, tmp_path, keep=2)
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000"]
    assert not (saved.path / "stray.txt").exists()


def test_a_full_disk_is_an_error_that_leaves_the_older_ones(make_trainer, tmp_path, monkeypatch):
    trainer = make_trainer()
    save_checkpoint(trainer, tmp_path, keep=1)
    trainer.update()
    monkeypatch.setattr("engine.training.checkpoint.shutil.disk_usage", lambda path: type("U", (), {"free": 10**6}))
    with pytest.raises(CheckpointError, match="MB needed, 1 MB free") as full:
        save_checkpoint(trainer, tmp_path, keep=1)
    assert full.value.errno == errno.ENOSPC
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000"]


def test_a_checkpoint_that_fits_is_written_on_a_nearly_full_disk(make_trainer, tmp_path, monkeypatch):
    """The reserve for what comes beside the tensors is in proportion to them."""
    trainer = make_trainer()
    size = save_checkpoint(trainer, tmp_path, keep=1).bytes
    trainer.update()
    size += 2 * sum(parameter.nbytes for _, parameter in trainer.named_parameters())  # moments, from now on
    monkeypatch.setattr("engine.training.checkpoint.shutil.disk_usage", lambda path: type("U", (), {"free": 2 * size}))
    assert save_checkpoint(trainer, tmp_path, keep=1).step == 1


@pytest.mark.parametrize(
    ("error", "number"),
    [
        (OSError(errno.EDQUOT, "Disk quota exceeded"), errno.EDQUOT),
        (SafetensorError("I/O error: Disk quota exceeded (os error 122)"), 122),
    ],
)
def test_a_quota_that_is_used_up_is_told_apart(make_trainer, tmp_path, monkeypatch, error, number):
    def fail(*_):
        raise error

    monkeypatch.setattr("engine.training.checkpoint.save_file", fail)
    with pytest.raises(CheckpointError, match="quota exceeded") as failure:
        save_checkpoint(make_trainer(), tmp_path, keep=1)
    assert failure.value.errno == number
    assert list(tmp_path.iterdir()) == []


def test_damage_is_found_when_loading(make_trainer, tmp_path):
    saved = save_checkpoint(make_trainer(), tmp_path, keep=1)
    damage(saved.path / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"model.safetensors is damaged"):
        load_checkpoint(make_trainer(), saved.path)
    with pytest.raises(CheckpointError, match="is no checkpoint"):
        load_checkpoint(make_trainer(), tmp_path)


def test_a_checkpoint_of_another_configuration_does_not_fit(make_trainer, tmp_path):
    trainer = make_trainer()
    trainer.update()
    saved = save_checkpoint(trainer, tmp_path, keep=1)
    with pytest.raises(CheckpointError, match="does not fit this configuration"):
        load_checkpoint(make_trainer(config_of(learned=True)), saved.path)


def test_optimizer_state_is_stored_by_parameter_name(make_trainer, tmp_path):
    trainer = make_trainer()
    trainer.update()
    stored = load_file(save_checkpoint(trainer, tmp_path, keep=1).path / "optimizer.safetensors")
    names = {name for name, _ in trainer.named_parameters()}
    assert stored.keys() == {f"{key}/{name}" for key in ("step", "exp_avg", "exp_avg_sq") for name in names}
