"""Texts from data that people open in a spreadsheet: none may pass for a formula (OWASP, CSV injection).

A text that could, or that begins with the mark, has the mark put before it: taking one leading mark away
gives every text back.
"""

from __future__ import annotations

#: First characters that a spreadsheet takes for a formula, full-width ones too, and the mark.
FORMULA_STARTS = "=+-@\t\r\n＝＋－＠"
MARK = "'"


def guarded(text: str) -> str:
    """``text`` as a cell that is no formula."""
    return MARK + text if text.startswith((*FORMULA_STARTS, MARK)) else text
