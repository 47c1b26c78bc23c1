"""The one table of what can be done, where, and with which key.

Key bindings, the footer, the help screen and the command palette are all made from it. Only keys that every terminal
passes on are used: no Ctrl-S or Ctrl-Q (flow control), no Alt; Escape and F-keys are never the only way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from textual.binding import BindingType

KEY_NAMES = {
    "question_mark": "?", "left_square_bracket": "[", "right_square_bracket": "]", "plus": "+", "minus": "-",
    "equals_sign": "=", "underscore": "_", "comma": ",", "full_stop": ".", "colon": ":", "slash": "/",
    "exclamation_mark": "!", "escape": "esc", "pageup": "pgup",
    "pagedown": "pgdn", "ctrl+enter": "ctrl+enter", "up": "up", "down": "down",
}  # fmt: skip


class Action(msgspec.Struct, frozen=True):
    """What can be done somewhere; the first key is the one that is shown.

    ``name`` is the method ``action_<name>`` of the screen, or of the widget that has these keys while it, or something
    in it, has the focus: ``scopes`` names screens and such widgets.
    """

    name: str
    keys: tuple[str, ...]
    label: str  # in the footer
    help: str  # empty: said by another action's line
    scopes: tuple[str, ...]
    footer: bool = True
    palette: str = ""  # "area: action"; empty: not worth a place there
    shown_keys: str = ""  # where the first key alone would not say it
    first: bool = False  # done before the next key is looked at, which may be meant for another part by then


RUN_TABS = ("overview", "heatmap", "bias", "queries", "log", "config")
_VIEWS = ("runs", "run", "compare", "study", "devices")  # where letters are commands
_CHOOSERS = ("choose", "charts", "others", "fields", "views")
_DIALOGS = ("export", "confirm", "help", "toml", "enter", *_CHOOSERS)
_STUDY_PARTS = ("grid", "answer", "left")
_COMPARE_PARTS = ("pairs", "places")
_MOVING = ("list", "text", "cells", "board", *_STUDY_PARTS, *_COMPARE_PARTS)

# Of each screen the scopes of its widgets that have keys of their own; those of one tuple are in sight together.
PARTS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "runs": (("list",), ("filter",)),
    "run": (
        ("overview", "board"),
        ("overview", "text"),
        ("heatmap", "cells"),
        ("heatmap", "text"),
        ("bias", "text", "columns"),
        ("queries", "list"),
        ("log", "text"),
        ("config", "text"),
    ),
    "help": (("text",),),
    "toml": (("text",),),
    "confirm": (("text",),),
    "launch": (("field", "choice"), ("text",)),
    "export": (("field", "choice"),),
    "compare": (("differences", "list"), ("pairs",), ("overlay",), ("places",)),
    "study": tuple((part,) for part in _STUDY_PARTS),
    "devices": (("list",),),
}

ACTIONS: tuple[Action, ...] = (
    Action("open", ("enter",), "open", "open the run under the cursor; fold or unfold a study", ("runs",),
           palette="run: open"),
    Action("new", ("n",), "new", "launch a new run from a sample or a former run", ("runs",), palette="run: new"),
    Action("tab(1)", ("1",), "overview", "overview: losses, figures of now, evaluations, log", ("run",),
           footer=False, palette="tab: overview"),
    Action("tab(2)", ("2",), "heatmap", "heatmap: mAP per language pair", ("run",), footer=False,
           palette="tab: heatmap"),
    Action("tab(3)", ("3",), "bias", "bias: rank distance and own-language advantage", ("run",), footer=False,
           palette="tab: bias"),
    Action("tab(4)", ("4",), "queries", "queries: the worst of a language pair, and what was ranked for them",
           ("run",), footer=False, palette="tab: queries"),
    Action("tab(5)", ("5",), "log", "log: everything that happened", ("run",), footer=False, palette="tab: log"),
    Action("tab(6)", ("6",), "config", "config: what was asked, and where it ran", ("run",), footer=False,
           palette="tab: config"),
    Action("next_tab", ("tab",), "next tab", "the next tab; shift+tab: the one before", ("run",), footer=False),
    Action("previous_tab", ("shift+tab",), "tab before", "", ("run",), footer=False),
    Action("pause_resume", ("p",), "pause/resume",
           "pause a live run (checkpoint, then its process ends) or resume one", ("runs", "run", "study"),
           palette="run: pause or resume"),
    Action("stop", ("k",), "stop", "end a run, with a checkpoint from which p resumes it (asks first)",
           ("runs", "run", "study"), palette="run: stop"),
    Action("evaluate", ("e",), "evaluate", "evaluate the run at its present step", ("runs", "run"),
           palette="run: evaluate now"),
    Action("save", ("w",), "checkpoint", "write a checkpoint now", ("runs", "run"), footer=False,
           palette="run: write a checkpoint"),
    Action("mark", ("space",), "mark", "mark the run, or all runs of a study", ("runs",), palette="run: mark"),
    Action("unmark", ("minus",), "unmark", "take all marks away", ("runs",), footer=False, palette="runs: unmark all"),
    Action("compare", ("c",), "compare", "compare the marked runs, or all runs of a study", ("runs",),
           palette="runs: compare"),
    Action("study", ("t",), "study", "the study of the run: conditions by benchmarks, the runs that are left, the "
           "answer so far", ("runs", "run"), footer=False, palette="study: open"),
    Action("filter", ("slash",), "filter", "show only runs that fit: words of their lines, comparisons such as "
           "lr>=1e-4 model~xlmr mono>.7 state:running tag:paper, -word for those without", ("runs",),
           palette="runs: filter"),
    Action("complete", ("tab",), "complete", "while a filter is typed: end the key or the value", ("filter",),
           footer=False),
    Action("clear_filter", ("ctrl+g", "escape"), "show all", "show all runs again", ("runs",), footer=False,
           palette="runs: show all"),
    Action("sort", ("s",), "sort", "choose what the runs are sorted by; choosing it again turns it around", ("runs",),
           footer=False, palette="runs: sort"),
    Action("reverse", ("r",), "reverse", "turn the order around", ("runs",), footer=False, palette="runs: reverse"),
    Action("group", ("g",), "group", "group runs, or not", ("runs",), footer=False, palette="runs: group"),
    Action("group_by", ("G",), "group by", "choose what runs are grouped by: study, or any keys of their configs",
           ("runs",), footer=False, palette="runs: group by"),
    Action("columns", ("C",), "columns", "choose the columns: also any key of a config and any metric", ("runs",),
           footer=False, palette="runs: columns"),
    Action("views", ("V",), "views", "columns, order, groups and filter under a name: save, show, delete", ("runs",),
           footer=False, palette="runs: views"),
    Action("note", ("N",), "note", "write a note on the run", ("runs",), footer=False, palette="run: note"),
    Action("tag", ("T",), "tags", "give the run tags, which a filter finds: tag:paper", ("runs",), footer=False,
           palette="run: tags"),
    Action("rename", ("R",), "rename", "call the run by another name; its id stays", ("runs",), footer=False,
           palette="run: rename"),
    Action("pin", ("P",), "pin", "have the run stand first, or where it belongs again", ("runs",), footer=False,
           palette="run: pin"),
    Action("archive", ("a",), "archive", "move runs out of sight, into .archive (asks first)", ("runs",), footer=False,
           palette="runs: archive"),
    Action("delete", ("d", "delete"), "delete", "move runs to .trash (asks first)", ("runs",), footer=False,
           palette="runs: delete", shown_keys="d"),
    Action("restore", ("u",), "bring back", "bring back an archived or deleted run", ("runs",), footer=False,
           palette="runs: bring back"),
    Action("zoom(1)", ("z",), "zoom", "zoom all charts in (z) or out (Z), around the crosshair", ("overview",),
           palette="chart: zoom in", shown_keys="z Z"),
    Action("zoom(-1)", ("Z",), "wider", "", ("overview",), footer=False, palette="chart: zoom out"),
    Action("pan(-1)", ("comma",), "pan", "earlier (,) or later (.) steps, when zoomed in", ("overview",), footer=False,
           palette="chart: earlier steps", shown_keys=", ."),
    Action("pan(1)", ("full_stop",), "later", "", ("overview",), footer=False, palette="chart: later steps"),
    Action("show_all", ("0",), "whole run", "the whole run, without a crosshair", ("overview",), footer=False,
           palette="chart: the whole run"),
    Action("charts", ("f",), "charts", "choose which charts are shown", ("overview",), palette="chart: choose"),
    Action("log_axis", ("y",), "log axis", "logarithmic or linear values in the large chart", ("overview",),
           footer=False, palette="chart: log axis"),
    Action("x_axis", ("a",), "x axis", "charts over steps, the time of day, the time since the start, or tokens",
           ("overview",), palette="chart: next x axis"),
    Action("y_range", ("r",), "y range", "of the large chart: all values, without outliers, or held as it is now",
           ("overview",), footer=False, palette="chart: next range of values"),
    Action("others", ("c",), "other runs", "lay the curves of other runs over these, or take them away",
           ("overview",), palette="chart: other runs over these"),
    Action("smooth(1)", ("plus", "equals_sign"), "smooth", "smooth the charts more (+) or less (-)", ("overview",),
           footer=False, palette="chart: smoother", shown_keys="+ -"),
    Action("smooth(-1)", ("minus", "underscore"), "rougher", "", ("overview",), footer=False,
           palette="chart: rougher"),
    Action("usual_smoothing", ("s",), "usual smoothing", "smooth by the length of the run again", ("overview",),
           footer=False, palette="chart: smooth by the length of the run"),
    Action("step(-1)", ("left_square_bracket",), "step", "the evaluation before ([) or after (])",
           ("overview", "heatmap", "bias", "queries"), palette="evaluation: step before", shown_keys="[ ]"),
    Action("step(1)", ("right_square_bracket",), "step after", "", ("overview", "heatmap", "bias", "queries"),
           footer=False, palette="evaluation: step after"),
    Action("enter", ("enter",), "queries", "the queries of the cell under the cursor", ("heatmap",),
           palette="heatmap: queries of the cell"),
    Action("enter", ("enter",), "passages", "what was ranked for the question under the cursor", ("queries",)),
    Action("replay", ("space",), "play", "play the evaluations from the first to the last", ("heatmap", "bias"),
           palette="evaluation: play all steps"),
    Action("contrast", ("d",), "difference", "the difference to another step, or to another run",
           ("heatmap", "queries", "config"), palette="evaluation: difference to"),
    Action("view", ("s",), "view", "all pairs, cross-lingual, monolingual, pool", ("heatmap",),
           palette="heatmap: next view"),
    Action("view", ("s",), "order", "the order of the questions, where there are two evaluations", ("queries",),
           palette="queries: next order"),
    Action("measure", ("m",), "measure", "another measure in the heatmap, where there are several", ("heatmap",),
           palette="heatmap: next measure"),
    Action("cumulative", ("v",), "cumulative", "rank distances as histograms, or as shares up to each distance",
           ("bias",), palette="bias: cumulative"),
    Action("only", ("l",), "one language", "only passages in the cell's language, or all", ("queries",),
           palette="queries: one language"),
    Action("move_left", ("left",), "questions", "between the questions and what was ranked", ("queries",),
           footer=False, shown_keys="left right"),
    Action("move_right", ("right",), "passages", "", ("queries",), footer=False),
    Action("find(1)", ("n",), "relevant", "the relevant passage below (n) or above (N)", ("queries",),
           palette="queries: next relevant passage", shown_keys="n N"),
    Action("find(-1)", ("N",), "before", "", ("queries",), footer=False, palette="queries: relevant passage before"),
    Action("search", ("slash",), "search", "search the text", ("log", "config"), palette="find: search"),
    Action("find(1)", ("n",), "next", "the match after (n) or before (N)", ("log", "config"),
           palette="find: next", shown_keys="n N"),
    Action("find(-1)", ("N",), "before", "", ("log", "config"), footer=False, palette="find: before"),
    Action("kind", ("f",), "kind", "only problems, evaluations, checkpoints or commands, then everything again; at its "
           "end the log follows what is new", ("log",), palette="log: next kind"),
    Action("worker_log", ("l",), "worker.log", "what the process of the run printed (its tracebacks), and back",
           ("log",), palette="log: worker.log"),
    Action("benchmark", ("b",), "benchmark", "the next benchmark, where a run has several",
           ("overview", "heatmap", "bias", "queries"), palette="evaluation: next benchmark"),
    Action("panel", ("o",), "other panel", "the next panel; arrows move in the one that has the bright title",
           ("overview", "heatmap", "bias", "queries"), footer=False, palette="view: other panel"),
    Action("choose", ("enter",), "compare", "compare the condition under the cursor with the baseline on that "
           "benchmark; among the runs that are left: open the run", ("grid", "left")),
    Action("compare", ("c",), "compare", "compare all conditions on the benchmark under the cursor", ("study",),
           palette="study: compare all conditions"),
    Action("heatmap", ("h",), "heatmap", "the heatmap of the condition's first run on that benchmark", ("study",),
           palette="study: heatmap of the cell"),
    Action("bias", ("b",), "bias", "its language bias, where the benchmark has any", ("study",),
           palette="study: bias of the cell"),
    Action("queries", ("w",), "queries", "its worst queries", ("study",), palette="study: queries of the cell"),
    Action("measure", ("m",), "measure", "another measure: quality, cross-lingual, multilingual, bias", ("study",),
           palette="study: next measure"),
    Action("intervals", ("i",), "intervals", "show or hide the intervals in the cells", ("study",), footer=False,
           palette="study: intervals"),
    Action("next_panel", ("tab", "o"), "next part", "the next part of the screen: conditions, answer, runs that are "
           "left; shift+tab: the one before", ("study",), palette="study: next part", shown_keys="tab", first=True),
    Action("previous_panel", ("shift+tab",), "part before", "", ("study",), footer=False, first=True),
    Action("export", ("x",), "export", "write a table or a figure to a file", ("runs", "run", "compare", "study"),
           palette="table: export"),
    Action("move_up", ("up",), "move", "another large chart (up, down), and the crosshair of all (left, right)",
           ("board",), footer=False, shown_keys="arrows"),
    Action("move_up", ("up",), "move", "move over the cells of the heatmap", ("cells",), shown_keys="arrows"),
    Action("move_up", ("up",), "up", "up or down", ("list",), footer=False, shown_keys="up down"),
    Action("move_up", ("up",), "scroll", "up or down", ("text",), shown_keys="up down"),
    Action("move_up", ("up",), "up", "up or down", _CHOOSERS, footer=False, shown_keys="up down"),
    Action("move_down", ("down",), "down", "", _CHOOSERS, footer=False),
    Action("page_up", ("pageup",), "page up", "a page up or down", _CHOOSERS, footer=False,
           shown_keys="pgup pgdn"),
    Action("page_down", ("pagedown",), "page down", "", _CHOOSERS, footer=False),
    Action("first", ("home",), "first", "to the beginning or the end", _CHOOSERS, footer=False,
           shown_keys="home end", first=True),
    Action("last", ("end",), "last", "", _CHOOSERS, footer=False, first=True),
    Action("move_up", ("up",), "move", "move over the cells, the lines or the runs", _STUDY_PARTS, footer=False,
           shown_keys="arrows"),
    Action("move_up", ("up",), "move", "move over the languages, or pairs of them", ("pairs",), footer=False,
           shown_keys="arrows"),
    Action("move_up", ("up",), "move", "move over the conditions", ("places",), footer=False, shown_keys="up down"),
    Action("move_down", ("down",), "down", "", _MOVING, footer=False),
    Action("move_left", ("left",), "left", "", ("grid", "cells", "board", "pairs"), footer=False),
    Action("move_right", ("right",), "right", "", ("grid", "cells", "board", "pairs"), footer=False),
    Action("move_left", ("left",), "left", "columns left or right", ("columns",), footer=False,
           shown_keys="left right"),
    Action("move_right", ("right",), "right", "", ("columns",), footer=False),
    Action("page_up", ("pageup",), "page up", "a page up or down", _MOVING, footer=False, shown_keys="pgup pgdn"),
    Action("page_down", ("pagedown",), "page down", "", _MOVING, footer=False),
    Action("first", ("home",), "first", "to the beginning or the end", _MOVING, footer=False, shown_keys="home end"),
    Action("last", ("end",), "last", "", _MOVING, footer=False),
    Action("next_field", ("down", "tab"), "next field", "the next field; up and shift+tab: the one before", ("field",),
           footer=False, shown_keys="down tab"),
    Action("previous_field", ("up", "shift+tab"), "field before", "", ("field",), footer=False),
    Action("fields_down", ("pagedown",), "fields down", "", ("field",), footer=False),
    Action("fields_up", ("pageup",), "fields up", "several fields up or down", ("field",), footer=False,
           shown_keys="pgup pgdn"),
    Action("choice_before", ("left",), "choice before", "the choice before or after, where a field has choices",
           ("choice",), footer=False, shown_keys="left right"),
    Action("choice_after", ("right",), "choice after", "", ("choice",), footer=False),
    Action("list", ("enter", "space"), "list", "list the choices of the field; in a text enter goes to the next field",
           ("choice",), footer=False),
    Action("start", ("f5", "ctrl+enter"), "start", "start the run", ("launch",), palette="run: start", shown_keys="F5"),
    Action("every_key", ("f3",), "any key", "find any key of the config by its name or meaning, and set it",
           ("launch",), palette="config: any key"),
    Action("editor", ("f4",), "$EDITOR", "edit the config as TOML in $VISUAL or $EDITOR", ("launch",),
           palette="config: edit in $EDITOR"),
    Action("panel", ("f6",), "before you start", "what a start would do, on a narrow screen", ("launch",)),
    Action("embedded", ("f9",), "built-in data", "train and evaluate on the built-in corpus instead, which needs no "
           "files", ("launch",), palette="config: built-in data"),
    Action("toml", ("f2",), "as TOML", "the whole config as TOML", ("launch",), palette="config: show as TOML"),
    Action("jump", ("f8",), "jump", "letters appear on the fields: typing one goes there", ("launch",), footer=False,
           palette="view: jump"),
    Action("copy", ("f7",), "copy", "copy what stands on the screen", ("launch",), footer=False, palette="view: copy"),
    Action("write", ("f5", "ctrl+enter"), "write", "write the table or figure to the file", ("export",),
           shown_keys="F5"),
    Action("copy_table", ("f6",), "copy", "copy the table as markdown, for a message or a note", ("export",)),
    Action("choose", ("enter",), "pair by pair", "the difference under the cursor by languages or pairs of them",
           ("differences",)),
    Action("choose", ("enter",), "heatmap", "the heatmap of the run, or its language bias for a measure of bias",
           ("pairs",)),
    Action("choose", ("enter",), "open the run", "open the first run of the condition under the cursor", ("places",)),
    Action("view('pairs')", ("h",), "per pair", "per language or pair of languages, for the measure under the cursor",
           ("compare",), palette="compare: per pair"),
    Action("view('curves')", ("l",), "curves", "curves over one another", ("compare",), palette="compare: curves"),
    Action("view('places')", ("p",), "Pareto", "map_monolingual against rank_distance", ("compare",),
           palette="compare: Pareto view"),
    Action("view('table')", ("t",), "table", "back to the table, as q does", ("compare",), footer=False,
           palette="compare: table"),
    Action("measure", ("m",), "of what", "what the curves are of: losses, or a metric over the evaluations",
           ("overlay",), palette="compare: curves of what"),
    Action("log_axis", ("y",), "log axis", "logarithmic or linear loss axis", ("overlay",),
           palette="compare: log axis"),
    Action("baseline", ("v",), "baseline", "choose the baseline", ("compare",), palette="compare: baseline"),
    Action("sort", ("s",), "sort", "sort the conditions of each measure: as started, by value, change or p",
           ("differences",), footer=False, palette="compare: sort"),
    Action("benchmark", ("b",), "benchmark", "the next benchmark that all runs have", ("compare",), footer=False,
           palette="compare: next benchmark"),
    Action("choose", ("enter",), "choose", "choose", ("choose",)),
    Action("show_or_hide", ("enter",), "show or hide", "show or hide the chart under the cursor", ("charts",)),
    Action("show_or_hide", ("enter",), "take or leave", "take the key under the cursor, or leave it out", ("fields",)),
    Action("earlier", ("ctrl+up", "f3"), "order", "earlier (ctrl+up, F3) or later (ctrl+down, F4) among those that "
           "are taken", ("fields",), shown_keys="ctrl+up ctrl+down", first=True),
    Action("later", ("ctrl+down", "f4"), "later", "", ("fields",), footer=False, first=True),
    Action("usual", ("tab",), "the usual", "the usual ones, in their usual order", ("fields",)),
    Action("close", ("escape", "ctrl+g"), "close", "back to the table", ("fields",), shown_keys="esc"),
    Action("choose", ("enter",), "show", "show the view, or save the present one", ("views",)),
    Action("delete", ("delete",), "forget it", "delete the view", ("views",), first=True),
    Action("close", ("escape", "ctrl+g"), "close", "back to the table", ("views",), shown_keys="esc"),
    Action("keep", ("enter",), "keep", "keep what is typed", ("enter",)),
    Action("close", ("escape", "ctrl+g"), "close", "leave everything as it is", ("enter",), shown_keys="esc"),
    Action("only", ("tab",), "only these", "show the listed charts and no others", ("charts",)),
    Action("close", ("escape", "ctrl+g"), "close", "back to the charts", ("charts", "others"), shown_keys="esc"),
    Action("show_or_hide", ("enter",), "lay over or take away", "lay the run under the cursor over this one, or take "
           "it away", ("others",)),
    Action("yes", ("y",), "yes", "do it", ("confirm",)),
    Action("close", ("n", "q", "escape"), "no", "leave everything as it is", ("confirm",), shown_keys="n"),
    Action("close", ("escape", "ctrl+g"), "close", "close without doing anything", ("choose",), shown_keys="ctrl+g"),
    Action("jump", ("j",), "jump", "letters appear on rows, tabs and fields: typing one goes there", _VIEWS,
           footer=False, palette="view: jump"),
    Action("copy", ("Y",), "copy", "copy a run's id or path, or what stands on the screen", _VIEWS, footer=False,
           palette="view: copy"),
    Action("repaint", ("ctrl+l",), "repaint", "draw the whole screen again", (*_VIEWS, "launch", *_DIALOGS),
           footer=False, palette="view: repaint"),
    Action("screenshot", ("f12",), "picture", "write a picture of the screen to a file, as SVG", _VIEWS, footer=False,
           palette="view: picture of the screen"),
    Action("close", ("escape", "ctrl+g"), "close", "back without going anywhere", ("jump",), shown_keys="ctrl+g"),
    Action("devices", ("D",), "devices", "GPUs, CPU slots and the queue: what is busy, and why a run waits",
           ("runs", "run", "study"), footer=False, palette="view: devices"),
    Action("open", ("enter",), "open the run", "open the run that is there, or that waits", ("devices",),
           palette="devices: open the run"),
    Action("problems", ("exclamation_mark",), "problems", "what cannot be read, and why",
           ("runs", "run", "study", "devices"),
           footer=False, palette="view: problems"),
    Action("commands", ("colon", "ctrl+p"), "commands", "find any command by name", _VIEWS),
    Action("commands", ("ctrl+p",), "commands", "find any command by name", ("launch",)),
    Action("help", ("question_mark", "f1"), "help", "this help", _VIEWS),
    Action("help", ("f1",), "help", "this help", ("launch", "export")),
    Action("close", ("q", "escape"), "back", "back to the table, from there to the runs", ("compare",),
           palette="compare: back"),
    Action("close", ("q", "escape"), "back", "back; a run goes on", ("run",), palette="view: back to the runs"),
    Action("close", ("q", "escape"), "back", "back; runs go on", ("devices",), palette="devices: back"),
    Action("close", ("q", "escape"), "back", "back; runs go on", ("study",), palette="study: back"),
    Action("close", ("escape", "ctrl+g"), "back", "back; asks first where something was typed or a start is under way",
           ("launch",), palette="view: back", shown_keys="esc"),
    Action("close", ("q", "escape", "question_mark", "f1", "f2"), "close", "close", ("help", "toml")),
    Action("close", ("escape", "ctrl+g"), "close", "close; what was written stays", ("export",), shown_keys="esc"),
    Action("leave", ("q",), "leave, runs go on", "leave the dashboard; runs go on", ("runs",),
           palette="dashboard: leave"),
)  # fmt: skip

FOOTER_KEYS = 5  # besides the commands, help and the way out
_ENDS = ("commands", "help", "close", "leave")

_EATEN = re.compile(r"(alt\+.*|ctrl\+(s|q|z|c|m|i|j|\\))")  # by terminals, or the same as enter and tab
_NAMED = {name: key for key, name in KEY_NAMES.items() if len(name) == 1}
_in_force: list[tuple[Action, ...]] = [ACTIONS]


class KeymapError(ValueError):
    """A key that a person has set cannot be; ``name`` is the action's, as it was given."""

    def __init__(self, name: str, wrong: str) -> None:
        super().__init__(wrong)
        self.name = name


