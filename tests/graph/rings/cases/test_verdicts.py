"""Verdicts on cases: what they change, what reopens a case, how often analysts agree."""

from __future__ import annotations

from dataclasses import replace

import pytest

from graph.errors import BadInput, UnknownRing
from graph.rings.cases.verdicts import Verdict, decide, precision_by_typology, with_verdicts
from graph.rings.finding import EvidenceRow
from tests.graph.rings.cases.reports import REPORT


def statuses(verdicts: list[Verdict], report=REPORT) -> dict[str, str]:  # type: ignore[no-untyped-def]
    return {case.case_id: case.status for case in with_verdicts(report, verdicts).cases}


def test_the_last_verdict_counts() -> None:
    first = decide(REPORT, "case-1", "watch", "wait")
    second = decide(REPORT, "case-1", "confirmed", "seen the contracts")
    assert statuses([second, first]) == {"case-1": "confirmed", "case-2": "open"}
    assert with_verdicts(REPORT, [first, second]).cases[0].note == "seen the contracts"
    assert Verdict.from_json(second.to_json()) == second


def test_dismissed_stays_dismissed_until_there_is_new_evidence() -> None:
    dismissed = [decide(REPORT, "case-1", "dismissed", "one family")]
    assert statuses(dismissed)["case-1"] == "dismissed"
    fewer = replace(REPORT.rings[0], evidence=REPORT.rings[0].evidence[:1])
    assert statuses(dismissed, replace(REPORT, rings=(fewer, *REPORT.rings[1:])))["case-1"] == "dismissed"
    more = replace(REPORT.rings[2], evidence=(*REPORT.rings[2].evidence, EvidenceRow("payments", ("Y9",))))
    changed = replace(REPORT, rings=(*REPORT.rings[:2], more))
    assert statuses(dismissed, changed) == {"case-1": "reopened", "case-2": "open"}
    again = [*dismissed, decide(changed, "case-1", "dismissed", "still one family")]
    assert statuses(again, changed)["case-1"] == "dismissed"


def test_unknown_cases_and_words_are_told() -> None:
    with pytest.raises(UnknownRing, match="case-9"):
        decide(REPORT, "case-9", "confirmed", "")
    with pytest.raises(BadInput, match="confirmed, dismissed, watch"):
        decide(REPORT, "case-1", "guilty", "")


def test_precision_counts_the_last_decision_on_each_case() -> None:
    def given(case_id: str, decision: str, on: str, *typologies: str) -> Verdict:
        return Verdict(case_id, decision, "", on, typologies, ())  # type: ignore[arg-type]

    rates = precision_by_typology(
        [
            given("a", "dismissed", "2022-01-05", "carousel"),
            given("a", "confirmed", "2022-02-05", "carousel"),
            given("b", "confirmed", "2022-02-06", "carousel", "phoenix"),
            given("c", "dismissed", "2022-03-06", "carousel"),
            given("d", "watch", "2022-03-06", "carousel"),
        ]
    )
    counted = {(one.typology, one.month): (one.confirmed, one.dismissed) for one in rates}
    assert counted == {
        ("carousel", "2022-02"): (2, 0),
        ("carousel", "2022-03"): (0, 1),
        ("carousel", "all"): (2, 1),
        ("phoenix", "2022-02"): (1, 0),
        ("phoenix", "all"): (1, 0),
    }
    everything = next(one for one in rates if (one.typology, one.month) == ("carousel", "all"))
    assert everything.precision == pytest.approx(2 / 3)
    assert everything.low < everything.precision < everything.high
    assert precision_by_typology([]) == ()
