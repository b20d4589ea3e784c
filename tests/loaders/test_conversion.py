"""The conversion of single values, beside Python's own."""

from __future__ import annotations

import duckdb
from hypothesis import given
from hypothesis import strategies as st

from loaders.conversion import trimmed_text

SPACES = " \t\r\n\u00a0\u3000"


@given(st.lists(st.text(alphabet=f"{SPACES}!~a\u0301é\u3001\u2003\x7f", max_size=6)))
def test_texts_lose_the_spaces_around_them_and_nothing_else(texts: list[str]) -> None:
    sql = f"SELECT {trimmed_text('v')} FROM (SELECT unnest($1::VARCHAR[]) AS v)"
    found = duckdb.connect().execute(sql, [texts]).fetchall()
    assert [row[0] for row in found] == [text.strip(SPACES) or None for text in texts]
