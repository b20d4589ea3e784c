"""YAML read strictly: words stay words, no key twice, and every key of a mapping must be known."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import yaml

from graph.errors import MappingError
from loaders.expressions import Expression, parse_expression
from loaders.faults import mapping_error


class _Yaml(yaml.SafeLoader):
    """Safe YAML in which ``on``, ``yes`` and ``no`` are words, and a key given twice is refused."""


_Yaml.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Yaml.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))


def _unique_keys(loader: _Yaml, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
    keys = [loader.construct_object(key, deep=True) for key, _ in node.value]
    for key in keys:
        if keys.count(key) > 1:
            raise yaml.YAMLError(f"line {node.start_mark.line + 1}: key {key!r} is given twice")
    return loader.construct_mapping(node, deep=True)


_Yaml.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique_keys)


class Node:
    """A YAML mapping being read: ``take`` each known key, then ``done`` refuses what is left."""

    def __init__(self, value: object, file: str, where: str) -> None:
        self.file, self.where = file, where
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            raise mapping_error(file, where, f"expected keys with values, found {value!r}")
        self._left: dict[str, Any] = dict(value)
        self._known: list[str] = []

    def error(self, key: str, problem: str) -> MappingError:
        return mapping_error(self.file, f"{self.where}.{key}" if self.where else key, problem)

    def take(self, key: str, expected: type | tuple[type, ...], default: Any = None) -> Any:
        """The value of ``key``, refused unless it is of an ``expected`` type."""
        self._known.append(key)
        if key not in self._left:
            return default
        value = self._left.pop(key)
        kinds = expected if isinstance(expected, tuple) else (expected,)
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            names = " or ".join(kind.__name__ for kind in kinds)
            raise self.error(key, f"expected {names}, found {value!r}")
        return value

    def has(self, *keys: str) -> bool:
        self._known += keys
        return any(key in self._left for key in keys)

    def need(self, key: str, expected: type | tuple[type, ...]) -> Any:
        value = self.take(key, expected)
        if value is None:
            raise self.error(key, "is missing")
        return value

    def texts(self, key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """A text or a list of texts."""
        value = self.take(key, (str, list))
        if value is None:
            return default
        items = [value] if isinstance(value, str) else value
        if not all(isinstance(item, str) for item in items):
            raise self.error(key, f"expected texts, found {value!r}")
        return tuple(items)

    def choice(self, key: str, literal: Any, default: Any = None) -> Any:
        value = self.take(key, str, default)
        if value is not None and value not in get_args(literal):
            raise self.error(key, f"expected one of {', '.join(get_args(literal))}, found {value!r}")
        return value

    def items(
        self, key: str, make: Callable[[object, str], Any], single: tuple[type, ...] = ()
    ) -> tuple[Any, ...]:
        """A list, each item read by ``make(item, place)``; of the types ``single``, an item by itself."""
        values = self.take(key, (list, *single), [])
        values = values if isinstance(values, list) else [values]
        place = f"{self.where}.{key}" if self.where else key
        return tuple(make(value, f"{place}[{position}]") for position, value in enumerate(values))

    def expression(self, key: str) -> Expression | None:
        text = self.take(key, str)
        return None if text is None else parse_expression(text, self.file, f"{self.where}.{key}")

    def character(self, key: str, default: str | None, words: tuple[str, ...] = ()) -> str | None:
        """One character, or one of ``words``."""
        value = self.take(key, (str, type(None)), default)
        if value is not None and len(value) > 1 and value not in words:
            raise self.error(key, f"expected {' or '.join(('one character', *words))}, found {value!r}")
        return value or None

    def done(self) -> None:
        for key in self._left:
            raise self.error(key, f"unknown key; known here: {', '.join(sorted(set(self._known)))}")


def read_yaml(path: Path) -> object:
    """The content of a YAML file; ``MappingError`` where it is no YAML."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_Yaml)  # noqa: S506  (a SafeLoader)
    except OSError as error:
        raise MappingError(f"{path}: cannot be read ({error.strerror})", file=str(path)) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise MappingError(f"{path}: is not valid YAML: {error}", file=str(path)) from error