def rebound(keys: Mapping[str, tuple[str, ...]]) -> tuple[Action, ...]:
    """The table with other keys, by ``action`` (everywhere) or ``scope.action`` (on that screen, in that widget).

    Raises:
        KeymapError: no such action or key, a key that terminals eat, or one that means two things in one place.
    """
    table = list(ACTIONS)
    for name, chosen in keys.items():
        scope, _, action = name.rpartition(".")
        places = [at for at, each in enumerate(table) if each.name == action and (not scope or scope in each.scopes)]
        if not places:
            raise KeymapError(name, _no_such(scope, action))
        bound = tuple(_NAMED.get(key, key) for key in chosen)
        for key in bound:
            if not key or " " in key or "," in key or _EATEN.fullmatch(key):
                raise KeymapError(name, f"{key!r} is no key, or one that terminals keep for themselves")
        if not bound:
            raise KeymapError(name, "at least one key is needed")
        for at in places:
            each = table[at]
            if scope and len(each.scopes) > 1:  # the other scopes keep theirs
                table[at] = msgspec.structs.replace(
                    each, scopes=tuple(other for other in each.scopes if other != scope)
                )
                table.insert(at, msgspec.structs.replace(each, scopes=(scope,), keys=bound, shown_keys=""))
            else:
                table[at] = msgspec.structs.replace(each, keys=bound, shown_keys="")
    for name in keys:
        _refuse_double(table, name)
    return tuple(table)


