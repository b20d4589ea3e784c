import threading

import pytest

from gnn.threads import CHUNK, by_chunks


def test_chunks_cover_all_rows_and_come_in_order() -> None:
    rows = 3 * CHUNK + 1
    found = by_chunks(rows, lambda chunk: list(range(chunk.start, chunk.stop)))
    assert [row for chunk in found for row in chunk] == list(range(rows))


@pytest.mark.parametrize("rows", [0, 1, CHUNK])
def test_a_single_chunk_is_the_callers(rows: int) -> None:
    asked = by_chunks(rows, lambda chunk: (chunk, threading.get_ident()))
    assert asked == [(slice(0, rows), threading.get_ident())]


def test_what_goes_wrong_in_a_chunk_is_told() -> None:
    def fail(chunk: slice) -> None:
        if chunk.start:
            raise ValueError("second chunk")

    with pytest.raises(ValueError, match="second chunk"):
        by_chunks(2 * CHUNK, fail)
