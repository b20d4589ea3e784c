"""Scores and explanations for people at a terminal, as Rich renderables.

Ids and keys come from data and may hold anything. They only ever enter as ``Text``, which knows no markup,
with characters that a terminal would act on written out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from gnn.runs.explanation import REMAINDER_TEXT
from graph.currencies import MINOR_DIGITS

Body = Mapping[str, Any]

#: Rows shown behind a reason; ``--json`` has them all.
SHOWN_ROWS = 2

#: Counterparties named even where they move no point; others are named if they move one.
ALWAYS_NAMED = 3

_BAND_STYLES = {"A": "bold green", "B": "green", "C": "yellow", "D": "red", "E": "bold red"}


def plain(value: object, style: str = "") -> Text:
    """Text as it is, unprintable characters (escapes, direction marks) written as their codes."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(value))
    return Text(shown, style=style)


def amount_text(minor_units: float, currency: str) -> str:
    """``123456`` minor units of EUR → ``1,234.56 EUR``."""
    digits = MINOR_DIGITS.get(currency, 2)
    return f"{minor_units / 10**digits:,.{digits}f} {currency}"


def value_text(value: float | None, unit: str | None, currency: str) -> str:
    """A value in its unit; ``-`` where it is unknown."""
    if value is None:
        return "-"
    if unit == "minor units":
        return amount_text(value, currency)
    if unit == "share":
        return f"{100 * value:.1f} %"
    text = f"{value:,.0f}" if unit in ("count", "days", "mean score") else f"{value:,.4g}"
    return f"{text} days" if unit == "days" else text


def points_text(points: float) -> Text:
    """Signed points; those that lower the score in red."""
    return Text(f"{points:+,.0f}", style="red" if points < 0 else "green" if points > 0 else "")


