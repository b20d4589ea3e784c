"""Membership in rings, where they were searched (see ``graph.rings.membership``)."""

from __future__ import annotations

import ibis.expr.types as ir

from graph.indicators.facts import Facts
from graph.indicators.sheet import Definition, Sheet, column
from graph.rings.typologies import TYPOLOGIES


def memberships(facts: Facts) -> ir.Table:
    """Rings of every party, and the severity of its most severe one, in all and by typology; 0: in none."""
    rows = facts.tables["rings"]
    severities = {
        typology.code: rows["severity"].max(where=rows["typology"] == typology.code)
        for typology in TYPOLOGIES
    }
    mine = rows.group_by("party_code").aggregate(
        rings=rows["ring_id"].nunique(), severity=rows["severity"].max(), **severities
    )
    everybody = facts.tables["parties"].select("party_code")
    joined = everybody.left_join(mine, "party_code").drop("party_code_right")
    values = {name: joined[name].fill_null(0) for name in joined.columns if name != "party_code"}
    return joined.select("party_code", **values)


SHEETS = (
    Sheet(
        "rings",
        ("rings",),
        memberships,
        (
            Definition(
                "rings_count", "count", None, "lower",
                "Rings (patterns of trade, payments, guarantees, ownership) that this party is a member of.",
                "Its records form patterns that analysts look into", column("rings"),
            ),
            Definition(
                "ring_severity", "share", None, "lower",
                "Severity of the most severe ring that this party is a member of, 0 to 1.",
                "A pattern that chance hardly brings runs through its records", column("severity"),
            ),
            *(
                Definition(
                    f"ring_severity_{typology.code}", "share", None, "lower",
                    f"Severity of this party's most severe finding of: {typology.title.lower()}; 0 to 1.",
                    f"Records show a pattern: {typology.title.lower()}", column(typology.code),
                )
                for typology in TYPOLOGIES
            ),
        ),
    ),
)  # fmt: skip
