"""Files that people edit on Windows begin with a byte order mark: configs, settings, studies, lists of targets."""

from __future__ import annotations

from pathlib import Path

from engine.alerts.targets import targets_of
from engine.config import AlertsConfig, load_config, load_training_sources
from engine.runs.study_file import read_study_file
from tui.launch.fields import Origin, read_draft
from tui.settings import load_settings

CONFIG = """
name = "marked"
[[sources]]
kind = "cldr"
languages = ["de", "en"]
"""
STUDY = Path(__file__).parents[2] / "sample_configs" / "studies" / "cldr-batches.toml"


def marked(path: Path, text: str) -> Path:
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    return path


def test_a_byte_order_mark_is_skipped_wherever_a_person_writes(tmp_path: Path) -> None:
    config = marked(tmp_path / "config.toml", CONFIG)
    assert load_config(config).name == "marked"
    assert load_training_sources(config)[0].languages == ("de", "en")
    assert read_draft(Origin(config.name, "", path=config)).text.lstrip().startswith("name")
    assert load_settings(marked(tmp_path / "settings.toml", 'theme = "dark"\n')).theme == "dark"
    assert read_study_file(marked(tmp_path / "study.toml", STUDY.read_text())).text == read_study_file(STUDY).text
    targets = marked(tmp_path / "targets", "file:///tmp/told\n")
    assert [target.address for target in targets_of(AlertsConfig(targets_file=str(targets)), {})[0]] == [
        "file:///tmp/told"
    ]