def _columns(title: str, *names: str) -> Table:
    """A table whose columns named with a leading ``>`` are numbers."""
    table = Table(title=title, title_justify="left", expand=False, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in names:
        table.add_column(name.removeprefix(">"), justify="right" if name.startswith(">") else "left")
    return table


def _no_score(body: Body) -> Text:
    coverage = body["data_coverage"]
    if body["insufficient_evidence"]:
        text = Text(f"Not enough evidence for a score: {coverage['shortfall']}. This is no bad mark.")
        for group in coverage["missing"]:
            text.append_text(plain(f"\n  nothing on {group['name']}: supply {group['supply']}"))
        return text
    return plain(f"No score: task {body['task']} does not ask about this party on that day.")


def _headline(body: Body) -> Text:
    if body["score"] is None:
        return _no_score(body)
    line = Text.assemble(("Score ", "bold"), (str(body["score"]), "bold"))
    if body["band"] is None:
        line.append("   uncalibrated: rank only, no probability", "dim")
    else:
        line.append("   band ").append(body["band"], _BAND_STYLES[body["band"]])
        within = f" in {body['horizon_days']} days" if body["horizon_days"] else ""
        line.append(f"   PD {100 * body['pd']:.2f} %{within}")
        found = body["interval"]
        line.append(f" ({100 * found['low']:.2f} to {100 * found['high']:.2f} % at {found['level']:.0%})")
    peers = body["peer_group"]
    shared = ", ".join(f"{trait} {value}" for trait, value in peers["shared"].items()) or "all parties"
    line.append(f"\nSafer than {body['percentile']:.0f} % of {peers['members']:,} peers (")
    return line.append_text(plain(shared)).append(")")


def _footer(body: Body) -> Text:
    coverage = body["data_coverage"]
    absent = ", ".join(coverage["absent_tables"]) or "none"
    known = f"{coverage['known_share']:.0%} of the columns known from {coverage['rows']:,} rows"
    missing = ", ".join(group["name"] for group in coverage["missing"])
    known += f"; nothing on {missing}" if missing else ""
    words = f"as of {body['as_of']}, task {body['task']} ({body['outcome']}), run {body['run_id']}"
    return Text("\n").join([plain(f"{known}; tables absent: {absent}", "dim"), plain(words, "dim")])


def _split_table(body: Body) -> Table:
    table = _columns("What the score is made of", "Part", "", ">Log-odds of bad", ">Points")
    small = [part for part in body["parts"] if part["part"] == "inherited" and part["points"] == 0]
    small = small if len(small) > 1 else []
    for part in body["parts"]:
        if part in small:
            continue
        if small and part["part"] == "clamp":
            rest = sum(each["log_odds"] for each in small)
            words = Text(f"from {len(small)} other relations", "dim")
            table.add_row("inherited", words, f"{rest:+.4f}", "+0")
        log_odds = "" if part["log_odds"] is None else f"{part['log_odds']:+.4f}"
        first = part["part"] == "base"
        points = Text(str(part["points"])) if first else points_text(part["points"])
        table.add_row(part["part"], plain(part["text"]), log_odds, points)
    table.add_section()
    table.add_row("score", "", f"{body['z']:+.4f}", Text(str(body["score"]), style="bold"))
    return table


def _reasons_table(body: Body) -> Table:
    table = _columns("Principal reasons", ">Points", "Reason", ">Value", ">Peers", "Rows behind it")
    currency = body["base_currency"]
    for reason in body["reasons"]:
        evidence = reason["evidence"] or ()
        rows = [_evidence_text(row, currency) for row in evidence[:SHOWN_ROWS]]
        if len(evidence) > SHOWN_ROWS:
            rows.append(Text(f"and {len(evidence) - SHOWN_ROWS} more", "dim"))
        table.add_row(
            points_text(reason["points"]),
            plain(reason["text"]),
            value_text(reason["value"], reason["unit"], currency),
            value_text(reason["peers_value"], reason["unit"], currency),
            Text("\n").join(rows),
        )
    return table


def _evidence_text(row: Body, currency: str) -> Text:
    words = [row["table"], row["key"], row["on"] or ""]
    if row["amount"] is not None:
        words.append(amount_text(row["amount"], currency))
    return plain(" ".join(word for word in words if word), "red" if row["adverse"] else "")


def _by_whom(body: Body) -> list[list[Body]]:
    """A list a counterparty or path, with what it gives in each relation; what moves most comes first."""
    found: dict[tuple[str, str | None], list[Body]] = {}
    for party in body["counterparties"]:
        if party["party_id"] is not None:
            found.setdefault((party["party_id"], party["via"]), []).append(party)
    return sorted(found.values(), key=lambda parts: -abs(_sum(parts, "log_odds")))


def _sum(parts: Iterable[Body], name: str) -> Any:
    return sum(part[name] for part in parts)


def _counterparties_table(body: Body) -> Table:
    table = _columns(
        "Who it comes from", ">Points", "Counterparty", "Among", "Through", ">Its score", ">Log-odds"
    )
    others = [part for part in body["counterparties"] if part["party_id"] is None]
    for rank, parts in enumerate(_by_whom(body)):
        first, points = parts[0], _sum(parts, "points")
        if not points and rank >= ALWAYS_NAMED:
            others += parts
            continue
        table.add_row(
            points_text(points),
            plain(first["party_id"]),
            plain(", ".join(part["text"] for part in parts)),
            plain(first["via"] or ""),
            Text(first["status"].replace("_", " "), "dim") if first["score"] is None else str(first["score"]),
            f"{_sum(parts, 'log_odds'):+.4f}",
        )
    if others:
        rest = Text(REMAINDER_TEXT, "dim")
        table.add_row(
            points_text(_sum(others, "points")), rest, "", "", "", f"{_sum(others, 'log_odds'):+.4f}"
        )
    return table


def _columns_table(body: Body) -> Table:
    table = _columns("What else moved its own part (approximate)", ">Points", "Column", ">Value", ">Peers")
    currency = body["base_currency"]
    told = {reason["code"] for reason in body["reasons"]}
    for column in (column for column in body["columns"] if column["code"] not in told):
        table.add_row(
            points_text(column["points"]),
            plain(column["meaning"]),
            value_text(column["value"], column["unit"], currency),
            value_text(column["peers_value"], column["unit"], currency),
        )
    return table


def score_panel(body: Body) -> Panel:
    """A score in a box: number, band, rank, how much is known."""
    return Panel(Group(_headline(body), _footer(body)), title=plain(body["party_id"], "bold"), expand=False)


def explanation_panel(body: Body) -> RenderableType:
    """An explanation (``gnn.runs.explanation.explanation_body``): the box, then a table a question."""
    if body["score"] is None:
        return score_panel(body)
    tables = [_split_table(body), _reasons_table(body)]
    if body["counterparties"]:
        tables.append(_counterparties_table(body))
    return Group(score_panel(body), *tables, _columns_table(body))
