"""Where alerts go: addresses of Apprise and files, from a config, the environment and a file of the user's.

An address may hold a password. It is kept in no config, shown in no text and written to no log: what a person sees of
it is its scheme and where it came from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from engine.config import AlertsConfig
from engine.paths import expanded

FILE = "file://"
_SECRET = re.compile(r"[^/:@?&=#,\s]{4,}")


@dataclass(frozen=True, slots=True)
class Target:
    """One address."""

    address: str = field(repr=False)
    origin: str  # the key that names it, as alerts.targets[0], or file and line

    @property
    def file(self) -> Path | None:
        """The file that alerts are added to; None: the address is one of Apprise."""
        return expanded(self.address.removeprefix(FILE)) if self.address.startswith(FILE) else None

    def masked(self) -> str:
        """The address without what may be a secret."""
        scheme, separator, _ = self.address.partition("://")
        if self.file is not None:
            return self.address
        return f"{scheme}://..." if separator and scheme.isalnum() else "..."

    def scrubbed(self, text: str) -> str:
        """``text``, in one line, without any part of the address but its scheme."""
        rest = self.address.partition("://")[2]
        parts = {part for whole in (rest, unquote(rest)) for part in _SECRET.findall(whole)}
        for part in sorted(parts, key=len, reverse=True):
            text = text.replace(part, "...")
        return " ".join(text.split())


def targets_of(alerts: AlertsConfig, environment: Mapping[str, str]) -> tuple[list[Target], list[str]]:
    """The targets of a config, and a line for each that cannot be had, which names its key."""
    targets: list[Target] = []
    problems: list[str] = []
    for index, text in enumerate(alerts.targets):
        origin = f"alerts.targets[{index}]"
        if text.startswith(FILE):
            targets.append(Target(text, origin))
            continue
        name = text.removeprefix("${").removesuffix("}")
        addresses = environment.get(name, "").split()
        targets += [Target(address, f"{origin}, ${name}") for address in addresses]
        if not addresses:
            problems.append(f"{origin}: the environment variable {name} is not set")
    if alerts.targets_file is not None:
        try:
            targets += _lines_of(expanded(alerts.targets_file))
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            problems.append(f"alerts.targets_file: {alerts.targets_file}: {why}")
    return targets, problems


def _lines_of(path: Path) -> list[Target]:
    lines = enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1)
    addresses = ((number, line.strip()) for number, line in lines)
    return [Target(line, f"{path}:{number}") for number, line in addresses if line and not line.startswith("#")]
