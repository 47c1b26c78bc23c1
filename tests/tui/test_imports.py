"""The dashboard's first frame waits for nothing heavy (acceptance 8)."""

from __future__ import annotations

import subprocess
import sys

HEAVY = {"torch", "transformers", "datasets", "polars", "numpy", "scipy", "tokenizers", "pandas", "pyarrow"}
FORBIDDEN = (
    "engine.data", "engine.encoder", "engine.training", "engine.evaluation", "engine.export", "engine.worker",
)  # fmt: skip
LATER = (
    "tui.run.", "tui.compare", "tui.launch", "tui.dialogs", "tui.study", "tui.devices", "tui.clipboard", "tui.glossary",
    "tui.follow.curves", "tui.follow.detail", "tui.follow.devices", "tui.follow.study", "tui.runs.annotating",
    "tui.runs.choose", "tui.runs.filter_line", "tui.runs.put_away", "tui.runs.saved_views", "tui.draw.canvas",
    "tui.draw.lines", "tui.terminal.wire", "engine.alerts", "engine.machine", "engine.runs.launch",
    "engine.runs.preflight", "engine.runs.provenance", "engine.runs.study_start", "hashlib", "regex", "tomllib",
)  # fmt: skip
START = "import sys, tui.commands.dashboard, tui.app"


def test_importing_the_app_imports_no_model_data_or_array_library() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "import tui.app"], capture_output=True, text=True, check=True
    )
    modules = [line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")]
    assert "tui.runs.screen" in modules
    assert {module.partition(".")[0] for module in modules} & HEAVY == set()
    assert [module for module in modules if module.startswith(FORBIDDEN)] == []


def test_importing_the_app_leaves_screens_that_are_not_shown_yet() -> None:
    """The first frame needs the table of runs only; every other screen is imported when it is opened."""
    program = f"{START}; print(*[m for m in sys.modules if m.startswith({LATER})])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_records_that_the_start_defines_are_structs() -> None:
    """Python writes and compiles the methods of a dataclass when it is defined, which takes a millisecond each time."""
    program = (
        f"{START}; print(*[v.__qualname__ for m in [*sys.modules.values()] if m.__name__.startswith('tui')"
        " for v in vars(m).values() if isinstance(v, type) and v.__module__ == m.__name__"
        " and '__dataclass_fields__' in vars(v)])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= {"Palette"}  # one: it resolves its styles as they are asked for
