"""Whether logind would kill a worker at logout."""

from __future__ import annotations

import pytest

from engine.runs.logout import killed_at_logout, kills_user_processes, logout_warning, scope_command

SESSION = "0::/user.slice/user-1000.slice/session-3.scope\n"


@pytest.mark.parametrize(
    ("properties", "cgroup", "killed"),
    [
        ("KillUserProcesses=yes\nKillOnlyUsers=\nKillExcludeUsers=root", SESSION, True),
        ("KillUserProcesses=no\nKillOnlyUsers=\nKillExcludeUsers=root", SESSION, False),
        ("KillUserProcesses=yes\nKillOnlyUsers=\nKillExcludeUsers=root ada", SESSION, False),
        ("KillUserProcesses=yes\nKillOnlyUsers=bob\nKillExcludeUsers=", SESSION, False),
        ("KillUserProcesses=yes\nKillOnlyUsers=bob ada\nKillExcludeUsers=", SESSION, True),
        ("KillUserProcesses=yes", "0::/user.slice/user-1000.slice/user@1000.service/app.slice\n", False),
        ("KillUserProcesses=yes", "0::/system.slice/cron.service\n", False),
        ("", SESSION, False),
    ],
)
def test_decision_follows_logind_and_the_own_cgroup(properties: str, cgroup: str, killed: bool) -> None:
    assert killed_at_logout(properties, cgroup, "ada") is killed


def test_without_systemd_nothing_is_put_before_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert not kills_user_processes()
    assert scope_command() == []
    assert logout_warning() is None
