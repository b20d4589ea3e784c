"""YAML to ``SourceMapping``: every unknown key and bad value is refused with its place."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, get_args

import yaml

from graph.contract import TABLES, Column, Table
from graph.errors import MappingError
from graph.source import PARTS, SourceDeclaration, Task
from graph.vocabulary import KindDeclaration
from loaders.expressions import Expression, parse_expression
from loaders.faults import mapping_error
from loaders.mapping import (
    Case,
    ColumnMapping,
    Distinct,
    Feed,
    FileMapping,
    Format,
    Lookup,
    NumberText,
    OpenColumns,
    Others,
    Scalar,
    SourceMapping,
    Take,
    Unit,
    Unpivot,
)

SHIPPED = Path(__file__).parent / "mappings"


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

    def items(self, key: str, make: Callable[[object, str], Any]) -> tuple[Any, ...]:
        """A list, each item read by ``make(item, place)``."""
        values = self.take(key, list, [])
        place = f"{self.where}.{key}" if self.where else key
        return tuple(make(value, f"{place}[{position}]") for position, value in enumerate(values))

    def expression(self, key: str) -> Expression | None:
        text = self.take(key, str)
        return None if text is None else parse_expression(text, self.file, f"{self.where}.{key}")

    def character(self, key: str, default: str | None) -> str | None:
        value = self.take(key, (str, type(None)), default)
        if value is not None and len(value) > 1:
            raise self.error(key, f"expected one character, found {value!r}")
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


def shipped_mappings() -> tuple[str, ...]:
    """Names of the mappings that come with ecorisk."""
    return tuple(sorted(path.stem for path in SHIPPED.glob("*.yaml")))


def read_mapping(source: str) -> SourceMapping:
    """The mapping called ``source``: a shipped one's name, or the path of a YAML file."""
    if source in shipped_mappings():
        path = SHIPPED / f"{source}.yaml"
    else:
        path = Path(source)
        if not path.is_file():
            raise MappingError(
                f"there is no mapping {source!r}: give the path of a YAML file or one of "
                + ", ".join(shipped_mappings()),
                source=source,
            )
    return parse_mapping(read_yaml(path), path.name)


def parse_mapping(content: object, file: str) -> SourceMapping:
    """A mapping from what its YAML holds; ``file`` names it in messages."""
    node = Node(content, file, "")
    node.need("source", str)
    files = {
        name: _file(Node(value, file, f"files.{name}"), name)
        for name, value in node.need("files", dict).items()
    }
    feeds = node.items("tables", lambda value, place: _feed(Node(value, file, place), place))
    share = float(node.take("reject_share", (int, float), 0.01))
    declared_in = node.texts("declared_in")
    declaration = parse_declaration(node, content)
    licence = node.take("licence", str, "")
    node.done()
    if not feeds:
        raise node.error("tables", "at least one table is needed")
    if not 0 <= share < 1:
        raise node.error("reject_share", f"expected a share from 0 to below 1, found {share}")
    _check_references(node, files, feeds)
    return SourceMapping(file, declaration, licence, files, feeds, share, declared_in)


def _check_references(node: Node, files: Mapping[str, FileMapping], feeds: tuple[Feed, ...]) -> None:
    for feed in feeds:
        if feed.file not in files:
            raise mapping_error(node.file, f"{feed.place}.from", f"no file {feed.file!r} under files")
    for name, file in files.items():
        for lookup in file.lookups:
            if lookup.file not in files or lookup.file == name:
                raise mapping_error(
                    node.file, f"files.{name}.lookups", f"no other file {lookup.file!r} under files"
                )
    rules: dict[str, str] = {}
    for feed in feeds:
        if feed.distinct and rules.setdefault(feed.table, feed.distinct) != feed.distinct:
            raise mapping_error(
                node.file, f"{feed.place}.distinct", f"another feed of {feed.table} says {rules[feed.table]}"
            )


def parse_declaration(node: Node, content: object) -> SourceDeclaration:
    """What the source declares, from the keys source, title, dated, kinds and tasks."""
    kinds = Node(node.take("kinds", dict, {}), node.file, "kinds")
    name = content.get("source", "") if isinstance(content, dict) else ""
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,60}", str(name)):
        raise node.error("source", f"expected a name of letters, digits, '_', '-', '.', found {name!r}")
    declaration = SourceDeclaration(
        name=str(name),
        title=node.take("title", str, ""),
        dated=node.take("dated", bool, True),
        link_kinds=kinds.items("links", lambda value, place: _kind(Node(value, node.file, place), True)),
        event_kinds=kinds.items("events", lambda value, place: _kind(Node(value, node.file, place), False)),
        outcome_kinds=kinds.texts("outcomes"),
        party_kinds=kinds.texts("parties"),
        tasks=node.items("tasks", lambda value, place: _task(Node(value, node.file, place))),
    )
    kinds.done()
    return declaration


