"""Indicators recomputed from the raw rows, party by party, in plain pandas."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import pytest

from graph.indicators import Indicators, compute
from graph.vocabulary import EVENT_KINDS
from tests.ecosystems import snapshot
from tests.graph.indicators.everything import AS_OF, everything

NOW = pd.Timestamp(AS_OF)
LATER = ["paid_on", "confirmed_on", "delivered_on", "repaid_on", "valid_to"]
Frames = dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def rows() -> Frames:
    """What was known on AS_OF, later facts blank."""
    frames = {}
    for name, listed in everything().items():
        frame = pd.DataFrame(listed)
        for column in frame.columns:
            if column.endswith("_on") or column in ("on", "valid_from", "valid_to"):
                frame[column] = pd.to_datetime(frame[column])
        frame = frame[frame["known_on"] <= NOW].copy()
        for column in set(LATER) & set(frame.columns):
            frame.loc[frame[column] > NOW, column] = pd.NaT
        frames[name] = frame
    return frames


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[Indicators, list[str]]:
    taken = snapshot(tmp_path_factory.mktemp("oracle"), everything(), AS_OF)
    return compute(taken), taken.party_ids.to_pylist()


def last(frame: pd.DataFrame, column: str, n: int, start: int = 0) -> pd.DataFrame:
    age = (NOW - frame[column]).dt.days
    return frame[(age >= start) & (age < n)]


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["status"].isna() | frame["status"].isin(["open", "paid"])]


def lateness(due: pd.DataFrame) -> pd.Series:
    late = (due["paid_on"].fillna(NOW) - due["due_on"]).dt.days.clip(lower=0)
    return late.astype(float)


def periods(sold: pd.DataFrame, n: int) -> np.ndarray | None:
    """Sales by period of 28 days, latest first; None where the party has not sold for n periods."""
    age = (NOW - sold["issued_on"]).dt.days
    if sold.empty or age.max() < (n - 1) * 28:
        return None
    sums = np.zeros(n)
    for a, amount in zip(age, sold["amount"], strict=True):
        if a < n * 28:
            sums[a // 28] += amount
    return sums


def seller(r: Frames, p: str) -> Iterator[tuple[str, float]]:
    documents = r["invoices"][r["invoices"]["seller_id"] == p]
    sold = plain(documents)
    year, before = last(sold, "issued_on", 365), last(sold, "issued_on", 730, 365)
    yield "sales_amount_90d", last(sold, "issued_on", 90)["amount"].sum()
    yield "sales_count_365d", len(year)
    yield "sales_growth_365d", year["amount"].sum() / before["amount"].sum() - 1
    quarter = last(sold, "issued_on", 90)["amount"].sum()
    yield "sales_same_season_growth_90d", quarter / last(sold, "issued_on", 455, 365)["amount"].sum() - 1
    yield "void_share_365d", (last(documents, "issued_on", 365)["status"] == "void").mean()
    issued = last(documents, "issued_on", 365)
    undone = issued[issued["status"].isin(["void", "credit_note"])]["amount"].sum()
    yield "dilution_share_365d", undone / issued["amount"].sum()
    yield "confirmed_invoice_share_365d", year["confirmed_on"].notna().mean()
    yield "days_since_last_sale", (NOW - sold["issued_on"].max()).days
    thirteen, twenty_six = periods(sold, 13), periods(sold, 26)
    if thirteen is not None:
        yield "sales_volatility_364d", thirteen.std() / thirteen.mean()
        slope = -np.polyfit(np.arange(13), thirteen, 1)[0]
        yield "sales_trend_364d", slope / thirteen.mean()
        yield "sales_peak_share_364d", thirteen.max() / thirteen.sum()
        yield "sales_idle_share_364d", (thirteen == 0).mean()
    if twenty_six is not None:
        yield "sales_volatility_728d", twenty_six.std() / twenty_six.mean()
        yield "sales_seasonality_728d", np.corrcoef(twenty_six[:13], twenty_six[13:])[0, 1]
    paid = last(sold, "paid_on", 365)
    yield "receivable_days_365d", (paid["paid_on"] - paid["issued_on"]).dt.days.mean()
    due = last(sold, "due_on", 365)
    yield "received_late_share_365d", (lateness(due) > 0).mean()
    overdue = sold[(sold["due_on"] < NOW) & sold["paid_on"].isna()]
    yield "overdue_receivable_amount", overdue["amount"].sum()
    yield "overdue_receivable_days", (NOW - overdue["due_on"]).dt.days.max() if len(overdue) else 0


def buyer(r: Frames, p: str) -> Iterator[tuple[str, float]]:
    bought = plain(r["invoices"][r["invoices"]["buyer_id"] == p])
    due, quarter = last(bought, "due_on", 365), last(bought, "due_on", 90)
    yield "paid_late_share_365d", (lateness(due) > 0).mean()
    yield "paid_late_days_365d", lateness(due).mean()
    yield "paid_seriously_late_share_365d", (lateness(due) > 30).mean()
    yield "paid_late_days_change_90d", lateness(quarter).mean() - lateness(due).mean()
    yield "paid_latest_days_365d", lateness(due).max()
    half, earlier = last(bought, "paid_on", 180), last(bought, "paid_on", 360, 180)
    waits = [(x["paid_on"] - x["issued_on"]).dt.days.mean() for x in (half, earlier)]
    yield "payable_days_change_180d", waits[0] - waits[1]
    yield "purchase_amount_365d", last(bought, "issued_on", 365)["amount"].sum()
    settled = last(bought, "issued_on", 365)
    payments = r["payments"].groupby("invoice_id").size()
    parts = settled["invoice_id"].map(payments).dropna()
    yield "instalment_share_365d", (parts > 1).mean()


def partners(r: Frames, p: str, own: str, other: str, who: str, trade: str) -> Iterator[tuple[str, float]]:
    rows = plain(r["invoices"][r["invoices"][own] == p])
    year, before = last(rows, "issued_on", 365), last(rows, "issued_on", 730, 365)
    amounts = year.groupby(other)["amount"].sum()
    first = (NOW - rows.groupby(other)["issued_on"].min()).dt.days
    now, then = set(year[other]), set(before[other])
    yield f"{who}_count_365d", len(now)
    yield f"{who}_retention_365d", len(now & then) / len(then) if then else np.nan
    yield f"new_{who}_share_365d", np.mean([first[x] < 365 for x in now]) if now else np.nan
    yield f"repeat_{who}_share_365d", (year.groupby(other).size() > 1).mean()
    shares = amounts / amounts.sum()
    yield f"{who}_concentration_365d", (shares**2).sum() if len(shares) else np.nan
    yield f"top_{who}_share_365d", shares.max()
    yield f"{who}_tenure_days", np.mean([first[x] for x in now]) if now else np.nan
    known = amounts[[x for x in amounts.index if first[x] >= 365]].sum()
    yield f"known_{who}_{trade}_share_365d", known / amounts.sum()


def adverse(events: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    always = [k.name for k in EVENT_KINDS.values() if k.adverse]
    is_application = events["kind"] == "application"
    bad = events["kind"].isin(always) | (is_application & (events["status"] == "denied"))
    return bad, ~is_application | events["status"].notna()


def reported(r: Frames, p: str) -> Iterator[tuple[str, float]]:
    mine = r["events"][r["events"]["party_id"] == p]
    year, three = last(mine, "occurred_on", 365), last(mine, "occurred_on", 1095)
    yield "event_count_365d", len(year)
    bad, decided = adverse(three)
    yield "adverse_event_share_1095d", bad[decided].mean()
    bad, _ = adverse(mine)
    yield (
        "days_since_last_adverse_event",
        (NOW - mine[bad]["occurred_on"].max()).days if bad.any() else np.nan,
    )
    yield "event_counterparty_count_365d", year["counterparty_id"].nunique()
    yield "dispute_count_365d", (year["kind"] == "dispute").sum()
    filed = three[(three["kind"] == "application") & three["status"].notna()]
    yield "application_denied_share_1095d", (filed["status"] == "denied").mean()
    rated = year[year["kind"].isin(["review", "bad_review"])]
    yield "review_rating_mean_365d", rated["value"].mean()
    clients = r["events"][(r["events"]["counterparty_id"] == p) & (r["events"]["kind"] == "application")]
    if len(clients):
        yield "client_count_365d", last(clients, "occurred_on", 365)["party_id"].nunique()
        decided_for = last(clients, "occurred_on", 1095).dropna(subset="status")
        yield "client_denied_share_1095d", (decided_for["status"] == "denied").mean()
    cases = r["outcomes"][r["outcomes"]["party_id"] == p]
    happened = cases[cases["value"] == 1]
    yield "past_bad_count", len(happened)
    yield "past_bad_share", (cases["value"] == 1).mean()
    yield "past_default_count", (happened["kind"] == "default").sum()
    yield "days_since_past_bad", (NOW - happened["occurred_on"].max()).days if len(happened) else np.nan


def logistics(r: Frames, p: str) -> Iterator[tuple[str, float]]:
    for role, name in (("shipper_id", "on_time_share_365d"), ("consignee_id", "received_on_time_share_365d")):
        rows = r["shipments"][r["shipments"][role] == p]
        due = last(rows, "promised_on", 365)
        yield name, (due["delivered_on"].fillna(NOW) <= due["promised_on"]).mean()
    sent = last(r["shipments"][r["shipments"]["shipper_id"] == p], "dispatched_on", 365)
    lead = (sent["delivered_on"] - sent["dispatched_on"]).dt.days.dropna()
    yield "lead_time_days_365d", lead.mean()
    yield "lead_time_variation_365d", lead.std(ddof=0) / lead.mean() if len(lead) > 1 else np.nan
    old = last(plain(r["invoices"][r["invoices"]["seller_id"] == p]), "issued_on", 395, 30)
    yield "unshipped_invoice_share_395d", (~old["invoice_id"].isin(r["shipments"]["invoice_id"])).mean()


def finances(r: Frames, p: str) -> Iterator[tuple[str, float]]:
    sellers = r["invoices"].set_index("invoice_id")["seller_id"]
    mine = r["financings"][r["financings"]["invoice_id"].map(sellers) == p]
    if len(mine):
        yield "financed_amount_365d", last(mine, "financed_on", 365)["amount"].sum()
        is_open = mine[mine["repaid_on"].isna()]
        overdue = is_open[is_open["due_on"] < NOW]
        yield "overdue_financing_share", overdue["amount"].sum() / is_open["amount"].sum()
        due = last(mine, "due_on", 365)
        yield "repaid_late_share_365d", (due["repaid_on"].isna() | (due["repaid_on"] > due["due_on"])).mean()
    stock = r["stocks"][r["stocks"]["party_id"] == p].sort_values("on")
    sales = last(plain(r["invoices"][r["invoices"]["seller_id"] == p]), "issued_on", 365)["amount"].sum()
    if len(stock):
        value = stock["value"].iloc[-1]
        old = stock[(NOW - stock["on"]).dt.days >= 180]
        yield "stock_value", value
        yield "stock_value_growth_180d", value / old["value"].iloc[-1] - 1 if len(old) else np.nan
        yield "stock_turnover_365d", sales / last(stock, "on", 365)["value"].mean()
    payments = last(r["payments"], "paid_on", 365)
    into = payments[payments["payee_id"] == p]["amount"].sum()
    out = payments[payments["payer_id"] == p]["amount"].sum()
    yield "payment_balance_365d", (into - out) / (into + out)


def links(r: Frames, p: str) -> Iterator[tuple[str, float]]:
    rows = r["links"]
    mine = rows[(rows["source_id"] == p) | (rows["target_id"] == p)]
    current = mine[mine["valid_to"].isna()]
    owners = current[(current["kind"] == "OWNS") & (current["target_id"] == p)]
    yield "owner_count", len(owners)
    yield "shared_address_count", (current["kind"] == "SHARES_ADDRESS").sum()
    yield "ended_link_count_365d", len(last(mine, "valid_to", 365))
    given = current[(current["kind"] == "GUARANTEES") & (current["source_id"] == p)]
    received = current[(current["kind"] == "GUARANTEES") & (current["target_id"] == p)]
    if len(given) or len(received):
        yield "guarantees_given_count", given["target_id"].nunique()
        given_amount = given.groupby("target_id")["amount"].max().sum()
        yield "guarantees_given_amount", given_amount
    cases = r["outcomes"][r["outcomes"]["party_id"].isin(set(owners["source_id"]))]
    if len(cases):
        yield "owner_bad_outcome_count", (cases["value"] == 1).sum()


def activity(r: Frames, p: str) -> Iterator[tuple[str, float]]:
    acts = [
        ("invoices", "issued_on", ("seller_id", "buyer_id")),
        ("payments", "paid_on", ("payer_id", "payee_id")),
        ("shipments", "dispatched_on", ("shipper_id", "consignee_id", "carrier_id")),
        ("events", "occurred_on", ("party_id", "counterparty_id")),
        ("stocks", "on", ("party_id",)),
    ]
    tables = r | {"invoices": plain(r["invoices"])}
    every = [tables[t][tables[t][c] == p][day] for t, day, columns in acts for c in columns]
    age = (NOW - pd.concat(every)).dt.days
    yield "days_since_first_activity", age.max()
    yield "activity_count_365d", (age < 365).sum()
    registered = r["parties"].set_index("party_id")["registered_on"][p]
    yield "age_days", (NOW - registered).days if pd.notna(registered) else np.nan


QUESTIONS: tuple[Callable[[Frames, str], Iterator[tuple[str, float]]], ...] = (
    seller,
    buyer,
    lambda r, p: partners(r, p, "seller_id", "buyer_id", "buyer", "sales"),
    lambda r, p: partners(r, p, "buyer_id", "seller_id", "supplier", "purchases"),
    reported,
    logistics,
    finances,
    links,
    activity,
)


@pytest.mark.parametrize("question", range(len(QUESTIONS)))
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning", "ignore:divide by zero:RuntimeWarning")
def test_equals_the_plain_recomputation(
    rows: Frames, found: tuple[Indicators, list[str]], question: int
) -> None:
    indicators, ids = found
    compared = 0
    for code, party in enumerate(ids):
        for name, expected in QUESTIONS[question](rows, party):
            value = indicators.columns[name][code]
            if np.isfinite(expected):
                assert value == pytest.approx(expected, rel=2e-5, abs=1e-6), (name, party)
                compared += 1
            else:
                assert np.isnan(value), (name, party, value, expected)
    assert compared > len(ids)
