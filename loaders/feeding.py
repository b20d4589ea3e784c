"""One feed: a file's rows converted and added to their table, faults noted one by one."""

# ruff: noqa: S608  (identifiers are quoted or our own, texts are escaped literals)

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from graph.contract import TABLES, Column
from graph.errors import MappingError
from graph.sql import literal, quote
from loaders.conversion import Conversion, Settings, Taken, constant, convert, target_type, with_default
from loaders.expressions import Expression
from loaders.faults import file_refused, mapping_error
from loaders.mapping import ColumnMapping, Feed, matching
from loaders.rawtables import RawTable
from loaders.staging import StagedFile


@dataclass(frozen=True)
class FeedPlan:
    """A feed resolved against its file: the contract columns it fills and the source columns it reads.

    ``width``: rows that one row of the file becomes (more than one by unpivoting).
    """

    feed: Feed
    number: int
    raw: RawTable
    columns: Mapping[str, ColumnMapping]
    settings: Settings
    used: frozenset[str]
    width: int

    @property
    def open_columns(self) -> tuple[str, ...]:
        return tuple(name for name in self.columns if name.startswith("x_"))

    def contract(self, name: str) -> Column:
        return TABLES[self.feed.table].column(name)


def plan_feed(
    feed: Feed, number: int, offer: tuple[RawTable, int], file: StagedFile, source: str
) -> FeedPlan:
    """Resolve ``feed``; ``LoadRefused`` where its file lacks a column that is mapped or required.

    ``offer``: what the file offers to the feed and the rows that each of its rows became.
    """
    raw, width = offer
    columns = dict(feed.columns)
    for opened in feed.open_columns:
        for name in matching(opened.columns, raw.names):
            target = re.sub(r"[^a-z0-9_]+", "_", opened.to.replace("{name}", name).lower())
            if target in columns and columns[target].column != name:
                raise file_refused(
                    file.label, f"two columns become {target}", f"change x in {feed.place} of the mapping"
                )
            columns[target] = ColumnMapping(column=name)
    if feed.same_names:
        _take_same_names(columns, feed, raw, file)
    columns.setdefault("source", ColumnMapping(value=source))
    used: set[str] = set()
    for name, mapping in columns.items():
        for wanted in (mapping.column,) if mapping.column else mapping.expr.columns if mapping.expr else ():
            used.add(_present(raw, wanted, file, f"{feed.place}.columns.{name}"))
    for wanted in feed.where.columns if feed.where else ():
        used.add(_present(raw, wanted, file, f"{feed.place}.where"))
    if feed.unpivot is not None:
        used |= set(matching(feed.unpivot.columns, raw.names))
    settings = Settings(file.mapping.nulls, file.mapping.dates, file.mapping.numbers)
    return FeedPlan(feed, number, raw, columns, settings, frozenset(used), width)


def _take_same_names(columns: dict[str, ColumnMapping], feed: Feed, raw: RawTable, file: StagedFile) -> None:
    """Add contract columns that the file has by name, money in minor units; ``x_*`` of open tables too."""
    table = TABLES[feed.table]
    open_ones = [column for column in table.columns if column.name not in columns]
    for column in open_ones:
        if column.name in raw.names:
            columns[column.name] = ColumnMapping(
                column=column.name, unit="minor" if column.type == "money" else None
            )
    lacking = [c.name for c in open_ones if c.required and c.name not in (*raw.names, "source")]
    if lacking:
        advice = f"{feed.table} needs {'it' if len(lacking) == 1 else 'them'}; {_columns_found(raw)}"
        if "known_on" in lacking:
            advice += "; known_on is the day a row could first be known (not simply the event's own day)"
        problem = f"has no column {' nor '.join(map(repr, lacking))}"
        raise file_refused(file.label, problem, advice, column=lacking[0])
    if table.open_columns:
        for name in raw.names:
            if re.fullmatch(r"x_[a-z0-9_]+", name):
                columns.setdefault(name, ColumnMapping(column=name))


def _columns_found(raw: RawTable) -> str:
    return f"columns found: {', '.join(map(repr, raw.names))}"