def _kind(node: Node, relation: bool) -> KindDeclaration:
    kind = KindDeclaration(
        name=node.need("name", str),
        out_text=node.take("out_text", str, "counterparties"),
        in_text=node.take("in_text", str, "counterparties"),
        relation=node.take("relation", bool, relation),
        symmetric=node.take("symmetric", bool, False),
        adverse=node.take("adverse", bool, False),
        adverse_statuses=node.texts("adverse_statuses"),
    )
    node.done()
    return kind


def _task(node: Node) -> Task:
    days = Node(node.take("as_of", dict, {}), node.file, f"{node.where}.as_of")
    fields: dict[str, Any] = {
        "name": node.need("name", str),
        "outcome": node.need("outcome", str),
        "horizon_days": node.take("horizon_days", int, 365),
        "roles": node.texts("roles"),
        "party_kinds": node.texts("party_kinds"),
        "active_within_days": node.take("active_within_days", int),
        "once": node.take("once", bool, True),
        "stated_only": node.take("stated_only", bool, False),
        "as_of": {part: _days(days, part) for part in PARTS},
        "by_splits": node.take("by_splits", bool, False),
        "fold": node.take("fold", int, 0),
        "dated": node.take("dated", bool, True),
        "prior": node.take("prior", (int, float)),
    }
    fields["as_of"] = {part: found for part, found in fields["as_of"].items() if found}
    days.done()
    node.done()
    try:
        return Task(**fields)
    except MappingError as error:
        raise mapping_error(node.file, node.where, error.message) from error


def _days(node: Node, part: str) -> tuple[date, ...]:
    value = node.take(part, (str, date, list))
    days = value if isinstance(value, list) else [] if value is None else [value]
    try:
        return tuple(day if isinstance(day, date) else date.fromisoformat(day) for day in days)
    except (TypeError, ValueError) as error:
        raise node.error(part, f"expected days such as 2019-01-01, found {value!r}") from error


def _file(node: Node, name: str) -> FileMapping:
    encoding = node.take("encoding", str, "utf-8")
    try:
        codecs.lookup(encoding)
    except LookupError as error:
        raise node.error(
            "encoding", f"unknown encoding {encoding!r}; for example utf-8, gb18030, latin-1"
        ) from error
    format_ = node.choice("format", Format, "auto")
    header = node.take("header", (bool, list), True)
    mapping = FileMapping(
        name=name,
        paths=node.texts("path") or _missing(node, "path"),
        format=format_,
        optional=node.take("optional", bool, False),
        encoding=encoding,
        delimiter=node.character("delimiter", None),
        quote=node.character("quote", '"'),
        header=header if isinstance(header, bool) else tuple(map(str, header)),
        multiline=node.take("multiline", bool, False),
        nulls=node.texts("nulls"),
        numbers=_numbers(node, NumberText()),
        dates=node.texts("dates"),
        array=node.take("array", str),
        transpose=node.take("transpose", bool, False),
        min_rows=node.take("min_rows", int, 1),
        max_rows=node.take("max_rows", int),
        ignore=node.texts("ignore"),
        lookups=node.items("lookups", lambda value, place: _lookup(Node(value, node.file, place))),
    )
    node.done()
    return mapping


def _missing(node: Node, key: str) -> tuple[str, ...]:
    raise node.error(key, "is missing")


def _numbers(node: Node, default: NumberText) -> NumberText:
    numbers = NumberText(
        decimal=node.character("decimal", default.decimal) or ".",
        thousands=node.character("thousands", default.thousands) or "",
        strip=node.take("strip", str, default.strip),
    )
    if numbers.decimal == numbers.thousands:
        raise node.error("thousands", f"is the decimal mark too: {numbers.decimal!r}")
    return numbers


def _lookup(node: Node) -> Lookup:
    on = node.need("on", (str, dict))
    pairs = {on: on} if isinstance(on, str) else on
    lookup = Lookup(
        file=node.need("file", str),
        on=tuple((str(own), str(other)) for own, other in pairs.items()),
        columns=node.texts("columns", ("*",)),
        prefix=node.take("prefix", str, ""),
        take=node.choice("take", Take),
    )
    node.done()
    return lookup


