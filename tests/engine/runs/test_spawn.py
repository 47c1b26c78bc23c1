"""What a worker is born with, before it has run a line of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from making import until

from engine.runs import spawn


@pytest.mark.parametrize("how", ["detach", "foreground"])
def test_worker_is_born_deaf_to_hang_ups_with_its_output_in_the_log(how: str, tmp_path: Path) -> None:
    log, held = tmp_path / "worker.log", os.open(tmp_path / "held", os.O_RDWR | os.O_CREAT)
    code = f"import os; print(open('/proc/self/status').read(), os.read(0, 1), os.fstat({held}).st_ino, 'end')"
    command = [sys.executable, "-I", "-S", str(spawn.__file__), how, str(log), "77", sys.executable, "-c", code]
    started = subprocess.run(command, pass_fds=[held], capture_output=True, check=True)
    until(lambda: log.exists() and log.read_text().endswith("end\n"), "the worker's output")
    text = log.read_text()
    status = dict(line.partition(":\t")[::2] for line in text.splitlines())
    assert int(status["SigIgn"], 16) & 1 << (signal.SIGHUP - 1)
    passed_on = [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1] if how == "foreground" else []
    assert int(status["SigBlk"], 16) == sum(1 << (number - 1) for number in passed_on), "until it can pause"
    assert status["Umask"] == "0077"
    assert f"b'' {os.fstat(held).st_ino} end" in text, "nothing on standard input, the lock's descriptor passed on"
    assert log.stat().st_mode & 0o777 == 0o600
    assert (started.stdout, started.stderr) == (b"", b"")
    os.close(held)


def test_command_that_does_not_exist_is_told_in_the_log(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    command = [sys.executable, "-I", "-S", str(spawn.__file__), "detach", str(log), "77", "/nowhere/python"]
    subprocess.run(command, check=True)
    until(lambda: log.exists() and "FileNotFoundError" in log.read_text(), "the reason in the log")
