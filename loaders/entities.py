"""Things drawn from transactions: one row, or one row a change, of everything that many rows name."""

# ruff: noqa: S608  (identifiers are quoted or our own, texts are escaped literals)

from __future__ import annotations

import duckdb

from graph.sql import quote
from graph.vocabulary import ROLES
from loaders.mapping import Distinct
from loaders.typedtables import TypedTable, count


def merge_entities(
    connection: duckdb.DuckDBPyConnection, typed: TypedTable, rule: Distinct, feeds: tuple[int, ...]
) -> tuple[int, int]:
    """Leave one row a thing (``versions``: one a change) of the rows of ``feeds`` in their table.

    Returns (rows merged away, things whose rows differed).
    """
    run, name, key = connection.execute, quote(typed.name), typed.key
    listed = ", ".join(map(str, feeds))
    content = [
        quote(column)
        for column in (*typed.table.column_names, *typed.open_columns)
        if column not in (*typed.table.key, "known_on", "roles")
    ]
    before = count(connection, f"SELECT count(*) FROM {name} WHERE _feed IN ({listed})")
    run(
        f"CREATE TABLE entities AS SELECT {key}, hash({', '.join(content)}) AS _content, "
        f"known_on, {_role_mask(typed)} AS _roles, min(_feed::HUGEINT * {1 << 62} + _rid) AS _ord, "
        f"count(*) AS _count FROM {name} WHERE _feed IN ({listed}) GROUP BY ALL"
    )
    differing = count(
        connection,
        f"SELECT count(*) FROM (SELECT 1 FROM entities GROUP BY {key} HAVING min(_content) <> max(_content))",
    )
    if rule == "versions":
        _keep_versions(connection, typed, content)
    else:
        _keep_one(connection, typed, rule)
    run(f"DELETE FROM {name} WHERE _feed IN ({listed})")
    run(f"INSERT INTO {name} BY NAME SELECT * FROM kept")
    after = count(connection, "SELECT count(*) FROM kept")
    run("DROP TABLE kept")
    run("DROP TABLE entities")
    return before - after, differing


def _role_mask(typed: TypedTable) -> str:
    if typed.name != "parties":
        return "0"
    bits = " + ".join(
        f"CASE WHEN contains('|' || roles || '|', '|{role}|') THEN {1 << bit} ELSE 0 END"
        for bit, role in enumerate(ROLES)
    )
    return f"coalesce({bits}, 0)"


def _roles_text(mask: str) -> str:
    words = ", ".join(
        f"CASE WHEN {mask} & {1 << bit} > 0 THEN '{role}' END" for bit, role in enumerate(ROLES)
    )
    return f"nullif(concat_ws('|', {words}), '')"


def _keep_one(connection: duckdb.DuckDBPyConnection, typed: TypedTable, rule: Distinct) -> None:
    """``kept``: of every thing the row that ``rule`` chooses, with the first ``known_on`` and all roles."""
    key = typed.key
    order = {
        "first": "known_on, _ord",
        "last": "known_on DESC, _ord DESC",
        "mode": "_often DESC, known_on, _ord",
    }[rule]
    replaced = "c._first AS known_on"
    if typed.name == "parties":
        replaced += f", {_roles_text('c._all_roles')} AS roles"
    connection.execute(
        f"CREATE TABLE kept AS SELECT t.* REPLACE ({replaced}) FROM {quote(typed.name)} t JOIN ("
        f"  SELECT _ord, min(known_on) OVER (PARTITION BY {key}) AS _first, "
        f"  bit_or(_roles) OVER (PARTITION BY {key}) AS _all_roles FROM ("
        f"    SELECT *, sum(_count) OVER (PARTITION BY {key}, _content) AS _often FROM entities) "
        f"  QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY {order}) = 1"
        f") c ON t._feed::HUGEINT * {1 << 62} + t._rid = c._ord"
    )


def _keep_versions(connection: duckdb.DuckDBPyConnection, typed: TypedTable, content: list[str]) -> None:
    """``kept``: a version each time something new is known; nulls keep what was known, roles add up."""
    run, key = connection.execute, typed.key
    window = f"OVER (PARTITION BY {key} ORDER BY known_on, _ord ROWS UNBOUNDED PRECEDING)"
    carried = ", ".join(f"last_value({column} IGNORE NULLS) {window} AS {column}" for column in content)
    roles = ""
    if typed.name == "parties":
        roles = f", {_roles_text(f'(bit_or(_roles) {window})')} AS roles"
    last_of_day = f"row_number() OVER (PARTITION BY {key}, known_on ORDER BY _ord DESC) = 1"
    compared = f"hash({', '.join(content)}{', roles' if roles else ''})"
    run(
        f"CREATE TABLE kept AS WITH joined AS ("
        f"  SELECT t.* EXCLUDE ({'roles' if roles else '_bad'}), e._ord, e._roles FROM {quote(typed.name)} t "
        f"  JOIN entities e ON t._feed::HUGEINT * {1 << 62} + t._rid = e._ord"
        f"), filled AS (SELECT _feed, _rid, {key}, known_on, _ord, {carried}{roles} FROM joined), "
        f"days AS (SELECT * FROM filled QUALIFY {last_of_day}), "
        f"compared AS (SELECT *, {compared} AS _state, "
        f"lag({compared}) OVER (PARTITION BY {key} ORDER BY known_on) AS _before FROM days) "
        f"SELECT * EXCLUDE (_ord, _state, _before) FROM compared WHERE _before IS NULL OR _before <> _state"
    )
