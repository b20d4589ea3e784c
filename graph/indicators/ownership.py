"""Ownership, control, shared addresses and other declared links."""

from __future__ import annotations

import ibis.expr.types as ir

from graph.indicators.facts import YEAR, Facts, total, within
from graph.indicators.linked import record_sheets
from graph.indicators.sheet import Definition, Sheet, column

_CONTACTS = ("SHARES_PHONE", "SHARES_ACCOUNT", "SHARES_DEVICE")


def links_by_party(facts: Facts) -> ir.Table:
    """Links at both ends of each party: ``out`` 1 at the source, 0 at the target."""
    links = facts.tables["links"]
    common = {
        "kind": links["kind"],
        "age": facts.age(links["valid_from"]),
        "ended_age": facts.age(links["valid_to"]),
        "is_open": links["valid_to"].isnull(),
    }
    out = links.select(**common, party_code=links["source_code"], out=1)
    rows = out.union(links.select(**common, party_code=links["target_code"], out=0))
    is_open, kind, is_source = rows["is_open"], rows["kind"], rows["out"] == 1

    def number(condition: ir.BooleanValue) -> ir.Value:
        return rows.count(where=is_open & condition)

    return rows.group_by("party_code").aggregate(
        open=rows.count(where=is_open),
        owned=number((kind == "OWNS") & is_source),
        owners=number((kind == "OWNS") & ~is_source),
        controlled=number(kind.isin(["CONTROLS", "LEGAL_REP_OF"]) & is_source),
        controllers=number(kind.isin(["CONTROLS", "LEGAL_REP_OF"]) & ~is_source),
        branches=number((kind == "BRANCH_OF") & ~is_source),
        addresses=number(kind == "SHARES_ADDRESS"),
        contacts=number(kind.isin(_CONTACTS)),
        started=rows.count(where=within(rows["age"], 0, YEAR)),
        ended=rows.count(where=within(rows["ended_age"], 0, YEAR)),
        open_days=total(rows["age"], is_open),
    )


def _count(name: str, column: str, meaning: str, reason: str, *kinds: str) -> Definition:
    """``kinds``: where a single one is named, it must occur."""
    needs = tuple(f"links.kind={kind}" for kind in kinds)
    return Definition(name, "count", None, None, meaning, reason, lambda t: t[column], False, needs)


SHEETS = (
    Sheet(
        "ownership",
        ("links",),
        links_by_party,
        (
            _count(
                "link_count", "open", "Open links of any declared kind at either end.",
                "The number of declared ties is out of the ordinary",
            ),
            _count(
                "owned_count", "owned", "Parties that this party owns.",
                "The number of firms owned is out of the ordinary", "OWNS",
            ),
            _count(
                "owner_count", "owners", "Owners of this party.",
                "The number of owners is out of the ordinary", "OWNS",
            ),
            _count(
                "controlled_count", "controlled", "Parties that this party controls or legally represents.",
                "The number of firms controlled is out of the ordinary",
            ),
            _count(
                "controller_count", "controllers", "Controllers and legal representatives of this party.",
                "The number of controllers is out of the ordinary",
            ),
            _count(
                "branch_count", "branches", "Branches of this party.",
                "The number of branches is out of the ordinary", "BRANCH_OF",
            ),
            _count(
                "shared_address_count", "addresses", "Parties at the same address.",
                "The number of firms at the same address is out of the ordinary", "SHARES_ADDRESS",
            ),
            _count(
                "shared_contact_count", "contacts",
                "Links to parties with the same phone, account or device.",
                "The number of firms with the same contact data is out of the ordinary",
            ),
            Definition(
                "new_link_count_365d", "count", 365, None,
                "Links of any declared kind that began in the last 365 days.",
                "The number of new ties is out of the ordinary", column("started"),
            ),
            Definition(
                "ended_link_count_365d", "count", 365, "lower",
                "Links of any declared kind that ended in the last 365 days.",
                "Ties ended in the last year", column("ended"), False, ("links.valid_to",),
            ),
            Definition(
                "link_tenure_days", "days", None, "higher",
                "Mean days since the open links began.",
                "Declared ties are young", lambda t: t["open_days"] / t["open"].cast("float64").nullif(0.0),
            ),
        ),
    ),
    *record_sheets("ownership", "OWNS", "in", "owner", "this party's owners"),
    *record_sheets("ownership", "OWNS", "out", "owned_party", "the parties this party owns"),
    *record_sheets("ownership", "SHARES_ADDRESS", "both", "same_address", "parties at the same address"),
)  # fmt: skip
