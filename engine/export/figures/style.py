"""How every figure looks: letters of 8 pt at the width it is printed in, colours that all readers can tell apart."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile
from typing import Any

from engine.export.run_results import ExportError
from engine.runs.text import visible

COLUMN_INCHES, PAGE_INCHES = 3.35, 6.9  # of the usual two-column page
POINTS = 8
# Okabe and Ito (2008): told apart under all common kinds of colour blindness. Their yellow is too pale on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")  # colour is never the only channel
RAMP = "cividis"  # perceptually uniform, and the same to colour-blind readers

_SETTINGS = {
    "font.family": ["DejaVu Sans"],  # comes with matplotlib: the same everywhere
    **dict.fromkeys(
        ("font.size", "axes.titlesize", "axes.labelsize", "xtick.labelsize", "ytick.labelsize", "legend.fontsize"),
        POINTS,
    ),
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.linewidth": 0.4,
    "grid.color": "#d0d0d0",
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
    "svg.fonttype": "none",  # text stays text: it can be searched, read aloud and edited
    "svg.hashsalt": "hybrid-tui",  # equal figures are equal files
    "pdf.fonttype": 42,  # TrueType, as publishers ask for
    "savefig.dpi": 300,
}
_UNDATED: dict[str, dict[str, str | None]] = {
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
    "png": {"Software": None},
}
FORMATS = tuple(_UNDATED)
_LAUNCHED = re.compile(r"-\d{8}-\d{6}(-\d+)?(?=@\d+$|$)")


def available() -> bool:
    """Whether matplotlib is installed."""
    try:
        import matplotlib  # noqa: F401
    except ModuleNotFoundError:
        return False
    return True


@contextmanager
def styled() -> Iterator[None]:
    """Matplotlib in this style, as its defaults and nothing of the user's.

    Raises:
        ExportError: matplotlib is not installed.
    """
    try:
        import matplotlib
    except ModuleNotFoundError:
        raise ExportError("figures need matplotlib: pip install 'hybrid-tui[figures]'") from None
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)
        yield


def render(figure: Any, format: str) -> bytes:
    """The figure as a file's content; equal figures give equal bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=format, metadata=_UNDATED[format])
    return buffer.getvalue()


def plain(text: str) -> str:
    """Text that matplotlib sets as it is."""
    return visible(text).replace("$", r"\$")


def undated(names: Sequence[str]) -> list[str]:
    """Names of runs without the time of launch, as long as they stay apart."""
    without = [_LAUNCHED.sub("", name) for name in names]
    return without if len(set(without)) == len(names) else list(names)


def short(names: Sequence[str]) -> list[str]:
    """Names of runs without the time of launch and the words that all begin with, as long as they stay apart.

    "cldr-mono-20260801-120000", "cldr-hybrid-20260801-120001" -> "mono", "hybrid"
    """
    if len(set(names)) < 2:
        return list(names)
    words = [name.split("-") for name in undated(names)]
    common = sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, zip(*words, strict=False)))
    return ["-".join(of_name[min(common, len(of_name) - 1) :]) for of_name in words]


def check_count(what: str, names: Sequence[str]) -> None:
    """Raises ExportError when there are more of them than can be told apart."""
    if len(names) > len(COLOURS):
        raise ExportError(f"a {what} figure tells {len(COLOURS)} runs apart, not {len(names)}: choose among them")
