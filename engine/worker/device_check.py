"""``python -m engine.worker.device_check``: whether this machine has the GPUs of the config on standard input.

A process of its own: torch has to be asked where nvidia-smi cannot tell, and who starts a run must not load it.
"""

from __future__ import annotations

import sys

import msgspec

from engine.config import ConfigError, RunConfig
from engine.worker.devices import check_devices


def main() -> int:
    """0, or 2 with one line on stderr."""
    try:
        check_devices(msgspec.json.decode(sys.stdin.buffer.read(), type=RunConfig).runtime)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
