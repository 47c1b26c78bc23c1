"""docs/ says what is: whatever it names exists, and what it promises to list it lists whole.

Names are looked up in the source, not imported: a page may speak of torch's code on a machine without a GPU.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_args

import msgspec
import numpy as np
import pytest

from engine import events
from engine.alerts.record import ToldAlert
from engine.config import AlertsConfig, HooksConfig
from engine.data.cldr import cldr_benchmark
from engine.evaluation.benchmarking import evaluate
from engine.evaluation.results import (
    EncodingProtocol,
    Evaluation,
    EvaluationProtocol,
    Summary,
    ranks_table,
    top_k_table,
)
from engine.export.compare import CompareResult
from engine.export.compare_rows import CompareRow
from engine.export.evaluation import EvaluationDocument
from engine.export.queries import Cell, QueryOutcome, QueryReport, QueryRow, RankedPassage, Ranking, WorstQueries
from engine.export.report.claims import JudgedClaim
from engine.export.report.contents import BenchmarkReport, ConditionSummary, StudyReport
from engine.measures import MEASURES, RANK_DISTANCE_NULL
from engine.runs.folder import Provenance, RunFolder, Spec
from engine.runs.lock import Owner
from engine.runs.reader import _Snapshot
from engine.runs.state import Phase
from engine.runs.status import Status
from engine.runs.study_file import StudyCondition, StudyFile
from engine.runs.study_record import Claim, Relation
from tui.commands.alerts import AlertsDocument, TargetDocument
from tui.commands.doctor import Finding
from tui.commands.mirror import MirroredRun

ROOT = Path(__file__).resolve().parent.parent
# The log of experiments is history: it names what there was.
PAGES = sorted(path for path in (ROOT / "docs").glob("*.md") if path.name != "lab-log.md")

CODE = re.compile(r"```.*?```|`([^`\n]+)`", re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)")
A_PATH = re.compile(r"(?:engine|tui|tests|benchmarks|docs|sample_configs)/[\w./-]*|[\w.-]+\.(?:md|toml)")
A_DOTTED_NAME = re.compile(r"((?:engine|tui|tests)(?:\.\w+)+)(?:\(\))?")
A_MEMBER = re.compile(r"([A-Z]\w+)\.(\w+)(?:\(\))?")  # RunReader.poll()
A_FUNCTION = re.compile(r"(\w+)\(\)")
A_CLASS = re.compile(r"[A-Z][a-z]+\w*")
A_CONSTANT = re.compile(r"[A-Z]{4,}|[A-Z]+_[A-Z_]+")


def read(page: str) -> str:
    return (ROOT / "docs" / page).read_text(encoding="utf-8")


def code_words(text: str) -> Iterator[str]:
    """What stands between single backticks."""
    return (match[1] for match in CODE.finditer(text) if match[1])


def words(text: str) -> set[str]:
    """Every word between single backticks, also of `{"runs": [...]}` and `path/name`."""
    return {word for code in code_words(text) for word in re.findall(r"[\w.]+", code)}


@cache
def source_tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def defined(body: list[ast.stmt]) -> dict[str, ast.stmt]:
    """Names that a module or class defines, imports included."""
    names: dict[str, ast.stmt] = {}
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names[node.name] = node
                if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                    targets = (one for one in ast.walk(node) if isinstance(one, ast.Attribute))
                    names |= {one.attr: node for one in targets if isinstance(one.ctx, ast.Store)}
            case ast.Assign():
                names |= {one.id: node for target in node.targets for one in ast.walk(target) if hasattr(one, "id")}
            case ast.AnnAssign(target=ast.Name(id=name)):
                names[name] = node
            case ast.ImportFrom() | ast.Import():
                names |= {alias.asname or alias.name: node for alias in node.names}
            case ast.If():
                names |= defined(node.body)
    return names


@cache
def everything() -> tuple[set[str], dict[str, set[str]]]:
    """(every function, method and constant, every class with its members) of packages and tests."""
    names: set[str] = set()
    classes: dict[str, set[str]] = {}
    for package in ("engine", "tui", "tests"):
        for path in (ROOT / package).rglob("*.py"):
            names |= defined(source_tree(path).body).keys()
            for node in ast.walk(source_tree(path)):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    names.add(node.name)
                elif isinstance(node, ast.ClassDef):
                    names.add(node.name)
                    classes.setdefault(node.name, set()).update(defined(node.body))
    return names, classes


def exists(dotted: str) -> bool:
    """Whether a module, or what one defines, has that name."""
    parts = dotted.split(".")
    for count in range(len(parts), 0, -1):
        place = ROOT.joinpath(*parts[:count])
        path = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        if not path.is_file():
            if place.is_dir() and count == len(parts):
                return True
            continue
        body = source_tree(path).body
        for name in parts[count:]:
            node = defined(body).get(name)
            if node is None:
                return False
            body = node.body if isinstance(node, ast.ClassDef) else []
        return True
    return False


def unknown(code: str) -> bool:
    """Whether a word of code is of a form that names something of the project, and that something is not there."""
    names, classes = everything()
    if A_PATH.fullmatch(code):
        return not (ROOT / code).exists() and not any(ROOT.glob(f"*/{code}"))
    if match := A_DOTTED_NAME.fullmatch(code):
        return not exists(match[1])
    if match := A_MEMBER.fullmatch(code):
        return match[2] not in classes.get(match[1], ())
    if match := A_FUNCTION.fullmatch(code):
        return match[1] not in names
    if A_CONSTANT.fullmatch(code):
        return code not in names
    return bool(A_CLASS.fullmatch(code)) and code not in names


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_names_exists(page: Path) -> None:
    """In backticks: files and folders, dotted names, `Class.member`, `function()`, `SomeClass` and `CONSTANT`."""
    assert [code for code in code_words(page.read_text(encoding="utf-8")) if unknown(code)] == []


def test_names_that_do_not_exist_are_found() -> None:
    """Of the check itself: each form of a name, with something wrong."""
    wrong = [
        "engine/nothing.py",
        "engine.runs.fold.unfold()",
        "RunReader.pull",
        "there_is_none()",
        "NoSuchClass",
        "NO_SUCH",
    ]
    right = [
        "engine/runs/",
        "engine.runs.fold.fold()",
        "RunReader.poll()",
        "fold()",
        "RunReader",
        "TABLES",
        "run.started",
    ]
    assert [code for code in (*wrong, *right) if unknown(code)] == wrong


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        path = page.parent / target if target else page
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(f"{target}#{anchor}")
    assert broken == []


def anchors(page: Path) -> set[str]:
    """Of its headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_readme_leads_to_every_page() -> None:
    targets = {target for target, _ in LINK.findall((ROOT / "README.md").read_text(encoding="utf-8"))}
    assert {f"docs/{page.name}" for page in PAGES} <= targets


