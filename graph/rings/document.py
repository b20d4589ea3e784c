"""``docs/rings.md``, written from the typologies: ``python -m graph.rings.document``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from graph.rings.calibration import ALLOWED_PER_10K, SHUFFLES_FOR_FULL_SEVERITY
from graph.rings.detection import FEWEST_SHUFFLES, MOST_SHUFFLES
from graph.rings.typologies import TYPOLOGIES
from graph.rings.typology import Typology

DOCUMENT = Path(__file__).parents[2] / "docs" / "rings.md"

_HEAD = f"""# Rings

Patterns of trade, payments, guarantees and ownership that fraud analysts look for. This page is written
from the typologies in `graph/rings/typologies/` by `python -m graph.rings.document`; do not edit it by hand.
How well planted rings are found again, and how long it takes, stands in
[rings-measured.md](rings-measured.md).

    ecorisk rings --as-of 2025-03-01
    ecorisk rings --as-of 2025-03-01 --typology circular_trading --export rings.csv
    ecorisk cases
    ecorisk verdict case-21e3feb8cf34 dismissed --note "one family, openly so"
    ecorisk cases --precision

A search reads the snapshot of a day, so it sees what could be known then. What it finds is published in
the workspace (`rings/current`), served as `/v1/rings`, `/v1/rings/{{id}}` and `/v1/parties/{{id}}/rings`,
and written into the store: in Neo4j as `(:Ring)-[:INVOLVES {{role}}]->(:Party)`, with the rows behind it
(`-[:RESTS_ON]->`) and its case (`-[:PART_OF]->(:Case)`). `--export` writes GraphML, CSV (a row a member)
or FollowTheMoney's JSON lines, by the file's ending. A finding says what the records show and accuses
nobody.

## What is kept, and severity

Chance alone brings cycles and dense blocks, most of all around hubs. So every typology is searched in
shuffles of the same data as well ({FEWEST_SHUFFLES} to {MOST_SHUFFLES} of them, more where the tables are
small): the ties that the pattern rests on are permuted, everyone's number of rows and their days stay.
`expected_by_chance` is how many findings as striking one shuffle brings; beyond what shuffles reach,
their exponential tail is carried on, or, where they bring hardly any, strengths are taken as surprises in
nats. Findings are kept where that is at most {ALLOWED_PER_10K} per 10,000 parties (or per data set, where
it has fewer). `severity` counts powers of ten below one and is full, 1, at one in
{SHUFFLES_FOR_FULL_SEVERITY:,}.

Whatever a search leaves out (a hub beyond the visit budget, parties that guarantee by trade) is said as a
*cut*. A typology whose tables a source lacks is not searched, and that is said too.

## Cases and verdicts

Rings about the same parties make a case. A case keeps its id from search to search while members overlap
(`graph/rings/cases/merging.py` states the rules for splits and merges). `ecorisk verdict` records
*confirmed*, *dismissed* or *watch* with a note, in the store; verdicts are only ever added. A dismissed case
stays dismissed until a ring of it rests on a row that was not there when it was dismissed: then it is
*reopened*. `ecorisk cases --precision` shows by typology and month what share of the decided cases was
confirmed.

## Typologies
"""


def _section(typology: Typology) -> Iterator[str]:
    yield f"### {typology.title}\n"
    yield f"`{typology.code}`, from {', '.join(f'`{name}`' for name in typology.tables)}.\n"
    yield f"{typology.definition}\n"
    yield f"*Published:* {typology.published}\n"
    yield f"*False friends:* {typology.false_friends}\n"
    settings = (f"`{f.name}` {getattr(typology.settings, f.name)}" for f in fields(typology.settings))
    yield f"*Settings:* {', '.join(settings)}.\n"


def render() -> str:
    """The page as Markdown."""
    return "\n".join([_HEAD, *(line for typology in TYPOLOGIES for line in _section(typology))])


if __name__ == "__main__":
    DOCUMENT.write_text(render(), encoding="utf-8")
