"""What several tests need is written once, where all of them find it."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

FOLDER = Path(__file__).parent


def test_no_test_file_imports_another() -> None:
    files = [path for path in FOLDER.rglob("test_*.py") if path.name != Path(__file__).name]
    assert len(files) > 50
    imports = re.compile(r"^\s*(?:from|import) test_\w+", re.MULTILINE)
    assert [path.name for path in files if imports.search(path.read_text(encoding="utf-8"))] == []


def test_no_two_files_of_tests_have_the_same_name() -> None:
    """Pytest imports them by their names alone."""
    names = Counter(path.name for path in FOLDER.parent.rglob("*.py") if "__init__" not in path.name)
    assert [name for name, count in names.items() if count > 1 and name != "conftest.py"] == []
