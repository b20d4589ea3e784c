from __future__ import annotations

import pytest

from tests.loaders.sources import Shop, balanced

MAPPING = """
source: firms
reject_share: {share}
files:
  seen: {{path: seen.csv, {file}}}
tables:
  - table: parties
    from: seen
    distinct: RULE
    columns: {{party_id: firm, kind: {{value: company}}, roles: role, region: region, industry: industry,
              known_on: day}}
"""
SEEN = """firm,role,region,industry,day
A,buyer,north,steel,2020-01-02
A,buyer,north,steel,2020-01-02
A,supplier,,steel,2020-02-01
A,buyer,south,,2020-03-01
A,buyer,south,,2020-03-05
A,,north,,2020-04-01
B,agent,west,,2020-01-01
"""


def stored(shop: Shop, rule: str) -> list[tuple[object, ...]]:
    shop.mapping = MAPPING.replace("RULE", rule)
    (shop.folder / "seen.csv").write_text(SEEN, encoding="utf-8")
    report = shop.load()
    assert balanced(report)
    assert report.tables["parties"].read == 7
    assert report.resolved == {"parties": 1}
    again = shop.load()
    assert again.tables["parties"].accepted == 0
    assert balanced(again)
    return shop.rows(
        "SELECT d.party_id, known_on::VARCHAR, roles, region, industry FROM parties p "
        "JOIN party_dictionary d ON d.code = p.party_code ORDER BY d.party_id, known_on"
    )


B = ("B", "2020-01-01", "agent", "west", None)


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        ("true", ("A", "2020-01-02", "buyer|supplier", "north", "steel")),
        ("first", ("A", "2020-01-02", "buyer|supplier", "north", "steel")),
        ("last", ("A", "2020-01-02", "buyer|supplier", "north", None)),
        ("mode", ("A", "2020-01-02", "buyer|supplier", "north", "steel")),
    ],
)
def test_one_row_a_thing(shop: Shop, rule: str, kept: tuple[object, ...]) -> None:
    assert stored(shop, rule) == [kept, B]


def test_versions_tell_what_was_known_when(shop: Shop) -> None:
    assert stored(shop, "versions") == [
        ("A", "2020-01-02", "buyer", "north", "steel"),
        ("A", "2020-02-01", "buyer|supplier", "north", "steel"),
        ("A", "2020-03-01", "buyer|supplier", "south", "steel"),
        ("A", "2020-04-01", "buyer|supplier", "north", "steel"),
        B,
    ]
