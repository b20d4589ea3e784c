"""A party's own past outcomes, as far as they were known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import ibis.expr.types as ir

from graph.indicators.facts import YEAR, Facts, share, within
from graph.indicators.sheet import Definition, Sheet, column
from graph.vocabulary import OUTCOME_KINDS

OF_ONE_KIND: Mapping[str, tuple[str, ...]] = {
    name.format("bad"): tuple(map(name.format, OUTCOME_KINDS))
    for name in ("past_{}_count_365d", "past_{}_count", "past_{}_share", "days_since_past_{}")
}


def outcomes_by_party(facts: Facts) -> ir.Table:
    """Bad outcomes in a year and ever, days since the last, share of the stated: in all and by kind."""
    rows = facts.tables["outcomes"]
    age, bad = facts.age(rows["occurred_on"]), rows["value"] == 1
    columns: dict[str, ir.Value] = {"stated": rows.count()}
    for kind in ("bad", *OUTCOME_KINDS):
        of_kind = rows["kind"].notnull() if kind == "bad" else rows["kind"] == kind
        columns[f"{kind}_year"] = rows.count(where=of_kind & bad & within(age, 0, YEAR))
        columns[f"{kind}_ever"] = rows.count(where=of_kind & bad)
        columns[f"{kind}_age"] = age.min(where=of_kind & bad)
        columns[f"{kind}_share"] = share(bad, of_kind)
    return rows.group_by("party_code").aggregate(**columns)


def _definitions(kind: str, what: str, needs: tuple[str, ...]) -> Iterator[Definition]:
    yield Definition(
        f"past_{kind}_count_365d", "count", 365, "lower",
        f"Number of this party's {what}s in the last 365 days.",
        f"A {what} was recorded in the last year", lambda t: t[f"{kind}_year"], False, needs,
    )  # fmt: skip
    yield Definition(
        f"past_{kind}_count", "count", None, "lower",
        f"Number of this party's {what}s so far.",
        f"A {what} is on record", lambda t: t[f"{kind}_ever"], False, needs,
    )  # fmt: skip
    yield Definition(
        f"past_{kind}_share", "share", None, "lower",
        f"Share of this party's cases with a stated result that ended in a {what}.",
        f"A high share of cases ended in a {what}", lambda t: t[f"{kind}_share"], False, needs,
    )  # fmt: skip
    yield Definition(
        f"days_since_past_{kind}", "days", None, "higher",
        f"Days since this party's latest {what}.",
        f"A {what} was recorded lately", lambda t: t[f"{kind}_age"], False, needs,
    )  # fmt: skip


SHEETS = (
    Sheet(
        "outcomes",
        ("outcomes",),
        outcomes_by_party,
        (
            Definition(
                "past_outcome_count", "count", None, None,
                "Cases of this party with a stated result, good or bad, so far.",
                "The number of past cases is out of the ordinary", column("stated"),
            ),
            *_definitions("bad", "bad outcome", ()),
            *(
                definition
                for kind in OUTCOME_KINDS
                for definition in _definitions(kind, f'"{kind}" outcome', (f"outcomes.kind={kind}",))
            ),
        ),
    ),
)  # fmt: skip
