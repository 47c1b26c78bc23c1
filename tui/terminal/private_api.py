"""The private parts of Textual that this folder builds on, and whether the installed Textual still has them.

A release may rename any of them without a word. They are looked up once, before the first screen is drawn. Where one
is missing or takes other arguments, the dashboard leaves its own output and caches out and looks the same.
"""

from __future__ import annotations

import importlib
from functools import cache
from operator import attrgetter
from types import FunctionType

_PARAMETERS: dict[str, tuple[str, ...]] = {
    "textual.app:App._display": ("self", "screen", "renderable"),
    "textual._compositor:LayoutUpdate.__init__": ("self", "strips", "region"),
    "textual._compositor:ChopsUpdate.__init__": ("self", "chops", "spans", "chop_ends"),
    "textual._compositor:CompositorUpdate.render_segments": ("self", "console"),
    "textual._compositor:Compositor.render_update": ("self", "full", "screen_stack", "simplify"),
    "textual._compositor:Compositor.render_strips": ("self", "size"),
    "textual._styles_cache:StylesCache.__init__": ("self",),
    "textual._styles_cache:StylesCache.clear": ("self",),
    "textual._styles_cache:StylesCache.set_dirty": ("self",),
    "textual._styles_cache:StylesCache.render_widget": ("self", "widget", "crop"),
    "textual._styles_cache:StylesCache.render_line": (
        "self", "styles", "y", "size", "content_size", "padding", "base_background", "background",
        "render_content_line", "border_title", "border_subtitle", "opacity", "ansi_theme", "native_ansi",
    ),
}  # fmt: skip
_ATTRIBUTES: dict[str, tuple[str, ...]] = {  # what a function sets or reads on ``self``
    "textual.app:App.__init__": ("_batch_count", "_driver"),
    "textual.message_pump:MessagePump.__init__": ("_running",),
    "textual._compositor:Compositor.__init__": ("size",),
    "textual._compositor:LayoutUpdate.__init__": ("strips", "region"),
    "textual._compositor:ChopsUpdate.__init__": ("chops", "spans", "chop_ends"),
    "textual.screen:Screen.__init__": ("_compositor",),
    "textual.widget:Widget.__init__": ("_styles_cache", "_border_title"),
    "textual.widget:Widget.render_lines": ("_styles_cache", "render_widget"),
    "textual.drivers.linux_driver:LinuxDriver.__init__": ("_writer_thread", "_file"),
    "textual.drivers._writer_thread:WriterThread.__init__": ("_queue",),
}
_NAMES = ("textual.app:App._background_screens", "rich.cells:split_graphemes")


@cache
def difference() -> str:
    """What the installed Textual lacks, as a few words; empty where it has everything."""
    try:
        for place, parameters in _PARAMETERS.items():
            if _parameters(_at(place)) != parameters:
                return f"{place.partition(':')[2]} takes other arguments"
        for place, names in _ATTRIBUTES.items():
            if lost := [name for name in names if name not in _function(_at(place)).__code__.co_names]:
                return f"{place.partition(':')[2]} has no {lost[0]}"
        for place in _NAMES:
            _at(place)
    except (ImportError, AttributeError, TypeError) as error:
        return " ".join(str(error).split())
    return ""


def _at(place: str) -> object:
    module, _, name = place.partition(":")
    return attrgetter(name)(importlib.import_module(module))


def _function(value: object) -> FunctionType:
    if not isinstance(value, FunctionType):
        raise TypeError(f"{value!r} is no function")
    return value


def _parameters(value: object) -> tuple[str, ...]:
    """Names of the arguments that may be given by position."""
    code = _function(value).__code__
    return code.co_varnames[: code.co_argcount]
