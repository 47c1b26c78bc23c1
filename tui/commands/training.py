"""``demo`` and ``run``: start runs, and follow them where that was asked for."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import msgspec

from engine.config import ConfigError, ModelConfig, RunConfig, load_config, problems, sample_configs_folder
from engine.model_description import files_of, read_description
from engine.runs.folder import RunFolder, read_spec, runs_home
from engine.runs.launch import join, launch, run_foreground, with_absolute_paths
from engine.runs.logout import logout_warning
from engine.runs.nodes import joins
from engine.runs.preflight import preflight
from engine.runs.reader import RunReader
from engine.runs.status import Status, status_of
from engine.runs.weights import weights_of_run
from tui.commands.output import exit_status, print_json
from tui.commands.plain import follow, result_table

_DEMO_CONFIG = "cldr-hybrid.toml"
_DEMO_MODES = ("mono", "cross", "hybrid")


def demo(options: argparse.Namespace) -> int:
    """Trains the built-in example; with a terminal the dashboard opens on it, else plain lines follow it."""
    config = load_config(sample_configs_folder() / _DEMO_CONFIG, [f"seed={options.seed}"])
    configs = [_with_mode(config, mode) for mode in _DEMO_MODES] if options.all else [config]
    folders = [launch(runs_home(options.runs), each, command_line=sys.argv) for each in configs]
    if not (options.json or options.plain) and sys.stdin.isatty() and sys.stdout.isatty():
        from tui.commands.dashboard import open_dashboard

        return open_dashboard(options, run=folders[-1])
    statuses = [_follow(folder, quiet=options.json) for folder in folders]
    if options.json:
        print_json({"runs": statuses} if options.all else statuses[0])
    else:
        print()
        print("\n".join(_table(folders)))
    return exit_status(*(status.state for status in statuses))


def run(options: argparse.Namespace) -> int:
    """Starts a run from a config; ``--wait`` trains in the foreground."""
    overrides = [*options.set, *(["evaluation.forbid_overlap=true"] if options.forbid_overlap else [])]
    config = load_config(options.config, overrides)
    if options.name is not None:
        config = _with_name(config, options.name)
    parent = None
    if options.origin is not None:
        config, parent = _from_run(config, runs_home(options.runs), options.origin)
    if joins(config):
        join(runs_home(options.runs))
    preflight(config)
    folder = launch(runs_home(options.runs), config, command_line=sys.argv, parent=parent, wait=options.wait)
    if not options.wait:
        if warning := logout_warning():
            print(f"hybrid-tui: {warning}", file=sys.stderr)
        if options.json:
            print_json(status_of(_read(folder)))
        else:
            print(f"{folder.id} started; it goes on when you leave. 'hybrid-tui' shows it, 'hybrid-tui log' tells.")
        return 0
    run_foreground([folder], lambda: _follow(folder, quiet=options.json, on_leaving="Ctrl-C pauses it"))
    status = status_of(_read(folder))
    if options.json:
        print_json(status)
    else:
        print("\n".join(_table([folder])))
    return exit_status(status.state)


def _with_mode(config: RunConfig, mode: str) -> RunConfig:
    batch = msgspec.structs.replace(config.batch, mode=mode)
    return msgspec.structs.replace(config, name=f"cldr-{mode}", batch=batch)


def _with_name(config: RunConfig, name: str) -> RunConfig:
    try:
        return msgspec.convert({**msgspec.to_builtins(config), "name": name}, RunConfig)
    except msgspec.ValidationError:
        raise ConfigError(f"--name {name!r}: expected letters, digits, '.', '_' and '-', at most 64") from None


def _from_run(config: RunConfig, home: Path, origin: str) -> tuple[RunConfig, str]:
    """The model of another run's checkpoint, and of [model] all that ``config`` sets; a fresh optimizer and plan."""
    parent, weights, origin = weights_of_run(home, origin, "--from ")
    _check_head(weights, config.model, parent.id)
    former = read_spec(parent).config.model.name
    named = with_absolute_paths(config).model.name
    if named != former and config.model.name != ModelConfig().name:
        print(
            f"hybrid-tui run: --from {origin} brings the model; model.name = {config.model.name!r} is not used",
            file=sys.stderr,
        )
    # All that the folder says of itself is the parent's; what the new config sets goes before it.
    model = msgspec.structs.replace(config.model, name=str(weights.resolve()), revision=None)
    config = msgspec.structs.replace(config, model=model)
    for field, wrong in problems(config):
        raise ConfigError(f"--from {origin}: {field}: {wrong}")
    return config, origin


def _check_head(weights: Path, model: ModelConfig, parent: str) -> None:
    """
    Raises:
        ConfigError: the config sets another pooling than the one that the parent's head was trained with.
    """
    described = read_description(str(weights), files_of(weights))
    trained = [module for module in described.head if module.kind != "normalize"]
    pooling = "+".join(described.pooling or ("mean",))
    if trained and model.pooling not in (None, pooling):
        raise ConfigError(
            f"model.pooling: {model.pooling}, but {parent} has a {trained[0]} head that was trained with {pooling} "
            "pooling: leave model.pooling out"
        )


def _follow(folder: RunFolder, *, quiet: bool, on_leaving: str = "it goes on when you leave") -> Status:
    out = sys.stderr if quiet else sys.stdout
    print(f"{folder.id}: following it as plain lines; {on_leaving}", file=out, flush=True)
    return follow(folder, lambda text: print(text, file=out, flush=True))


def _table(folders: list[RunFolder]) -> list[str]:
    readers = [_read(folder) for folder in folders]
    return result_table([(status_of(reader), reader.state) for reader in readers])


def _read(folder: RunFolder) -> RunReader:
    reader = RunReader(folder)
    reader.poll()
    return reader