def _present(raw: RawTable, wanted: str, file: StagedFile, place: str) -> str:
    physical = raw.physical(wanted)
    name = None if physical is None else raw.names[int(physical[1:])] if physical.startswith("c") else wanted
    if name is None or name in raw.absent:
        raise file_refused(
            raw.absent.get(name or "", file.label),
            f"has no column {wanted!r}, which {place} of the mapping needs",
            _columns_found(raw)
            + ("; is the file's delimiter another?" if len(raw.names) == 1 else "")
            + f"; a constant is written {{value: {wanted}}}" * place.partition(".columns.")[2].isidentifier(),
            column=wanted,
        )
    return name


@dataclass(frozen=True)
class _Column:
    """A contract column of a feed in SQL. ``taken`` / ``held``: what its raw and converted values are called.

    ``taken`` is None for a constant. ``sql``: the value to store, from ``held``.
    """

    name: str
    held: str
    taken: str | None
    conversion: Conversion
    sql: str
    is_expression: bool = False


class FeedQuery:
    """The SQL of one feed, in three layers: rows kept, values taken, values converted."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, plan: FeedPlan) -> None:
        self._connection, self._plan = connection, plan
        self._taken_sql = self._layer_of_taken_values()
        self.columns = self._layer_of_conversions()
        held = ", ".join(f"{column.conversion.sql} AS {column.held}" for column in self.columns)
        self._converted_sql = f"SELECT *, {held} FROM ({self._taken_sql})"

    def _expression(self, expression: Expression) -> str:
        """An expression in a struct that is null exactly where evaluating it fails."""
        sql = expression.sql(lambda name: str(self._plan.raw.physical(name)))
        return f"TRY(struct_pack(v := ({sql})))"

    def _layer_of_taken_values(self) -> str:
        where = self._plan.feed.where
        rows = self._plan.raw.relation
        kept = "true AS _where"
        if where is not None:
            sql = where.sql(lambda name: str(self._plan.raw.physical(name)))
            guarded = f"TRY(struct_pack(v := coalesce(CAST(({sql}) AS BOOLEAN), false)))"
            rows = f"(SELECT *, {guarded} AS _guard FROM {rows}) WHERE _guard IS NULL OR _guard.v"
            kept = "_guard IS NOT NULL AS _where"
        taken = []
        for position, mapping in enumerate(self._plan.columns.values()):
            if mapping.column is not None:
                taken.append(f"{self._plan.raw.physical(mapping.column)} AS t{position}")
            elif mapping.expr is not None:
                taken.append(f"{self._expression(mapping.expr)} AS t{position}")
        return f"SELECT _rid, {', '.join((kept, *taken))} FROM {rows}"

    def _layer_of_conversions(self) -> list[_Column]:
        try:
            described = self._connection.execute(f"DESCRIBE {self._taken_sql}").fetchall()
        except duckdb.ProgrammingError as error:
            raise self._misfit() or error from error
        kinds = {str(row[0]): str(row[1]) for row in described}
        names = list(self._plan.columns)
        currency = (
            self._converted(names, "currency", kinds, None).conversion.sql if "currency" in names else None
        )
        return [self._converted(names, name, kinds, currency) for name in names]

    def _misfit(self) -> MappingError | None:
        """What is wrong with the first expression whose types do not go together."""
        feed = self._plan.feed
        written = {f"{feed.place}.columns.{name}": m.expr for name, m in self._plan.columns.items()}
        for place, expression in {**written, f"{feed.place}.where": feed.where}.items():
            if expression is not None:
                try:
                    rows = self._plan.raw.relation
                    self._connection.execute(f"DESCRIBE SELECT {self._expression(expression)} FROM {rows}")
                except duckdb.ProgrammingError as error:
                    problem = str(error).partition("\n")[0]
                    advice = "columns of text files are text: cast them to what the formula needs"
                    return mapping_error(feed.file, place, f"{expression.text!r}: {problem}; {advice}")
        return None

    def _converted(
        self, names: list[str], name: str, kinds: Mapping[str, str], currency: str | None
    ) -> _Column:
        mapping, column = self._plan.columns[name], self._plan.contract(name)
        position = names.index(name)
        taken, held = f"t{position}", f"v{position}"
        if mapping.value is not None and column.type == "money":
            amount = convert(Taken(str(mapping.value), "DOUBLE"), column, mapping, Settings(), currency)
            return _Column(name, held, None, amount, held)
        if mapping.value is not None:
            return _Column(name, held, None, Conversion(constant(mapping.value, target_type(column))), held)
        kind = kinds[taken]
        is_expression = mapping.expr is not None
        raw = f"{taken}.v" if is_expression else taken
        if is_expression:
            kind = re.sub(r"^STRUCT\(\"?v\"? (.*)\)$", r"\1", kind)
        conversion = convert(Taken(raw, kind), column, mapping, self._plan.settings, currency)
        return _Column(
            name, held, taken, conversion, with_default(held, mapping.default, column), is_expression
        )

    def _faults(self, column: _Column) -> list[tuple[str, str, str, str]]:
        """(condition, value, reason, expected) of all that can go wrong with ``column``."""
        faults: list[tuple[str, str, str, str]] = []
        if column.taken is None:
            return faults
        value = (
            f"CAST({column.taken}.v AS VARCHAR)"
            if column.is_expression
            else f"CAST({column.taken} AS VARCHAR)"
        )
        if column.is_expression:
            expression = self._plan.columns[column.name].expr
            shown = expression.text if expression else ""
            faults.append(
                (f"{column.taken} IS NULL", "NULL", "expression_failed", f"a row for which {shown} works")
            )
        if column.conversion.reason:
            given = f"nullif(trim({value}), '') IS NOT NULL{self._not_null_text(column, value)}"
            faults.append(
                (
                    f"CASE WHEN {column.held} IS NULL THEN {given} ELSE false END",
                    value,
                    column.conversion.reason,
                    column.conversion.expected,
                )
            )
        return faults

    def _not_null_text(self, column: _Column, value: str) -> str:
        """Texts that mean null are no fault, nor are those mapped to null."""
        mapping = self._plan.columns[column.name]
        nulls = [*self._plan.settings.nulls, *mapping.nulls]
        nulls += [key for key, target in mapping.values.items() if target is None]
        return f" AND trim({value}) NOT IN ({', '.join(map(literal, nulls))})" if nulls else ""

    def run(self) -> None:
        """Insert the feed's rows into its table and its faults into ``faults``."""
        bad = ["NOT _where"]
        for column in self.columns:
            bad += [condition for condition, *_ in self._faults(column)]
        target = quote(self._plan.feed.table)
        finals = ", ".join(f"{column.sql} AS {quote(column.name)}" for column in self.columns)
        self._connection.execute(
            f"INSERT INTO {target} BY NAME SELECT {self._plan.number} AS _feed, _rid, "
            f"coalesce({' OR '.join(f'({condition})' for condition in bad)}, false) AS _bad, {finals} "
            f"FROM ({self._converted_sql})"
        )
        damaged = self._connection.execute(
            f"SELECT count(*) FROM {target} WHERE _bad AND _feed = {self._plan.number}"
        ).fetchone()
        if damaged and damaged[0]:
            self._note_faults()

    def _note_faults(self) -> None:
        run, number, table = self._connection.execute, self._plan.number, self._plan.feed.table
        run(
            f"CREATE OR REPLACE TABLE damaged AS SELECT * FROM ({self._converted_sql}) WHERE _rid IN "
            f"(SELECT _rid FROM {quote(table)} WHERE _bad AND _feed = {number})"
        )
        where = self._plan.feed.where
        notes = (
            [("NOT _where", "NULL", "expression_failed", f"a row for which {where.text} works", "where")]
            if where
            else []
        )
        for column in self.columns:
            notes += [(*fault, column.name) for fault in self._faults(column)]
        for condition, value, reason, expected, column_name in notes:
            run(
                f"INSERT INTO faults SELECT {literal(table)}, {number}, _rid, {literal(column_name)}, "
                f"{value}, {literal(reason)}, {literal(expected)} FROM damaged WHERE {condition}"
            )
        run("DROP TABLE damaged")
