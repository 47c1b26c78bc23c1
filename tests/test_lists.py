"""Lists that stand in two places name the same things. docs/architecture.md sends whoever adds something here."""

from __future__ import annotations

import argparse
import re
import runpy
import tomllib
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from engine.benchmark_names import BENCHMARK_FORMS, BENCHMARK_LANGUAGES, NANOBEIR_LANGUAGES
from engine.config import BATCH_MODES, SourceConfig, SystemConfig, SystemKind
from engine.evaluation.systems.system import System
from engine.export.figures import FIGURES
from engine.export.figures.style import FORMATS as FIGURE_FORMATS
from engine.export.mirror.trackers import TRACKERS
from engine.export.tables import TABLES
from engine.export.tables.formats import FORMATS
from engine.language_codes import LANGUAGES, langscript
from engine.runs.reader import MODE_CODES
from engine.training.streams import Mode
from engine.worker.loading import measured_system
from tui.cli import build_parser
from tui.keymap import RUN_TABS
from tui.launch.fields import SOURCE_KINDS
from tui.run.screen import TABS

README = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")


def section(heading: str) -> str:
    """Of README, from a heading to the next."""
    return README.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def commands() -> dict[str, argparse.ArgumentParser]:
    (action,) = (action for action in build_parser()._actions if isinstance(action, argparse._SubParsersAction))
    return dict(action.choices)


def test_the_launch_screen_offers_every_kind_of_source() -> None:
    assert set(SOURCE_KINDS) == set(get_args(get_type_hints(SourceConfig)["kind"]))


def test_every_mode_that_a_batch_can_have_has_a_column_code() -> None:
    """Hybrid is a mode of a run: each of its batches is mono or cross."""
    assert set(get_args(Mode)) == set(MODE_CODES) == set(BATCH_MODES) - {"hybrid"}


def test_readme_names_every_batch_mode() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", section("Batch modes"), re.MULTILINE)
    assert set(rows) == set(BATCH_MODES)


def test_readme_and_help_name_every_benchmark() -> None:
    keys = {form.partition("=")[0].partition("[")[0] for form in BENCHMARK_FORMS.split(", ")}
    assert set(BENCHMARK_LANGUAGES) <= keys
    assert [key for key in keys if f"`{key}" not in section("Benchmarks")] == []


def test_mteb_has_a_name_for_every_language_of_a_benchmark() -> None:
    """The table has the short names, and mteb's names of the others follow from theirs ("acm_Arab")."""
    names = {name for names in BENCHMARK_LANGUAGES.values() for name in names} | set(NANOBEIR_LANGUAGES)
    assert {name for name in names if len(name) == 2} - set(LANGUAGES) == set()
    assert [name for name in names if not re.fullmatch("[a-z]{3}-[A-Z][a-z]{3}", langscript(name))] == []


@pytest.mark.parametrize("kind", [kind for kind in get_args(SystemKind) if kind != "encoder"])
def test_every_kind_of_system_becomes_one(kind: SystemKind) -> None:
    system = measured_system(SystemConfig(kind=kind, path=None if kind == "bm25" else "somewhere"))
    assert isinstance(system, System)


def test_each_kind_of_system_is_one_of_its_own() -> None:
    kinds = [kind for kind in get_args(SystemKind) if kind != "encoder"]
    assert {type(measured_system(SystemConfig(kind=kind, path="somewhere"))) for kind in kinds} == set(get_args(System))


def test_the_tabs_of_the_run_screen_are_those_of_the_keymap() -> None:
    assert tuple(TABS) == RUN_TABS


def test_readme_names_every_command() -> None:
    missing = [name for name in commands() if not re.search(rf"\b{name}\b", section("Commands"))]
    assert missing == []


@pytest.mark.parametrize(
    "names", [TABLES, FIGURES, FORMATS, FIGURE_FORMATS], ids=["tables", "figures", "formats", "of figures"]
)
def test_help_and_readme_name_all_that_can_be_exported(names: dict[str, object]) -> None:
    help_text = " ".join(action.help or "" for action in commands()["export"]._actions)
    for text in (help_text, section("Commands")):
        assert [name for name in names if not re.search(rf"\b{name}\b", text)] == []


def test_readme_shows_the_pictures_that_the_script_draws() -> None:
    docs = Path(__file__).resolve().parent.parent / "docs"
    drawn = runpy.run_path(str(docs / "screenshots.py"))["PICTURES"]
    shown = re.findall(r"\(docs/(\w+)\.svg\)", README)
    assert set(drawn) == set(shown) == {path.stem for path in docs.glob("*.svg")}


def test_every_tracker_is_offered_has_an_extra_and_is_in_the_page_on_trackers() -> None:
    root = Path(__file__).resolve().parent.parent
    (to,) = (action for action in commands()["mirror"]._actions if action.dest == "to")
    assert set(to.choices or ()) == set(TRACKERS)
    extras = tomllib.loads((root / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(TRACKERS) <= set(extras)
    assert extras["trackers"] == [f"hybrid-tui[{','.join(sorted(TRACKERS))}]"]
    rows = re.findall(
        r"^\| `(\w+)` \| [^|]+ \| [^|]+ \| [^|]+ \|$", (root / "docs" / "trackers.md").read_text(), re.MULTILINE
    )
    assert set(rows) == set(TRACKERS)