def _no_such(scope: str, action: str) -> str:
    if not scope:
        return "no such action"
    parts = {part for parts in PARTS.get(scope, ()) for part in parts}
    if there := sorted({part for each in ACTIONS if each.name == action for part in each.scopes if part in parts}):
        return f"is a key of a part of that screen: {there[0]}.{action}"
    return f"no such action on the {scope} screen"


def _refuse_double(table: Sequence[Action], name: str) -> None:
    """Raises where a key of the action has another meaning wherever that action can be used."""
    scope, _, action = name.rpartition(".")
    for place in _places():
        if scope and scope not in place:
            continue
        bound = [(key, each.name) for each in table if set(place) & set(each.scopes) for key in each.keys]
        keys = {key for key, owner in bound if owner == action}
        if taken := [(key, owner) for key, owner in bound if key in keys and owner != action]:
            raise KeymapError(name, f"{taken[0][0]!r} is {taken[0][1]} on the {place[0]} screen already")


def _places() -> list[tuple[str, ...]]:
    """The scopes that are in force together: a screen, and what has keys of its own on it."""
    parts = {part for groups in PARTS.values() for group in groups for part in group}
    screens = dict.fromkeys(scope for action in ACTIONS for scope in action.scopes if scope not in parts)
    return [(screen, *group) for screen in screens for group in PARTS.get(screen, ((),))]


