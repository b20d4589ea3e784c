"""A source's files as the mapping sees them: parts together, columns looked up and unpivoted."""

# ruff: noqa: S608  (identifiers are quoted or our own, texts are escaped literals)

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from graph.errors import LoadRefused
from graph.sql import literal, quote
from loaders.faults import file_refused
from loaders.mapping import Feed, FileMapping, Lookup, SourceMapping, matching
from loaders.rawtables import FILE_NAMES, FILE_SHIFT, ROW_SHIFT, RawTable, Staged, column_types
from loaders.reading import stage
from loaders.textlines import Malformed

Progress = Callable[[str, float], None]


#: Files of one pattern that a message names.
_NAMED = 3


def _called(paths: Sequence[Path]) -> str:
    names = ", ".join(path.name for path in paths[:_NAMED])
    return names if len(paths) <= _NAMED else f"{names} and {len(paths) - _NAMED:,} more"


@dataclass(frozen=True)
class StagedFile:
    """A file of the mapping: ``own`` rows as read, ``joined`` with what its lookups add.

    ``rows``: good rows; ``malformed``: by ``_rid``.
    """

    mapping: FileMapping
    own: RawTable
    joined: RawTable
    rows: int
    malformed: tuple[tuple[int, Malformed], ...]
    paths: tuple[Path, ...]

    @property
    def label(self) -> str:
        """What the files are called."""
        return _called(self.paths)


@dataclass
class Staging:
    """The files of one load, staged in ``connection``. ``names[i]``: the i-th physical file's name."""

    connection: duckdb.DuckDBPyConnection
    folder: Path
    mapping: SourceMapping
    progress: Progress
    names: list[str] = field(default_factory=list)
    files: dict[str, StagedFile] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def stage_all(self) -> None:
        """Read every file the mapping names; ``LoadRefused`` where one is absent or unreadable."""
        found = {name: self._paths(file) for name, file in self.mapping.files.items()}
        for name, paths in found.items():
            if not paths and not self.mapping.files[name].optional:
                wanted = " or ".join(self.mapping.files[name].paths)
                raise file_refused(
                    wanted,
                    f"no such file in {self.folder}",
                    "check PATH, or say optional: true in the mapping",
                )
        if not any(found.values()):
            wanted = ", ".join(
                sorted(pattern for file in self.mapping.files.values() for pattern in file.paths)
            )
            raise LoadRefused(f"{self.folder} holds none of the files of this source: {wanted}")
        total = sum(map(len, found.values()))
        plain: dict[str, StagedFile] = {}
        for name, paths in found.items():
            if paths:
                plain[name] = self._stage_file(self.mapping.files[name], paths, total)
        listed = ", ".join(map(literal, self.names))
        self.connection.execute(f"SET VARIABLE {FILE_NAMES} = [{listed}]")
        self.files = plain
        for name in plain:
            self.files[name] = self._join(plain[name], ())

    def _paths(self, file: FileMapping) -> tuple[Path, ...]:
        if self.folder.is_file():
            return (self.folder,) if len(self.mapping.files) == 1 or any(
                self.folder.match(pattern) for pattern in file.paths
            ) else ()  # fmt: skip
        return tuple(sorted({p for pattern in file.paths for p in self.folder.glob(pattern) if p.is_file()}))

    def _stage_file(self, file: FileMapping, paths: tuple[Path, ...], total: int) -> StagedFile:
        parts: list[Staged] = []
        malformed: list[tuple[int, Malformed]] = []
        for path in paths:
            number = len(self.names)
            self.progress(f"reading {path.name}", number / total)
            self.names.append(path.name if path == self.folder else path.relative_to(self.folder).as_posix())
            part = stage(self.connection, file, path, number)
            parts.append(part)
            malformed += [
                ((number << FILE_SHIFT) | (record.line << ROW_SHIFT), record) for record in part.malformed
            ]
        rows = sum(part.rows for part in parts)
        read = rows + len(malformed)
        if read < file.min_rows or (file.max_rows is not None and read > file.max_rows):
            upper = "" if file.max_rows is None else f" and at most {file.max_rows:,}"
            raise file_refused(
                _called(paths),
                f"has {read:,} rows" if read else "has zero rows",
                f"expected at least {file.min_rows:,}{upper} (min_rows and max_rows of files.{file.name})",
                rows=read,
            )
        own = parts[0].table if len(parts) == 1 else self._together(file, parts, paths)
        return StagedFile(file, own, own, rows, tuple(malformed), paths)

    def _together(self, file: FileMapping, parts: list[Staged], paths: tuple[Path, ...]) -> RawTable:
        """All parts under one another, columns by name; one that a part lacks reads null there."""
        names = tuple(dict.fromkeys(name for part in parts for name in part.table.names))
        selects = []
        for part in parts:
            own = part.table.names
            columns = ", ".join(
                f"c{own.index(name)} AS c{i}" if name in own else f"NULL AS c{i}"
                for i, name in enumerate(names)
            )
            selects.append(f"SELECT _rid, {columns} FROM {part.table.relation}")
        relation = quote(f"raw {file.name}")
        self.connection.execute(f"CREATE VIEW {relation} AS {' UNION ALL '.join(selects)}")
        absent = {
            name: path.name
            for part, path in zip(parts, paths, strict=True)
            for name in names
            if name not in part.table.names
        }
        return RawTable(relation, names, column_types(self.connection, relation), absent)

    def _join(self, file: StagedFile, path: tuple[str, ...]) -> StagedFile:
        """``file`` with the columns of its lookups."""
        name = file.mapping.name
        if name in path:
            raise LoadRefused(f"lookups of files.{name} lead back to itself: {' → '.join((*path, name))}")
        if file.joined is not file.own or not file.mapping.lookups:
            return file
        names, types, selects, joins = list(file.own.names), list(file.own.types), ["a.*"], []
        for position, lookup in enumerate(file.mapping.lookups):
            if lookup.file not in self.files:
                raise file_refused(
                    lookup.file, f"is absent, and files.{name} looks columns up in it", "add the file"
                )
            other = self._join(self.files[lookup.file], (*path, name)).joined
            alias = f"l{position}"
            joins.append(self._lookup(file, other, lookup, alias))
            keys = {key for _, key in lookup.on}
            for taken in matching(lookup.columns, other.names):
                if taken in keys:
                    continue
                if lookup.prefix + taken in names:
                    raise file_refused(
                        lookup.file,
                        f"column {taken!r} is in {name} too",
                        "give the lookup a prefix or fewer columns",
                    )
                selects.append(f"{alias}.{other.physical(taken)} AS c{len(names)}")
                names.append(lookup.prefix + taken)
                types.append(other.types[other.names.index(taken)])
        relation = quote(f"joined {name}")
        self.connection.execute(
            f"CREATE VIEW {relation} AS SELECT {', '.join(selects)} "
            f"FROM {file.own.relation} a {' '.join(joins)}"
        )
        joined = RawTable(relation, tuple(names), tuple(types), file.own.absent)
        return StagedFile(file.mapping, file.own, joined, file.rows, file.malformed, file.paths)

    def _lookup(self, file: StagedFile, other: RawTable, lookup: Lookup, alias: str) -> str:
        """The JOIN clause; refused where a key has more than one row."""
        conditions, keys = [], []
        for own, theirs in lookup.on:
            left, right = file.own.physical(own), other.physical(theirs)
            # A row's number or file is no key of another file.
            if not (left and right and left[0] == right[0] == "c"):
                lacking, column = (
                    (lookup.file, theirs) if left and left[0] == "c" else (file.mapping.name, own)
                )
                raise file_refused(
                    lacking, f"has no column {column!r}", "check on: of the lookup in the mapping"
                )
            keys.append(right)
            kinds = (file.own.types[int(left[1:])], other.types[int(right[1:])])
            conditions.append(f"{key_text(f'a.{left}', kinds[0])} = {key_text(f'{alias}.{right}', kinds[1])}")
        listed = ", ".join(keys)
        source = other.relation
        if lookup.take is not None:
            order = "_rid" if lookup.take == "first" else "_rid DESC"
            place = f"row_number() OVER (PARTITION BY {listed} ORDER BY {order})"
            source = f"(SELECT * FROM {source} QUALIFY {place} = 1)"
        doubled = self.connection.execute(
            f"SELECT {listed} FROM {source} WHERE {keys[0]} IS NOT NULL "
            f"GROUP BY {listed} HAVING count(*) > 1 LIMIT 1"
        ).fetchone()
        if doubled:
            raise file_refused(
                lookup.file,
                f"has more than one row for key {doubled}",
                "say take: first or take: last in the lookup",
            )
        matched = f"{source} {alias} ON {' AND '.join(conditions)}"
        found = f"SELECT 1 FROM {file.own.relation} a SEMI JOIN {matched} LIMIT 1"
        if file.rows and not self.connection.execute(found).fetchone():
            self.warnings.append(
                f"files.{file.mapping.name}: no row finds its key in {lookup.file}: are they written alike?"
            )
        return f"LEFT JOIN {matched}"


