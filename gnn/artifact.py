"""A model on disk: JSON and arrays, never pickle; read back only where everything belongs together."""

from __future__ import annotations

import hashlib
import json
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from gnn.model import LAYOUT, Model
from graph.errors import ArtifactMismatch
from graph.source import Task

MODEL_FILE = "model.json"
ARRAYS_FILE = "arrays.npz"

#: What stands in the JSON where an array was.
_ARRAY = "$array"

Arrays = dict[str, NDArray[Any]]


def _encode(value: Any, name: str, arrays: Arrays) -> Any:
    """``value`` as JSON values; its arrays go to ``arrays`` under the path that leads to them."""
    if isinstance(value, np.ndarray):
        arrays[name] = value
        return {_ARRAY: name}
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _encode(getattr(value, f.name), f"{name}/{f.name}", arrays) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _encode(item, f"{name}/{key}", arrays) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_encode(item, f"{name}/{position}", arrays) for position, item in enumerate(value)]
    if isinstance(value, np.generic):
        return value.item()
    return value


def _decode(hint: Any, value: Any, arrays: Mapping[str, NDArray[Any]]) -> Any:
    """The inverse of ``_encode`` for a value of the declared type ``hint``."""
    if isinstance(value, dict) and _ARRAY in value:
        return arrays[value[_ARRAY]]
    if is_dataclass(hint) and isinstance(hint, type):
        hints = get_type_hints(hint)
        return hint(**{f.name: _decode(hints[f.name], value[f.name], arrays) for f in fields(hint)})
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        inner = [kind for kind in arguments if kind is not type(None)]
        return None if value is None else _decode(inner[0], value, arrays)
    if origin is tuple and isinstance(value, list):
        repeated = len(arguments) == 2 and arguments[1] is Ellipsis
        kinds = [arguments[0]] * len(value) if repeated else list(arguments)
        return tuple(_decode(kind, item, arrays) for kind, item in zip(kinds, value, strict=True))
    if isinstance(value, dict) and len(arguments) == 2 and arguments[0] in (str, int):
        return {arguments[0](key): _decode(arguments[1], item, arrays) for key, item in value.items()}
    return value


def _digest(array: NDArray[Any]) -> str:
    ordered = np.ascontiguousarray(array)
    return hashlib.sha256(f"{ordered.dtype.str}{ordered.shape}".encode() + ordered.tobytes()).hexdigest()


def save(model: Model, folder: Path) -> str:
    """Write ``model`` into ``folder``; returns its sha, which equal models share."""
    arrays: Arrays = {}
    body = _encode(model, "model", arrays)
    listed = {name: _digest(array) for name, array in arrays.items()}
    document = {"layout": LAYOUT, "arrays": listed, "model": body}
    text = json.dumps(document, sort_keys=True, default=str, ensure_ascii=False).encode()
    np.savez(folder / ARRAYS_FILE, allow_pickle=False, **arrays)
    (folder / MODEL_FILE).write_bytes(text)
    return hashlib.sha256(text).hexdigest()


def load(folder: Path) -> Model:
    """The model in ``folder``.

    Raises ``ArtifactMismatch`` where a file is missing or of another version, or where arrays and JSON
    were not written together.
    """
    try:
        document = json.loads((folder / MODEL_FILE).read_bytes())
        if document["layout"] != LAYOUT:
            raise ArtifactMismatch(
                f"{folder} has layout {document['layout']}, this version reads {LAYOUT}: train again"
            )
        # Opened here, because numpy leaves a file open that is cut off.
        with (folder / ARRAYS_FILE).open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        if {name: _digest(array) for name, array in arrays.items()} != document["arrays"]:
            raise ArtifactMismatch(f"{folder}: {ARRAYS_FILE} does not belong to {MODEL_FILE}: train again")
        model: Model = _decode(Model, document["model"], arrays)
    except (OSError, ValueError, KeyError, TypeError, BadZipFile) as error:
        raise ArtifactMismatch(f"{folder} holds no model that can be read: {error}") from error
    return model


def task_of(model: Model) -> Task:
    """The task ``model`` was trained for, as it was declared then."""
    task = model.facts["task"]
    if not isinstance(task, Mapping):
        raise ArtifactMismatch(f"the model does not say what it was trained for: {task!r}")
    return Task.from_json(task)


def sample_bad_share(model: Model) -> float:
    """Bad share of the cases that the level of ``model`` was fitted on.

    Of a task by splits all, where it was fitted again with them; else the validation cases.
    """
    facts: Any = model.facts
    parts = ("train", "valid") if task_of(model).by_splits and facts["fitted_again"] else ("valid",)
    return float(sum(facts["positives"][part] for part in parts) / sum(facts["rows"][part] for part in parts))
