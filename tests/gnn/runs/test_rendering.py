"""Explanations at a terminal: complete, and deaf to what data tries to say to it."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console, RenderableType

from gnn.runs.explanation import REMAINDER_TEXT
from gnn.runs.reader import RunReader, open_current_run, publish_run
from gnn.runs.rendering import amount_text, explanation_panel, plain, score_panel, value_text
from graph.workspace import Workspace
from tests.gnn.published import run_of, trade

HOSTILE = "[bold red]x[/] [link=http://evil.example]y \x1b[31m\u202egpj"


def printed(renderable: RenderableType) -> str:
    screen = StringIO()
    Console(width=200, file=screen).print(renderable)
    return screen.getvalue()


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> RunReader:
    folder = tmp_path_factory.mktemp("rendering")
    workspace = Workspace.open(folder / "workspace")
    people = [{"party_id": i, "kind": "company", "industry": "[b]steel"} for i in ("P000", "P001", HOSTILE)]
    publish_run(workspace, run_of(trade(folder, 2, 5, parties=people)))
    return open_current_run(workspace)


def test_everything_that_is_explained_is_shown(reader: RunReader) -> None:
    body = reader.explanation("P000")
    text = printed(explanation_panel(body))
    assert str(body["score"]) in text
    for part in body["parts"]:
        assert part["text"] in text
    for reason in body["reasons"]:
        assert reason["text"][:20] in text
        for row in reason["evidence"]:
            assert row["key"] in text


def test_markup_and_terminal_codes_in_ids_stay_text(reader: RunReader) -> None:
    for renderable in (score_panel(reader.score(HOSTILE)), explanation_panel(reader.explanation(HOSTILE))):
        text = printed(renderable)
        assert "[bold red]x[/] [link=http://evil.example]y \\x1b[31m\\u202egpj" in text
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_counterparties_that_move_no_point_are_summed_up(reader: RunReader) -> None:
    party = {"relation": "SUPPLIES.in", "text": "suppliers", "via": None, "log_odds": 0.001}
    party |= {"score": None, "status": "outside_population"}
    moving = [{**party, "party_id": f"moving-{i}", "points": 1} for i in range(5)]
    still = [{**party, "party_id": f"still-{i}", "points": 0} for i in range(4)]
    body = reader.explanation("P000")
    text = printed(explanation_panel({**body, "counterparties": moving + still}))
    assert all(f"moving-{i}" in text for i in range(5))
    assert "still-" not in text
    assert text.count("outside population") == 5
    assert "+0.0040" in text.split(REMAINDER_TEXT)[1]
    assert "still-2" in printed(explanation_panel({**body, "counterparties": still}))


def test_a_counterparty_has_one_line_for_all_relations(reader: RunReader) -> None:
    party = {"party_id": "S", "text": "suppliers", "via": None, "score": 650, "points": -3, "log_odds": 0.2}
    parts = [party, {**party, "text": "shippers", "points": 7, "log_odds": -0.5}, {**party, "via": "T"}]
    text = printed(explanation_panel({**reader.explanation("P000"), "counterparties": parts}))
    lines = [line.split() for line in text.split("Who it comes from")[1].splitlines()]
    assert ["+4", "S", "suppliers,", "shippers", "650", "-0.3000"] in lines
    assert ["-3", "S", "suppliers", "T", "650", "+0.2000"] in lines


def test_a_thin_file_is_called_no_bad_mark(reader: RunReader) -> None:
    body = {**reader.explanation("P000"), "score": None, "insufficient_evidence": True}
    assert "no bad mark" in printed(explanation_panel(body))


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(None, "days", "-"), (123456.0, "minor units", "1,234.56 EUR"), (0.125, "share", "12.5 %"),
     (3.0, "count", "3"), (12.0, "days", "12 days"), (1.23456, "ratio", "1.235"), (0.5, None, "0.5")],
)  # fmt: skip
def test_values_are_shown_in_their_unit(value: float | None, unit: str | None, text: str) -> None:
    assert value_text(value, unit, "EUR") == text


def test_amounts_have_the_digits_of_their_currency() -> None:
    assert amount_text(1234, "JPY") == "1,234 JPY"
    assert amount_text(1234, "KWD") == "1.234 KWD"


def test_plain_text_writes_out_what_cannot_be_printed() -> None:
    assert plain("a\nb\x00").plain == "a\\nb\\x00"
