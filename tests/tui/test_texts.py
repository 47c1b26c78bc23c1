"""Panels of text say of a run what its spec records, and no more."""

from __future__ import annotations

import hashlib

import pytest
from runs_factory import run_config

from engine.runs.folder import Provenance, Spec
from tui.widgets.texts import config_rows


@pytest.mark.parametrize(
    ("diff", "shown"), [(b"", "0123456789ab"), (b"--- a\n+++ b\n", "0123456789ab with changes"), (None, "0123456789ab")]
)
def test_changes_are_told_of_only_where_something_had_been_changed(diff: bytes | None, shown: str) -> None:
    digest = None if diff is None else hashlib.sha256(diff).hexdigest()
    provenance = Provenance(git_commit="0123456789abcdef", git_diff_digest=digest)
    rows = config_rows(Spec(config=run_config("a"), created=0.0, provenance=provenance), "runs/a", 80)
    (commit,) = ("".join(text for text, _ in row) for row in rows if row and row[0][0].strip() == "commit")
    assert commit.removeprefix("commit").strip() == shown
