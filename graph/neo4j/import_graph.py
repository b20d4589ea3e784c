"""The graph that an ordinary load would make of a store, as files to import: same nodes, same properties.

``exploration`` makes the same in Cypher; a test compares the two.
"""

# ruff: noqa: S608 -- names in the SQL are the contract's or quoted, values of data are literals

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from graph.asof import code_column
from graph.contract import TABLES, Column, ColumnType, Table
from graph.errors import BadInput
from graph.neo4j.import_bookkeeping import write_bookkeeping
from graph.neo4j.import_files import LIST_MARK, ImportFiles, ImportFolder
from graph.neo4j.import_source import ImportSource, opened_source
from graph.neo4j.load import BATCH_ROWS, key_hash
from graph.neo4j.schema import (
    FLOWS,
    LABELS,
    ROLE_LABELS,
    ROW_TABLES,
    TIES,
    Flow,
    Tie,
    event_flow,
    property_name,
    relationship_type,
    version_label,
)
from graph.sql import literal, quote
from graph.store import Tell

_TYPES: Mapping[ColumnType, str] = {
    "text": "string",
    "date": "date",
    "int": "long",
    "float": "double",
    "money": "long",
    "bool": "boolean",
}


def write_import_files(database: Path, folder: Path, tell: Tell) -> ImportFiles:
    """Write the store in the DuckDB file ``database`` into the new or empty ``folder``.

    Raises ``BadInput`` where there is nothing to write or something in the way, ``StoreUnavailable`` where
    another job holds the store.
    """
    if folder.exists() and any(folder.iterdir()):
        raise BadInput(f"{folder} is not empty: name a new folder for the files")
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    with opened_source(database, folder / "spill") as source:
        return _Export(source, ImportFolder(folder, source)).write(tell)


