"""The one error for whatever a person wrote that cannot be used."""


class ConfigError(Exception):
    """A config or an argument that cannot be used; the message is one line, ready to print."""
