"""``doctor``: what this machine has, and what will be slow or missing."""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal

import msgspec

from engine import flock
from engine.machine.cores import cpu_quota, memory_limit, usable_cores
from engine.machine.gpu_report import GpuReport, Report
from engine.machine.gpus import has_driver
from engine.paths import cache_path, state_folder, why_not_writable
from engine.runs.folder import runs_home
from engine.runs.logout import logout_warning
from tui.commands.output import print_json
from tui.numbers import size
from tui.terminal.abilities import (
    environment_at_start,
    has_cursor,
    inside_screen,
    is_bare,
    locale_name,
    most_colours,
    speaks_utf8,
)

Level = Literal["ok", "note", "problem"]
_PACKAGES = ("torch", "transformers", "datasets", "polars", "textual", "babel")
_EXTRAS = {  # module: extra that brings it, what it is for
    "matplotlib": ("figures", "export --figure"),
    "mteb": ("mteb", "a benchmark mteb/TASK"),
    "peft": ("lora", "a config with [lora]"),
    "pynvml": ("telemetry", "use, memory and power of a GPU"),
}
_LOW_DISK_BYTES = 5 * 2**30
_TORCH_SECONDS = 120  # to load torch from a slow disk and start CUDA


class Finding(msgspec.Struct, frozen=True):
    level: Level
    what: str
    text: str


def doctor(options: argparse.Namespace) -> int:
    """Prints the findings; exit status 1 when something must be mended before a run can start."""
    findings = [
        *_software(),
        *_compute(),
        *_storage(runs_home(options.runs)),
        *_own_folders(),
        *_session(),
        *_terminal(),
    ]
    if options.json:
        print_json({"findings": findings})
    else:
        for finding in findings:
            mark = {"ok": "ok     ", "note": "note   ", "problem": "PROBLEM"}[finding.level]
            print(f"{mark}  {finding.what:<12} {finding.text}")
    return int(any(finding.level == "problem" for finding in findings))


def _software() -> list[Finding]:
    findings = [Finding("ok", "python", f"{platform.python_version()} at {sys.executable}")]
    for package in _PACKAGES:
        try:
            findings.append(Finding("ok", package, importlib.metadata.version(package)))
        except importlib.metadata.PackageNotFoundError:
            findings.append(Finding("problem", package, "not installed: pip install -e ."))
    for package, (extra, purpose) in _EXTRAS.items():
        if importlib.util.find_spec(package) is None:
            text = f"not installed: {purpose} needs pip install 'hybrid-tui[{extra}]'"
            findings.append(Finding("note", package, text))
    return findings


def _compute() -> list[Finding]:
    findings = [Finding("ok", "cpu", f"{_cores()}, {_memory()}; one run at a time")]
    if not has_driver():
        text = "none found: the built-in example takes under a minute, XLM-R takes days"
        return [*findings, Finding("note", "gpu", text)]
    return [*findings, *_gpus()]


def _gpus() -> list[Finding]:
    """What the driver's tool sees and torch does not, then a line for each GPU that torch can use.

    torch is asked in a process of its own: this one does not load it.
    """
    findings, seen = [], "there is an NVIDIA driver"
    if (tool := shutil.which("nvidia-smi")) is not None:
        query = [tool, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
        try:
            asked = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True)
            seen = f"nvidia-smi sees {' and '.join(line.strip() for line in asked.stdout.splitlines()) or 'no GPU'}"
        except (OSError, subprocess.SubprocessError) as error:  # a hung driver is what doctor is for
            findings = [Finding("problem", "gpu", f"nvidia-smi failed: {' '.join(str(error).split())[:200]}")]
    try:
        command = [sys.executable, "-P", "-m", "engine.machine.gpu_report"]
        asked = subprocess.run(command, capture_output=True, text=True, timeout=_TORCH_SECONDS, check=True)
        report = msgspec.json.decode(asked.stdout, type=Report)
    except (OSError, subprocess.SubprocessError, msgspec.MsgspecError) as error:
        last = (getattr(error, "stderr", None) or str(error)).splitlines()[-1:]
        return [*findings, Finding("problem", "gpu", f"torch cannot be asked: {''.join(last)[:200]}")]
    if report.unusable is not None:
        return [*findings, Finding("problem", "gpu", f"{seen}; no run can use it: {report.unusable}")]
    return [*findings, *(_gpu(gpu, report.cuda) for gpu in report.gpus)]


def _gpu(gpu: GpuReport, cuda: str | None) -> Finding:
    capability = ".".join(str(part) for part in gpu.capability)
    text = f"{gpu.device} {gpu.name}, {size(gpu.memory)}, capability {capability}, torch with CUDA {cuda}"
    if not gpu.bfloat16:
        return Finding("note", "gpu", f'{text}, no bfloat16: runtime.precision = "auto" runs in float16')
    return Finding("ok", "gpu", f"{text}, bfloat16")


