"""`ModelRegistry`: which models a node takes and gives (RUNTIME contract 1.5)."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, TypeAdapter

Adapters = tuple[TypeAdapter[Any], TypeAdapter[Any]]


class ModelRegistry:
    """Input and output models by node name."""

    def __init__(self) -> None:
        self._models: dict[str, tuple[type[BaseModel], type[BaseModel]]] = {}
        self._adapters: dict[str, Adapters] = {}

    def register(self, node_name: str, in_model: type[BaseModel], out_model: type[BaseModel]) -> None:
        """Say what `node_name` takes and gives.

        Raises:
            ValueError: the name is registered already.
            TypeError: a model is no pydantic model.

        """
        if node_name in self._models:
            raise ValueError(f"Node {node_name!r} already registered")
        for model in (in_model, out_model):
            if not (isinstance(model, type) and issubclass(model, BaseModel)):
                raise TypeError(f"Models must inherit from pydantic.BaseModel; got {model!r} for node {node_name!r}")
        self._models[node_name] = (in_model, out_model)
        self._adapters[node_name] = (TypeAdapter(in_model), TypeAdapter(out_model))

    def has(self, node_name: str) -> bool:
        """Whether `node_name` is registered."""
        return node_name in self._models

    def adapters(self, node_name: str) -> Adapters:
        """The validators of input and output; `KeyError` for an unknown name."""
        self._require(node_name)
        return self._adapters[node_name]

    def models(self, node_name: str) -> tuple[type[BaseModel], type[BaseModel]]:
        """The models of input and output; `KeyError` for an unknown name."""
        self._require(node_name)
        return self._models[node_name]

    def _require(self, node_name: str) -> None:
        if node_name not in self._models:
            raise KeyError(f"Node {node_name!r} not registered")