def use(actions: tuple[Action, ...]) -> None:
    """From here on this is the table; called once, before the first screen is made."""
    _in_force[0] = actions


def key_named(name: str) -> str:
    """The key that is shown as ``name``, as Textual calls it."""
    if re.fullmatch(r"F\d+", name):
        return name.lower()
    return next((key for key, shown in KEY_NAMES.items() if shown == name), name)


def key_name(key: str) -> str:
    return KEY_NAMES.get(key, key.upper() if re.fullmatch(r"f\d+", key) else key)


def shown_key(action: Action) -> str:
    return action.shown_keys or key_name(action.keys[0])


def actions_of(screen: str, part: str = "") -> list[Action]:
    """Those of a screen and of its parts: of all, or of ``part`` and of what is in sight with it."""
    together = [parts for parts in PARTS.get(screen, ()) if not part or part in parts]
    scopes = {screen, *(each for parts in together for each in parts)}
    return [action for action in _in_force[0] if scopes & set(action.scopes)]


def bindings(scope: str) -> list[BindingType]:
    """The usual keys of a screen, or of a widget that can have the focus, for Textual: ``overrides`` has a person's."""
    from textual.binding import Binding  # not before the settings are read: they tell Textual how many colours to use

    return [
        Binding(",".join(each.keys), each.name, each.label, show=False, priority=each.first, id=id_of(scope, each))
        for each in ACTIONS
        if scope in each.scopes
    ]


