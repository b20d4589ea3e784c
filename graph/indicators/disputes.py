"""What was reported about a party: complaints, disputes, reviews, lawsuits, applications, declared kinds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import ibis.expr.types as ir

from graph.indicators.facts import YEAR, Facts, change, micro, ratio, share, within
from graph.indicators.sheet import Definition, Sheet, column
from graph.vocabulary import EVENT_KINDS

#: Plural and sentence subject of the shipped kinds that are bad news by themselves.
_ADVERSE_WORDS = {
    "complaint": "complaints",
    "dispute": "disputes",
    "return": "returns",
    "bad_review": "bad reviews",
    "lawsuit": "lawsuits",
    "sanction": "sanctions",
}

OF_ONE_KIND: Mapping[str, tuple[str, ...]] = {
    "adverse_event_count_365d": tuple(f"{kind}_count_365d" for kind in _ADVERSE_WORDS),
    "days_since_last_adverse_event": tuple(f"days_since_last_{kind}" for kind in _ADVERSE_WORDS),
    "adverse_event_share_365d": ("application_denied_share_365d",),
    "adverse_event_share_1095d": ("application_denied_share_1095d",),
}


def events_by_party(facts: Facts) -> ir.Table:
    """Counts, shares and recency over the events of each party, of all kinds and by shipped kind."""
    rows = facts.events
    age, adverse, decided = rows["age"], rows["adverse"], rows["decided"]
    by_kind: dict[str, ir.Value] = {}
    for kind in EVENT_KINDS:
        of_kind = rows["kind"] == kind
        by_kind[f"{kind}_year"] = rows.count(where=of_kind & within(age, 0, YEAR))
        by_kind[f"{kind}_year_before"] = rows.count(where=of_kind & within(age, YEAR, 2 * YEAR))
        by_kind[f"{kind}_age"] = age.min(where=of_kind)
        by_kind[f"{kind}_share_year"] = share(adverse, of_kind & decided & within(age, 0, YEAR))
        by_kind[f"{kind}_share_3_years"] = share(adverse, of_kind & decided & within(age, 0, 3 * YEAR))
    rated = rows["kind"].isin(["review", "bad_review"]) & within(age, 0, YEAR)
    return rows.group_by("party_code").aggregate(
        year=rows.count(where=within(age, 0, YEAR)),
        year_before=rows.count(where=within(age, YEAR, 2 * YEAR)),
        adverse_year=rows.count(where=adverse & within(age, 0, YEAR)),
        share_year=share(adverse, decided & within(age, 0, YEAR)),
        share_3_years=share(adverse, decided & within(age, 0, 3 * YEAR)),
        last_age=age.min(),
        adverse_age=age.min(where=adverse),
        counterparties=rows["counterparty_code"].nunique(where=within(age, 0, YEAR)),
        rating=micro(rows["value"]).mean(where=rated),
        **by_kind,
    )


def _by_kind() -> Iterator[Definition]:
    for kind, plural in _ADVERSE_WORDS.items():
        needs = (f"events.kind={kind}",)
        yield Definition(
            f"{kind}_count_365d", "count", 365, "lower",
            f"Number of {plural} in the last 365 days.",
            f"There were {plural} in the last year", column(f"{kind}_year"), True, needs,
        )  # fmt: skip
        yield Definition(
            f"days_since_last_{kind}", "days", None, "higher",
            f"Days since the latest of the {plural} on record.",
            f"There were {plural} lately", column(f"{kind}_age"), False, needs,
        )  # fmt: skip


EVENTS = Sheet(
    "disputes",
    ("events",),
    events_by_party,
    (
        Definition(
            "event_count_365d", "count", 365, None,
            "Events of any kind in the last 365 days.",
            "The number of recorded events is out of the ordinary", column("year"),
        ),
        Definition(
            "event_count_growth_365d", "ratio", 730, None,
            "Events of the last 365 days against the 365 days before, less 1.",
            "The number of recorded events moved away from the year before",
            lambda t: change(t["year"], t["year_before"]),
        ),
        Definition(
            "adverse_event_count_365d", "count", 365, "lower",
            "Adverse events of any kind in the last 365 days.",
            "There were adverse events in the last year", column("adverse_year"), True,
        ),
        Definition(
            "adverse_event_share_365d", "share", 365, "lower",
            "Adverse share of the decided events of the last 365 days.",
            "Many of the last year's events ended badly", column("share_year"), True,
        ),
        Definition(
            "adverse_event_share_1095d", "share", 1095, "lower",
            "Adverse share of the decided events of the last three years.",
            "Many of the events of three years ended badly", column("share_3_years"), True,
        ),
        Definition(
            "adverse_event_share_change_365d", "share", 1095, "lower",
            "Adverse share of the last 365 days, less that of three years.",
            "More events end badly than before", lambda t: t["share_year"] - t["share_3_years"], True,
        ),
        Definition(
            "days_since_last_event", "days", None, None,
            "Days since the latest event of any kind.",
            "The time since the latest event is out of the ordinary", column("last_age"),
        ),
        Definition(
            "days_since_last_adverse_event", "days", None, "higher",
            "Days since the latest adverse event.",
            "An adverse event happened lately", column("adverse_age"),
        ),
        Definition(
            "event_counterparty_count_365d", "count", 365, None,
            "Different counterparties of the events of the last 365 days.",
            "The number of counterparties in events is out of the ordinary",
            column("counterparties"), False, ("events.counterparty_code",),
        ),
        *_by_kind(),
        Definition(
            "bad_review_share_365d", "share", 365, "lower",
            "Bad reviews as a share of all reviews of the last 365 days.",
            "Many reviews are bad",
            lambda t: ratio(t["bad_review_year"], t["bad_review_year"] + t["review_year"]),
            True, ("events.kind=review", "events.kind=bad_review"),
        ),
        Definition(
            "review_rating_mean_365d", "source's rating", 365, "higher",
            "Mean value of the reviews of the last 365 days, as the source rates them.",
            "Reviews rate this party low", lambda t: t["rating"] / 1e6,
            True, ("events.kind=review", "events.value"),
        ),
        Definition(
            "application_count_365d", "count", 365, None,
            "Applications of the last 365 days.",
            "The number of applications is out of the ordinary",
            column("application_year"), False, ("events.kind=application",),
        ),
        Definition(
            "application_growth_365d", "ratio", 730, None,
            "Applications of the last 365 days against the 365 days before, less 1.",
            "The number of applications moved away from the year before",
            lambda t: change(t["application_year"], t["application_year_before"]),
            False, ("events.kind=application",),
        ),
        Definition(
            "application_denied_share_365d", "share", 365, "lower",
            "Share of the decided applications of the last 365 days that were denied.",
            "Many of the last year's applications were denied",
            column("application_share_year"), True, ("events.kind=application",),
        ),
        Definition(
            "application_denied_share_1095d", "share", 1095, "lower",
            "Share of the decided applications of the last three years that were denied.",
            "Many of the applications of three years were denied",
            column("application_share_3_years"), True, ("events.kind=application",),
        ),
        Definition(
            "days_since_last_application", "days", None, None,
            "Days since the latest application.",
            "The time since the latest application is out of the ordinary",
            column("application_age"), False, ("events.kind=application",),
        ),
    ),
)  # fmt: skip


def applications_for_clients(facts: Facts) -> ir.Table:
    """Applications that others filed with each party as their counterparty."""
    rows = facts.events
    rows = rows.filter((rows["kind"] == "application") & rows["counterparty_code"].notnull())
    age, decided = rows["age"], rows["decided"]
    return rows.group_by(party_code=rows["counterparty_code"]).aggregate(
        year=rows.count(where=within(age, 0, YEAR)),
        clients=rows["party_code"].nunique(where=within(age, 0, YEAR)),
        share_year=share(rows["adverse"], decided & within(age, 0, YEAR)),
        share_3_years=share(rows["adverse"], decided & within(age, 0, 3 * YEAR)),
    )


CLIENTS = Sheet(
    "disputes",
    ("events",),
    applications_for_clients,
    (
        Definition(
            "client_application_count_365d", "count", 365, None,
            "Applications of the last 365 days that clients filed through this party.",
            "The number of clients' applications is out of the ordinary", column("year"),
        ),
        Definition(
            "client_count_365d", "count", 365, None,
            "Different clients that filed through this party in the last 365 days.",
            "The number of clients is out of the ordinary", column("clients"),
        ),
        Definition(
            "client_denied_share_365d", "share", 365, "lower",
            "Denied share of the decided applications that clients filed in the last 365 days.",
            "Many of the clients' applications of the last year were denied", column("share_year"),
        ),
        Definition(
            "client_denied_share_1095d", "share", 1095, "lower",
            "Denied share of the decided applications that clients filed in the last three years.",
            "Many of the clients' applications of three years were denied", column("share_3_years"),
        ),
    ),
    cause="counterparty",
    relation="APPLICATION.in",
    needs=("events.kind=application", "events.counterparty_code"),
)  # fmt: skip


_PER_SALE = ("complaint", "dispute", "return")


def events_per_sale(facts: Facts) -> ir.Table:
    """Complaints, disputes and returns of the year beside the year's invoices."""
    rows = facts.events
    counts = rows.group_by("party_code").aggregate(
        **{
            kind: rows.count(where=(rows["kind"] == kind) & within(rows["age"], 0, YEAR))
            for kind in _PER_SALE
        }
    )
    sales = facts.sellers.select("party_code", "count_year")
    joined = sales.left_join(counts, "party_code")
    return joined.select(
        "party_code",
        **{
            f"{kind}s_per_invoice": ratio(joined[kind].fill_null(0), joined["count_year"])
            for kind in _PER_SALE
        },
    )


PER_SALE = Sheet(
    "disputes",
    ("events", "invoices"),
    events_per_sale,
    tuple(
        Definition(
            f"{kind}s_per_invoice_365d", "ratio", 365, "lower",
            f"Number of {kind}s over invoices issued, both of the last 365 days.",
            f"There were many {kind}s for the number of sales",
            column(f"{kind}s_per_invoice"), True, (f"events.kind={kind}",),
        )
        for kind in _PER_SALE
    ),
)  # fmt: skip

SHEETS = (EVENTS, CLIENTS, PER_SALE)
