from __future__ import annotations

import pytest

from graph.spreadsheet import MARK, guarded


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\nx", "\rx", "＝1", "＋1", "－1", "＠x", "'=1"]
)
def test_what_could_pass_for_a_formula_is_marked_and_comes_back(text: str) -> None:
    assert guarded(text) == MARK + text
    assert guarded(text).removeprefix(MARK) == text


@pytest.mark.parametrize("text", ["", "Acme", "1-2", " =1", "O'Neill"])
def test_other_texts_stay(text: str) -> None:
    assert guarded(text) == text