def id_of(scope: str, action: Action) -> str:
    return f"{scope}.{action.name}"


def overrides() -> dict[str, str]:
    """What ``App.set_keymap`` takes: the keys in force of every binding whose keys are not the usual ones."""
    usual = {id_of(scope, action): action.keys for action in ACTIONS for scope in action.scopes}
    in_force = {id_of(scope, action): action.keys for action in _in_force[0] for scope in action.scopes}
    return {id: ",".join(keys) for id, keys in in_force.items() if keys != usual[id]}


def footer(
    screen: str, part: str = "", labels: dict[str, str] | None = None, order: Sequence[str] = ()
) -> list[tuple[str, str]]:
    """(key, label) of the five actions that matter here, then the commands, help and the way out.

    ``labels`` says what an action means right now, by its name; an empty label leaves it out. ``order`` names the
    actions instead, as many as there may be room for: the first stay longest where there is little.
    """
    labels = labels or {}
    chosen: dict[str, tuple[str, str]] = {}
    ends: list[tuple[str, str]] = []
    for action in actions_of(screen, part):
        label = labels.get(action.name, action.label)
        if not (action.footer or action.name in order) or not label:
            continue
        if action.name in _ENDS:
            ends.append((shown_key(action), label))
        else:
            chosen.setdefault(action.name, (shown_key(action), label))  # of several parts that of the first
    if order:
        return [chosen[name] for name in order if name in chosen] + ends
    return list(chosen.values())[:FOOTER_KEYS] + ends


def kept(keys: Sequence[tuple[str, str]]) -> int:
    """How many at the end of a footer give way last: the commands where it has them, help and the way out."""
    commands = {shown_key(action) for action in _in_force[0] if action.name == "commands"}
    return 3 if len(keys) > 2 and keys[-3][0] in commands else 2


def help_lines(screen: str, part: str = "") -> list[tuple[str, str]]:
    """(keys, what they do) for every action of a screen, one line for each; those of ``part`` come first."""
    actions = sorted(actions_of(screen, part), key=lambda action: bool(part) and screen in action.scopes)
    return [(help_keys(action), action.help) for action in actions if action.help]


def help_keys(action: Action) -> str:
    return action.shown_keys or ", ".join(map(key_name, action.keys))


def palette(screen: str, part: str = "") -> Iterable[tuple[str, str, str, str]]:
    """(title, help, keys, action name), in the order of the table."""
    for action in actions_of(screen, part):
        if action.palette:
            yield action.palette, action.help or action.label, help_keys(action), action.name
