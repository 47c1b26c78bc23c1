"""What follows the pooling: Dense, LayerNorm and Normalize, as SentenceTransformers' modules of these names compute.

They are a few lines each here because importing sentence_transformers takes four seconds more than transformers alone,
at every start of a run or an evaluation.

Shapes: n sequences, D width before a module, E width after it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from engine.config import ConfigError
from engine.encoder.model_files import write_json
from engine.encoder.tensor_files import save_file
from engine.encoder.weights import file_fault
from engine.model_description import Files, HeadModule

_KINDS = {"dense": "Dense", "layer_norm": "LayerNorm", "normalize": "Normalize"}


class Dense(nn.Module):
    """activation(x W + b), and x added to it where the module is residual: [n, D] -> [n, E]."""

    def __init__(self, spec: HeadModule) -> None:
        super().__init__()
        assert spec.inputs is not None
        assert spec.outputs is not None
        self.linear = nn.Linear(spec.inputs, spec.outputs, bias=spec.bias)
        self.activation = _activation(spec.activation)
        self.is_residual = spec.residual
        if spec.residual and spec.inputs != spec.outputs:
            self.residual = nn.Linear(spec.inputs, spec.outputs, bias=False)

    def forward(self, vectors: Tensor) -> Tensor:
        output: Tensor = self.activation(self.linear(vectors))
        if self.is_residual:
            output = output + (self.residual(vectors) if hasattr(self, "residual") else vectors)
        return output


class LayerNorm(nn.Module):
    """[n, D] -> [n, D]."""

    def __init__(self, spec: HeadModule) -> None:
        super().__init__()
        assert spec.outputs is not None
        self.norm = nn.LayerNorm(spec.outputs)

    def forward(self, vectors: Tensor) -> Tensor:
        normed: Tensor = self.norm(vectors)
        return normed


class Normalize(nn.Module):
    """To unit length: [n, D] -> [n, D]."""

    def forward(self, vectors: Tensor) -> Tensor:
        return nn.functional.normalize(vectors, dim=-1)


class Head(nn.Sequential):
    """The modules between pooling and the vector, in their order; trained with the encoder.

    Attributes:
        specs: of each module.
        width: of the vectors that come out.
    """

    def __init__(self, specs: Sequence[HeadModule], width: int) -> None:
        """``width``: of the pooled vectors.

        Raises:
            ConfigError: a module does not fit the one before it, or its activation is no module of torch.
        """
        self.specs = tuple(specs)
        for spec in specs:
            takes = spec.inputs if spec.kind == "dense" else spec.outputs
            if takes is not None and takes != width:
                raise ConfigError(f"model.name: {spec.path} takes vectors of {takes} dimensions, there are {width}")
            width = spec.outputs or width
        super().__init__(*(_module(spec) for spec in specs))
        self.width = width

    @property
    def is_normalized(self) -> bool:
        """Whether what comes out has unit length."""
        return bool(self.specs) and self.specs[-1].kind == "normalize"

    def load(self, files: Files, part: Callable[[Tensor, Tensor], Tensor] = lambda tensor, _: tensor) -> None:
        """Takes the weights from the model's files; each module's lie in a folder of its own.

        ``part(tensor, parameter)``: what of a tensor this process holds in the parameter.

        Raises:
            ConfigError: a file is missing, damaged or of other shapes; names it.
        """
        for spec, module in zip(self.specs, self, strict=True):
            expected = module.state_dict()
            if not expected:
                continue
            path = files(f"{spec.path}/model.safetensors") or files(f"{spec.path}/pytorch_model.bin")
            if path is None:
                raise ConfigError(f"model.name: no weights for {spec.path}: there is no {spec.path}/model.safetensors")
            if fault := file_fault(path):
                raise ConfigError(f"model.name: cannot load {spec.path}: {fault}")
            try:
                if path.suffix == ".safetensors":
                    tensors = load_file(path)
                else:
                    tensors = torch.load(path, map_location="cpu", weights_only=True)
                floats = {name: tensor.float() for name, tensor in tensors.items()}
                module.load_state_dict(
                    {name: part(tensor, expected.get(name, tensor)) for name, tensor in floats.items()}
                )
            except Exception as error:  # whatever a damaged file makes of the libraries
                raise ConfigError(f"model.name: cannot load {path}: {' '.join(str(error).split())}") from error

    def save(self, folder: Path, first: int) -> list[tuple[str, str]]:
        """Writes every module as SentenceTransformers does; ``first``: the place of the first one among all modules.

        Returns:
            (folder, class) of each, for modules.json.
        """
        modules = []
        for number, (spec, module) in enumerate(zip(self.specs, self, strict=True), start=first):
            kind = _KINDS[spec.kind]
            path = spec.path or f"{number}_{kind}"
            (folder / path).mkdir(parents=True, exist_ok=True)
            if spec.kind == "dense":
                settings: dict[str, object] = {
                    "in_features": spec.inputs,
                    "out_features": spec.outputs,
                    "bias": spec.bias,
                    "activation_function": spec.activation,
                }
                if spec.residual:  # a key that versions before 6 do not know
                    settings["use_residual"] = True
                write_json(folder / path / "config.json", settings)
            elif spec.kind == "layer_norm":
                write_json(folder / path / "config.json", {"dimension": spec.outputs})
            if state := module.state_dict():
                tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
                save_file(tensors, folder / path / "model.safetensors", metadata={"format": "pt"})
            modules.append((path, kind))
        return modules


def _module(spec: HeadModule) -> nn.Module:
    if spec.kind == "dense":
        return Dense(spec)
    return LayerNorm(spec) if spec.kind == "layer_norm" else Normalize()


def _activation(name: str) -> nn.Module:
    """The module of torch with that full name, made without arguments."""
    package, _, kind = name.rpartition(".")
    try:
        made = getattr(importlib.import_module(package), kind)
        if not issubclass(made, nn.Module):
            raise TypeError("it is no module")
        return made()  # type: ignore[no-any-return]
    except (ImportError, AttributeError, TypeError) as error:
        raise ConfigError(f"model.name: has a Dense with the activation {name}: {error}") from None
