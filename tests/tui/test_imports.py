"""The dashboard's first frame waits for nothing heavy (acceptance 8)."""

from __future__ import annotations

import subprocess
import sys

HEAVY = {"torch", "transformers", "datasets", "polars", "numpy", "scipy", "tokenizers", "pandas", "pyarrow"}
FORBIDDEN = (
    "engine.data", "engine.encoder", "engine.training", "engine.evaluation", "engine.export", "engine.worker",
)  # fmt: skip
LATER = ("tui.run.", "tui.compare", "tui.launch", "tui.dialogs", "tui.study", "tui.devices")


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
    program = f"import sys, tui.app; print(*[m for m in sys.modules if m.startswith({LATER})])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