def _cores() -> str:
    present, usable = os.cpu_count() or 1, usable_cores()
    if usable == present:
        return f"{present} cores"
    return f"{usable} of {present} cores by {'affinity' if cpu_quota() is None else 'quota'}"


def _memory() -> str:
    memory, limit = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), memory_limit()
    if limit is not None and limit < memory:
        return f"{size(limit)} of {size(memory)} memory by limit"
    return f"{size(memory)} memory"


def _storage(home: Path) -> list[Finding]:
    existing = next(folder for folder in (home, *home.resolve().parents) if folder.exists())
    if (wrong := _why_no_run_can_be_made(existing)) is not None:
        return [Finding("problem", "runs", f"{home}: {wrong}; choose another folder with --runs")]
    free = shutil.disk_usage(existing).free
    level: Level = "note" if free < _LOW_DISK_BYTES else "ok"
    text = f"{home}: {size(free)} free (a checkpoint of XLM-R-base takes 3.3 GB)"
    findings = [Finding(level, "runs", text), *_locks(home, existing)]
    if (kind := _filesystem(existing)) in ("nfs", "nfs4", "cifs", "smb3", "fuse.sshfs"):
        findings.append(
            Finding("note", "runs", f"on a network file system ({kind}): another machine's runs show by age")
        )
    return findings


def _why_no_run_can_be_made(folder: Path) -> str | None:
    """Makes a folder in it, which goes again."""
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".doctor-"):
            return None
    except OSError as error:
        return f"no run folder can be made here: {error.strerror}"


def _own_folders() -> list[Finding]:
    """Tries to write where every run does, beside its folder."""
    findings = []
    for what, folder in (("state", state_folder()), ("cache", cache_path())):
        wrong = why_not_writable(folder)
        findings.append(
            Finding("ok", what, f"{folder}: writable") if wrong is None else Finding("problem", what, wrong)
        )
    return findings


def _locks(home: Path, existing: Path) -> list[Finding]:
    """Tries a lock where runs lie, or will: without locks no run can start."""
    try:
        with tempfile.NamedTemporaryFile(dir=existing, prefix=".doctor-") as file:
            flock.try_exclusive(file.fileno())
    except flock.NoLocks:
        return [Finding("problem", "locks", flock.no_locks(home))]
    except OSError as error:
        return [Finding("problem", "locks", f"{home}: a lock cannot be tried: {error.strerror}")]
    return []


def _filesystem(path: Path) -> str:
    """Type of the file system that holds ``path``; empty where /proc does not say."""
    try:
        mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    except OSError:
        return ""
    holding = [mount for mount in mounts if path.resolve().is_relative_to(mount[1].replace("\\040", " "))]
    return max(holding, key=lambda mount: len(mount[1]))[2] if holding else ""


def _session() -> list[Finding]:
    warning = logout_warning()
    if warning is None:
        return [Finding("ok", "logout", "runs survive the end of the SSH session")]
    return [Finding("problem", "logout", warning)]


def _terminal() -> list[Finding]:
    environment = environment_at_start()
    utf8, locale_set = speaks_utf8(environment), locale_name(environment) or "unset"
    inside = "tmux" if environment.get("TMUX") else "GNU screen" if environment.get("STY") else "no tmux"
    text = f"TERM={environment.get('TERM') or 'unset'}, colours {_colours(environment)}, "
    text += f"{'UTF-8' if utf8 else 'not UTF-8'} (locale {locale_set}), {inside}"
    findings = [Finding("ok", "terminal", text)]
    if not has_cursor(environment):
        findings.append(Finding("note", "terminal", "cannot move its cursor: --plain instead of the dashboard"))
    if not utf8:
        findings.append(Finding("note", "terminal", "not UTF-8: charts are drawn in ASCII"))
    elif is_bare(environment):
        findings.append(Finding("note", "terminal", "a bare console: charts are drawn in ASCII"))
    if inside_screen(environment) and most_colours(environment) is not None:
        text = f"COLORTERM={environment['COLORTERM']} is not for GNU screen, which has no 24-bit colours: 256 are used"
        findings.append(Finding("note", "terminal", text))
    return [*findings, *_output()]


def _colours(environment: dict[str, str]) -> str:
    if environment.get("NO_COLOR"):
        return "none (NO_COLOR)"
    return most_colours(environment) or "by TERM, 256 at most"


def _output() -> list[Finding]:
    """Textual is loaded for this: only it can tell whether its inside is what the dashboard knows."""
    from tui.terminal.private_api import difference

    if not (lacking := difference()):
        return []
    text = f"Textual's own is used, which sends more over a slow line: in this Textual {lacking}"
    return [Finding("note", "output", text)]