@pytest.mark.parametrize("event", get_args(events.AnyEvent), ids=lambda event: event.__struct_config__.tag)
def test_the_run_folder_has_every_event_with_its_fields(event: type[msgspec.Struct]) -> None:
    rows = [
        line for line in read("run-folder.md").splitlines() if line.startswith(f"| `{event.__struct_config__.tag}`")
    ]
    assert len(rows) == 1
    assert set(event.__struct_fields__) - set(events.Event.__struct_fields__) <= words(rows[0])


@pytest.mark.parametrize(
    "struct",
    [events.Event, Spec, Provenance, Owner, Summary, events.LanguageBias, EvaluationProtocol, events.RankDistances,
     _Snapshot, events.Advantage],
    ids=lambda struct: struct.__name__,
)  # fmt: skip
def test_the_run_folder_has_every_field(struct: type[msgspec.Struct]) -> None:
    assert set(struct.__struct_fields__) - words(read("run-folder.md")) == set()


@pytest.mark.parametrize("struct", [StudyFile, StudyCondition, Claim], ids=lambda struct: struct.__name__)
def test_the_page_on_studies_has_every_key(struct: type[msgspec.Struct]) -> None:
    words = set(code_words(read("studies.md")))
    assert [field for field in struct.__struct_fields__ if field not in words] == []
    assert set(get_args(Relation)) <= words


@pytest.mark.parametrize("struct", [AlertsConfig, HooksConfig], ids=lambda struct: struct.__name__)
def test_the_page_on_alerts_has_every_key(struct: type[msgspec.Struct]) -> None:
    prefix = "hooks." if struct is HooksConfig else ""
    words = set(code_words(read("alerts.md")))
    assert [field for field in struct.__struct_fields__ if f"{prefix}{field}" not in words] == []


def test_the_run_folder_has_every_state_and_name() -> None:
    text = read("run-folder.md")
    assert {*get_args(Phase), "crashed", "stalled"} <= words(text)
    places = {name for name, value in vars(RunFolder).items() if isinstance(value, property)} - {"id"}
    folder = RunFolder(Path("/run"))
    assert [name for name in places if f"`{getattr(folder, name).name}" not in text] == []


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    benchmark = cldr_benchmark(("de", "en"))
    rng = np.random.default_rng(0)
    queries, passages = (
        rng.standard_normal((len(ids), 8), np.float32) for ids in (benchmark.query_ids, benchmark.candidate_ids)
    )
    unset = {"pooling": "", "query_prefix": "", "passage_prefix": "", "model_digest": "", "tokenizer_digest": ""}
    none = {"max_query_tokens": None, "max_passage_tokens": None, "truncated_queries": 0, "truncated_passages": 0}
    return evaluate(benchmark, queries, passages, EncodingProtocol(**unset, **none))


def test_the_run_folder_has_every_column_of_results(evaluation: Evaluation) -> None:
    columns = {*ranks_table(evaluation).columns, *top_k_table(evaluation).columns}
    assert columns - words(read("run-folder.md")) == set()


def test_every_measure_is_explained(evaluation: Evaluation) -> None:
    """Metrics, and whatever an evaluation reports of bias, a reason why it cannot included."""
    bias = evaluation.summary.bias
    assert bias is not None
    names = {*MEASURES, RANK_DISTANCE_NULL, *evaluation.summary.metrics, *bias.measures, *bias.not_applicable}
    names |= {"language_effect", "language_share_at_10", "friedman"}
    assert names - words(read("measures.md")) == set()


@pytest.mark.parametrize(
    "struct",
    [Status, EvaluationDocument, CompareResult, CompareRow, QueryReport, WorstQueries, QueryRow, QueryOutcome, Cell,
     Ranking, RankedPassage, Finding, MirroredRun, AlertsDocument, TargetDocument, ToldAlert],
    ids=lambda struct: struct.__name__,
)  # fmt: skip
def test_the_command_line_has_every_key_of_its_documents(struct: Any) -> None:
    assert set(struct.__struct_fields__) - words(read("command-line.md")) == set()


@pytest.mark.parametrize(
    "struct", [StudyReport, BenchmarkReport, ConditionSummary, JudgedClaim], ids=lambda struct: struct.__name__
)
def test_the_report_of_a_study_has_every_key_of_its_document(struct: Any) -> None:
    assert set(struct.__struct_fields__) - words(read("studies.md")) == set()
