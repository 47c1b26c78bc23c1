"""Whether a worker would be killed when the user logs out, and the command that prevents it.

systemd-logind can be set to kill every process of a login session when it ends (KillUserProcesses=yes), also one that
has called setsid. A scope under the user's manager saves it, as long as that manager lives.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
from pathlib import Path

_BOOTED_WITH_SYSTEMD = Path("/run/systemd/system")
_CGROUP = Path("/proc/self/cgroup")
_LINGER = Path("/var/lib/systemd/linger")
_TIMEOUT_SECONDS = 2.0
_PROPERTIES = ("KillUserProcesses", "KillOnlyUsers", "KillExcludeUsers")


def kills_user_processes() -> bool:
    """True when logind would kill a worker started from this session at logout; False where nothing says so."""
    command = shutil.which("loginctl")
    if command is None or not _BOOTED_WITH_SYSTEMD.is_dir():
        return False
    try:
        answer = subprocess.run(
            [command, "show-session", *(f"--property={name}" for name in _PROPERTIES)],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
        return killed_at_logout(answer.stdout, _CGROUP.read_text(), user_name())
    except (OSError, subprocess.SubprocessError):
        return False


def killed_at_logout(properties: str, cgroup: str, user: str) -> bool:
    """The decision: ``properties`` as ``loginctl show-session`` prints the manager's, ``cgroup`` of this process."""
    if re.search(r"/session-[^/]+\.scope", cgroup) is None:
        return False  # not part of a login session: nothing ends with one
    values = dict(line.partition("=")[::2] for line in properties.splitlines())
    only, excluded = values.get("KillOnlyUsers", "").split(), values.get("KillExcludeUsers", "").split()
    return values.get("KillUserProcesses") == "yes" and (not only or user in only) and user not in excluded


def scope_command() -> list[str]:
    """The words to put before a command so that it outlives the session; empty where none are needed, or none help."""
    command = shutil.which("systemd-run")
    if command is None or "XDG_RUNTIME_DIR" not in os.environ or not kills_user_processes():
        return []
    return [command, "--user", "--scope", "--quiet", "--collect", "--"]


def logout_warning() -> str | None:
    """One line for launch screen, ``run`` and ``doctor`` where a run would not survive the logout; else None."""
    if not kills_user_processes():
        return None
    user = user_name()
    if scope_command() and (_LINGER / user).exists():
        return None
    return f"logind ends what {user} has running at logout: `loginctl enable-linger` lets runs go on"


def user_name() -> str:
    """Of whom there may be no entry, as in a container that is run with --user: then the number."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