class _Export:
    def __init__(self, source: ImportSource, files: ImportFolder) -> None:
        self._source = source
        self._files = files

    def write(self, tell: Tell) -> ImportFiles:
        write_bookkeeping(self._source, self._files)
        for table in self._source.filled:
            tell(f"writing {table}", None)
            self._write_versions(TABLES[table])
        self._write_parties()
        for table in self._source.filled:
            tell(f"writing ties of {table}", None)
            for tie in TIES.get(table, ()):
                self._write_tie(table, tie)
        self._write_links()
        tell("writing flows", None)
        for flow in FLOWS:
            self._write_flow(flow)
        for (kind,) in self._source.run("SELECT DISTINCT kind FROM events ORDER BY kind").fetchall():
            self._write_flow(event_flow(kind), kind)
        return self._files.close()

    # -- nodes --------------------------------------------------------------------------------------

    def _write_versions(self, table: Table) -> None:
        source, name = self._source, table.name
        label = f"'{version_label(name)}'"
        if name in ROW_TABLES:
            seen = f"'{LIST_MARK}{LABELS[name]}'"
            label += f" || CASE WHEN {source.is_current(name)} THEN {seen} ELSE '' END"
        self._files.nodes(
            version_label(name),
            f"""SELECT {source.first_node[name]} + place AS ":ID", {label} AS ":LABEL",
                       {self._columns(table)},
                       {key_hash(table)} || '|' || strftime(known_on, '%Y-%m-%d') AS "versionKey:string",
                       load_id AS "loadId:string",
                       {source.first_batch[name]} + place // {BATCH_ROWS} AS "loadBatch:long"
                FROM {source.decoded(table)} JOIN loads USING (source)""",
        )

    def _columns(self, table: Table) -> str:
        opened = map(table.column, self._source.open_columns(table.name))
        return ", ".join(map(_typed, [*table.columns, *opened]))

    def _write_parties(self) -> None:
        table = TABLES["parties"]
        labels = "'Party'" + "".join(
            f" || CASE WHEN list_contains(string_split(roles, '|'), '{role}') "
            f"THEN '{LIST_MARK}{label}' ELSE '' END"
            for role, label in ROLE_LABELS.items()
        )
        self._files.nodes(
            "Party",
            f"""SELECT code AS ":ID", {labels} AS ":LABEL", {self._columns(table)}
                FROM {self._source.decoded(table)} JOIN party_dictionary USING (party_id)
                WHERE {self._source.is_current("parties")}""",
        )
        self._files.relationships(
            "VERSION_OF",
            f"""SELECT {self._source.first_node["parties"]} + rowid AS ":START_ID", party_code AS ":END_ID"
                FROM parties""",
            "VERSION_OF",
        )

    # -- relationships ------------------------------------------------------------------------------

    def _write_tie(self, table: str, tie: Tie) -> None:
        source = self._source
        row = f"{source.first_node[table]} + t.place"
        if tie.target == "parties":
            other = f"t.{quote(code_column(tie.column))}"
            rows = f"{source.current(table)} t WHERE {other} IS NOT NULL"
        elif tie.target in source.filled:
            other = f"{source.first_node[tie.target]} + i.place"
            named = f"i.invoice_id = t.{quote(tie.column)}"
            rows = f"{source.current(table)} t JOIN {source.current(tie.target)} i ON {named}"
        else:
            return
        start, end = (other, row) if tie.towards_row else (row, other)
        self._files.relationships(
            f"{tie.type}-{table}", f'SELECT {start} AS ":START_ID", {end} AS ":END_ID" FROM {rows}', tie.type
        )

    def _write_links(self) -> None:
        """A link is a relationship of its kind's type."""
        source, table = self._source, TABLES["links"]
        if table.name not in source.filled:
            return
        source.run("CREATE TEMP TABLE link_types (kind VARCHAR, type VARCHAR)")
        for (kind,) in source.run("SELECT DISTINCT kind FROM links").fetchall():
            source.run("INSERT INTO link_types VALUES ($1, $2)", [kind, relationship_type(kind)])
        kept = [column for column in table.columns if column.name not in ("source_id", "target_id")]
        ends = f"SELECT place, source_code, target_code FROM {source.current('links')}"
        self._files.relationships(
            "links",
            f"""SELECT t.source_code AS ":START_ID", t.target_code AS ":END_ID", type AS ":TYPE",
                       {", ".join(map(_typed, kept))}, {key_hash(table)} AS "linkKey:string",
                       'links' AS "basis:string"
                FROM {source.decoded(table)} JOIN link_types USING (kind)
                JOIN ({ends}) t USING (place)""",
        )

    def _write_flow(self, flow: Flow, kind: str | None = None) -> None:
        """Rows summed up by the two parties at their ends."""
        source = self._source
        if flow.table not in source.filled or (flow.via_invoice and "invoices" not in source.filled):
            return
        invoices = f"JOIN {source.current('invoices')} i USING (invoice_id)" if flow.via_invoice else ""
        b = f"{'i' if flow.via_invoice else 'r'}.{quote(code_column(flow.b_column))}"
        currency = "r.currency" if "currency" in TABLES[flow.table].column_names else "NULL::VARCHAR"
        of_kind = "true" if kind is None else f"r.kind = {literal(kind)}"
        one_currency = "CASE WHEN min(currency) = max(currency) THEN"
        self._files.relationships(
            f"{flow.type}-sums",
            f"""SELECT a AS ":START_ID", b AS ":END_ID", '{flow.table}' AS "basis:string",
                       {literal(kind)} AS "kind:string", count(*) AS "count:long",
                       min(day) AS "firstOn:date", max(day) AS "lastOn:date",
                       CASE WHEN count(late) > 0
                            THEN count_if(late)::DOUBLE / count(late) END AS "lateShare:double",
                       {one_currency} coalesce(sum(amount), 0)::BIGINT END AS "amount:long",
                       {one_currency} min(currency) END AS "currency:string"
                FROM (SELECT r.{quote(code_column(flow.a_column))} AS a, {b} AS b,
                             {_in_sql(flow.day)} AS day, ({_in_sql(flow.amount)})::BIGINT AS amount,
                             ({_in_sql(flow.late)})::BOOLEAN AS late, {currency} AS currency
                      FROM {source.current(flow.table)} r {invoices}
                      WHERE ({_in_sql(flow.where)}) AND {of_kind})
                WHERE a <> b GROUP BY a, b""",
            flow.type,
        )


def _typed(column: Column) -> str:
    """A column under the header that neo4j-admin knows it by: ``"sellerId:string"``."""
    return f"{quote(column.name)} AS {quote(f'{property_name(column.name)}:{_TYPES[column.type]}')}"


def _in_sql(expression: str) -> str:
    """A flow's expression over ``row`` in Cypher as one over ``r`` in SQL."""
    lists = expression.replace("[", "(").replace("]", ")")
    return re.sub(r"row\.(\w+)", lambda found: f"r.{quote(_column_name(found[1]))}", lists)


def _column_name(name: str) -> str:
    """``issuedOn`` → ``issued_on``."""
    return re.sub(r"[A-Z]", lambda found: "_" + found[0].lower(), name)