def _feed(node: Node, place: str) -> Feed:
    name = node.need("table", str)
    if name not in TABLES:
        raise node.error("table", f"expected one of {', '.join(TABLES)}, found {name!r}")
    table = TABLES[name]
    distinct = node.take("distinct", (bool, str), False)
    if distinct is True:
        distinct = "first"
    if distinct is not False and distinct not in get_args(Distinct):
        raise node.error(
            "distinct", f"expected true or one of {', '.join(get_args(Distinct))}, found {distinct!r}"
        )
    columns = {
        column: _column(value, f"{place}.columns.{column}", _contract_column(table, column, node), node.file)
        for column, value in node.take("columns", dict, {}).items()
    }
    unpivot = node.take("unpivot", dict)
    feed = Feed(
        table=name,
        file=node.need("from", str),
        columns=columns,
        place=place,
        where=node.expression("where"),
        distinct=distinct or None,
        open_columns=node.items("x", lambda value, at: _open(value, node.file, at)),
        same_names=node.take("same_names", bool, False),
        unpivot=None if unpivot is None else _unpivot(Node(unpivot, node.file, f"{place}.unpivot")),
    )
    node.done()
    _check_feed(feed, table, node)
    return feed


def _contract_column(table: Table, name: str, node: Node) -> Column:
    try:
        column = table.column(name)
    except KeyError as error:
        allowed = ", ".join((*table.column_names, *(("x_*",) if table.open_columns else ())))
        raise node.error(f"columns.{name}", f"{table.name} has no such column; it has {allowed}") from error
    if name.startswith("x_") and not re.fullmatch(r"x_[a-z0-9_]+", name):
        raise node.error(f"columns.{name}", "x_ names are made of a-z, 0-9 and '_'")
    return column


def _check_feed(feed: Feed, table: Table, node: Node) -> None:
    if feed.open_columns and not table.open_columns:
        raise node.error("x", f"{table.name} takes no x_ columns")
    if feed.same_names:
        return
    for column in table.columns:
        if column.required and column.name not in feed.columns and column.name != "source":
            advice = (
                "; say when a row could be known: it is never taken from the event's own date by itself"
                if column.name == "known_on"
                else ""
            )
            raise node.error(f"columns.{column.name}", f"is missing, and {table.name} needs it{advice}")


def _open(value: object, file: str, place: str) -> OpenColumns:
    if isinstance(value, str):
        return OpenColumns((value,))
    node = Node(value, file, place)
    columns = OpenColumns(
        node.texts("columns") or _missing(node, "columns"), node.take("as", str, "x_{name}")
    )
    node.done()
    if not columns.to.startswith("x_"):
        raise node.error("as", f"must begin with x_, found {columns.to!r}")
    return columns


def _unpivot(node: Node) -> Unpivot:
    unpivot = Unpivot(
        node.texts("columns") or _missing(node, "columns"), node.need("name", str), node.need("value", str)
    )
    node.done()
    return unpivot


def _column(value: object, place: str, column: Column, file: str) -> ColumnMapping:
    if isinstance(value, str):
        value = {"column": value}
    node = Node(value, file, place)
    scalar = (str, int, float, bool, date)
    values = node.take("values", dict, {})
    mapping = ColumnMapping(
        column=node.take("column", str),
        value=node.take("value", scalar),
        expr=node.expression("expr"),
        dates=node.texts("dates") or None,
        unit=node.choice("unit", Unit),
        scale=float(node.take("scale", (int, float), 1)),
        values={_key_text(key): item for key, item in values.items()},
        others=node.choice("others", Others, "refuse"),
        prefix=node.take("prefix", str, ""),
        default=node.take("default", scalar),
        nulls=node.texts("nulls"),
        numbers=_numbers(node, NumberText()) if node.has("decimal", "thousands", "strip") else None,
        case=node.choice("case", Case),
    )
    node.done()
    if sum(item is not None for item in (mapping.column, mapping.value, mapping.expr)) != 1:
        raise mapping_error(node.file, node.where, "exactly one of column, value, expr is needed")
    _check_types(mapping, column, node)
    return mapping


def _key_text(key: object) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def _check_types(mapping: ColumnMapping, column: Column, node: Node) -> None:
    if column.type == "money" and mapping.unit is None:
        raise node.error("unit", "is missing: say unit: major (1.50) or unit: minor (150)")
    if column.type != "money" and mapping.unit is not None:
        raise node.error("unit", f"{column.name} is no amount of money")
    if mapping.dates and column.type != "date":
        raise node.error("dates", f"{column.name} is no date")
    if mapping.prefix and column.type != "text":
        raise node.error("prefix", f"{column.name} is no text")
    for key, constant in (("value", mapping.value), ("default", mapping.default)):
        if constant is not None and not _fits(constant, column):
            raise node.error(key, f"expected a {column.type}, found {constant!r}")


def _fits(value: Scalar | None, column: Column) -> bool:
    if column.type == "date":
        if isinstance(value, str):
            try:
                date.fromisoformat(value)
            except ValueError:
                return False
            return True
        return isinstance(value, date)
    if column.type == "text":
        return isinstance(value, str)
    if column.type == "bool":
        return isinstance(value, bool)
    return isinstance(value, int if column.type == "int" else (int, float)) and not isinstance(value, bool)