def key_text(sql: str, kind: str) -> str:
    """A key as text: whole numbers are written alike, whether a file holds them as 7 or as 7.0."""
    text = f"{sql}::VARCHAR"
    return f"regexp_replace({text}, '\\.0$', '')" if kind in ("DOUBLE", "FLOAT") else text


def offered(
    connection: duckdb.DuckDBPyConnection, file: StagedFile, feed: Feed, number: int
) -> tuple[RawTable, int]:
    """What ``file`` offers to ``feed``: its joined rows, unpivoted where asked; and the rows a row became."""
    if feed.unpivot is None:
        return file.joined, 1
    table, unpivot = file.joined, feed.unpivot
    turned = matching(unpivot.columns, table.names)
    if not turned:
        raise file_refused(
            file.mapping.name, f"has none of the columns {', '.join(unpivot.columns)} to unpivot",
            f"it has {', '.join(table.names)}",
        )  # fmt: skip
    items = ", ".join(
        f"{{'i': {i}, 'n': {literal(name)}, 'v': {table.physical(name)}::VARCHAR}}"
        for i, name in enumerate(turned)
    )
    relation = quote(f"unpivoted {number}")
    connection.execute(
        f"CREATE VIEW {relation} AS SELECT * EXCLUDE (_item) REPLACE (_rid + _item.i AS _rid), "
        f"_item.n AS c{len(table.names)}, _item.v AS c{len(table.names) + 1} "
        f"FROM (SELECT *, unnest([{items}]) AS _item FROM {table.relation})"
    )
    names = (*table.names, unpivot.name, unpivot.value)
    return RawTable(relation, names, (*table.types, "VARCHAR", "VARCHAR"), table.absent), len(turned)
