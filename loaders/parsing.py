"""YAML to ``SourceMapping``: every unknown key and bad value is refused with its place."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import get_args

from graph.contract import TABLES, Column, Table
from graph.errors import MappingError
from loaders.declarations import parse_declaration
from loaders.faults import mapping_error
from loaders.formats import parse_dates, parse_marks
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
from loaders.yamlnodes import Node, read_yaml

SHIPPED = Path(__file__).parent / "mappings"


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
        name: _file(Node({"path": value} if isinstance(value, str) else value, file, f"files.{name}"), name)
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
        delimiter=node.character("delimiter", None, ("whitespace",)),
        skip=node.take("skip", int, 0),
        comment=node.take("comment", str, ""),
        quote=node.character("quote", '"'),
        escape=node.character("escape", None),
        header=header if isinstance(header, bool) else tuple(map(str, header)),
        multiline=node.take("multiline", bool, False),
        nulls=node.texts("nulls"),
        numbers=NumberText().overlaid(parse_marks(node)),
        dates=parse_dates(node),
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
        open_columns=node.items("x", lambda value, at: _open(value, node.file, at), single=(str, dict)),
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
    if not isinstance(value, dict):
        raise mapping_error(
            file, place, f"expected a source column or keys, found {value!r}; a constant is {{value: …}}"
        )
    node = Node(value, file, place)
    scalar = (str, int, float, bool, date)
    values = node.take("values", dict, {})
    mapping = ColumnMapping(
        column=node.take("column", str),
        value=node.take("value", scalar),
        expr=node.expression("expr"),
        dates=parse_dates(node) or None,
        unit=node.choice("unit", Unit),
        scale=float(node.take("scale", (int, float), 1)),
        absolute=node.take("absolute", bool, False),
        values={_key_text(key): item for key, item in values.items()},
        others=node.choice("others", Others, "refuse"),
        prefix=node.take("prefix", str, ""),
        default=node.take("default", scalar),
        nulls=node.texts("nulls"),
        marks=parse_marks(node),
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
    if mapping.absolute and column.type not in ("money", "float", "int"):
        raise node.error("absolute", f"{column.name} is no number")
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
