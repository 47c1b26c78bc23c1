"""How training fails; importable without torch."""

from __future__ import annotations

from engine.config import ConfigError


class NonFiniteError(ConfigError):
    """Gradients or weights are infinite or NaN, and training on would not mend it; the message is one line."""
