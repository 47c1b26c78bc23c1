"""``python -m engine.worker.device_check``: whether this machine has the GPUs of the config on standard input.

A process of its own: torch has to be asked where nvidia-smi cannot tell, and who starts a run must not load it.
"""

from __future__ import annotations

import sys

from engine.runs.check_process import answer
from engine.worker.devices import check_devices

if __name__ == "__main__":
    sys.exit(answer(lambda config: check_devices(config.runtime)))
