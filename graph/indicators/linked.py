"""Records of the parties at the other end of a link: bad outcomes and adverse events they had so far."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import ibis.expr.types as ir

from graph.indicators.facts import YEAR, Facts, within
from graph.indicators.sheet import Definition, Sheet, column

#: "out": the party in focus is the link's source; "in": its target; "both": a symmetric kind.
Direction = Literal["out", "in", "both"]


def link_ends(facts: Facts, kinds: tuple[str, ...], direction: Direction) -> ir.Table:
    """Open links of ``kinds``: distinct ``party_code`` and ``other_code``, with the largest amount."""
    rows = facts.tables["links"]
    rows = rows.filter(rows["kind"].isin(kinds) & rows["valid_to"].isnull())
    out = rows.select("amount", party_code=rows["source_code"], other_code=rows["target_code"])
    into = rows.select("amount", party_code=rows["target_code"], other_code=rows["source_code"])
    ends = {"out": out, "in": into, "both": out.union(into)}[direction]
    return ends.group_by(["party_code", "other_code"]).aggregate(amount=ends["amount"].max())


def _records(kind: str, direction: Direction, table: str) -> Callable[[Facts], ir.Table]:
    def query(facts: Facts) -> ir.Table:
        ends = link_ends(facts, (kind,), direction)
        if table == "outcomes":
            cases = facts.tables["outcomes"]
            bad = cases["value"] == 1
        else:
            cases = facts.events
            bad = cases["adverse"] & within(cases["age"], 0, 3 * YEAR)
        record = cases.group_by(other_code=cases["party_code"]).aggregate(bad=cases.count(where=bad))
        joined = ends.left_join(record, "other_code")
        return joined.group_by("party_code").aggregate(bad=joined["bad"].sum().cast("float64"))

    return query


def record_sheets(group: str, kind: str, direction: Direction, name: str, words: str) -> Iterator[Sheet]:
    """Two sheets on the record of those linked by ``kind``; ``words``: what they are called."""
    relation = kind if direction == "both" else f"{kind}.{direction}"
    yield Sheet(
        group,
        ("links", "outcomes"),
        _records(kind, direction, "outcomes"),
        (
            Definition(
                f"{name}_bad_outcome_count", "count", None, "lower",
                f"Bad outcomes so far of {words}; unknown where none of them has a stated result.",
                f"Bad outcomes of {words} are on record", column("bad"),
            ),
        ),
        "counterparty",
        relation,
        (f"links.kind={kind}",),
    )  # fmt: skip
    yield Sheet(
        group,
        ("links", "events"),
        _records(kind, direction, "events"),
        (
            Definition(
                f"{name}_adverse_event_count_1095d", "count", 1095, "lower",
                f"Adverse events of the last three years of {words}; unknown where none has any event.",
                f"Adverse events of {words} are on record", column("bad"),
            ),
        ),
        "counterparty",
        relation,
        (f"links.kind={kind}",),
    )  # fmt: skip
