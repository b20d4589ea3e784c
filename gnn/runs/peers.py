"""Peer groups: industry x region x size band, widened stepwise until they are large enough."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numba
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

MIN_MEMBERS = 30
#: What the members of a group have in common, narrowest first.
LEVELS: tuple[tuple[str, ...], ...] = (
    ("industry", "region", "size_band"),
    ("industry", "region"),
    ("industry",),
    (),
)


@dataclass(frozen=True)
class PeerGroups:
    """The group each of n parties is compared with.

    ``group`` int32 [n]: position in ``shared``, which says what the members of each of g groups have in
    common. The members of group k (codes of eligible parties) are ``members[starts[k]:starts[k + 1]]``;
    groups of different levels overlap.
    """

    group: NDArray[np.int32]
    shared: tuple[dict[str, str], ...]
    members: NDArray[np.int32]
    starts: NDArray[np.int64]

    def sizes(self) -> NDArray[np.int64]:
        """Members of each group, int64 [g]."""
        return np.diff(self.starts)

    def medians(self, column: NDArray[np.floating]) -> NDArray[np.float32]:
        """Median of the known values of each group, float32 [g]; NaN where none is known."""
        found: NDArray[np.float32] = _medians(
            np.ascontiguousarray(column, np.float32), self.members, self.starts
        )
        return found

    def percentiles(self, safety: NDArray[np.float64]) -> NDArray[np.float64]:
        """Percent of its group that is less safe than each party, ties counted half, float64 [n] (0..100)."""
        found = np.full(len(self.group), np.nan)
        order = np.argsort(self.group, kind="stable")
        bounds = np.searchsorted(self.group[order], np.arange(len(self.shared) + 1))
        for k in range(len(self.shared)):
            ranked = np.sort(safety[self.members[self.starts[k] : self.starts[k + 1]]])
            mine = order[bounds[k] : bounds[k + 1]]
            rank = np.searchsorted(ranked, safety[mine], "left") + np.searchsorted(
                ranked, safety[mine], "right"
            )
            found[mine] = 50.0 * rank / max(len(ranked), 1)
        return found


@numba.njit(cache=True, parallel=True)  # type: ignore[untyped-decorator]
def _medians(
    column: NDArray[np.float32], members: NDArray[np.int32], starts: NDArray[np.int64]
) -> NDArray[np.float32]:
    found = np.full(len(starts) - 1, np.nan, np.float32)
    for k in numba.prange(len(starts) - 1):
        values = column[members[starts[k] : starts[k + 1]]]
        values = values[~np.isnan(values)]
        if len(values):
            found[k] = np.median(values)
    return found


def _level_codes(parties: pa.Table, names: Sequence[str]) -> tuple[NDArray[np.int64], list[pa.Array]]:
    """A number for each combination of the named columns, int64 [n] (-1: not all known), and their values."""
    codes = np.zeros(parties.num_rows, np.int64)
    known = np.ones(parties.num_rows, bool)
    dictionaries = []
    for name in names:
        encoded = parties[name].combine_chunks().dictionary_encode()
        positions = encoded.indices.fill_null(-1).to_numpy()
        known &= positions >= 0
        codes = codes * max(len(encoded.dictionary), 1) + positions
        dictionaries.append(encoded.dictionary)
    codes[~known] = -1
    return codes, dictionaries


def _values(code: int, dictionaries: list[pa.Array]) -> list[str]:
    values: list[str] = []
    for dictionary in reversed(dictionaries):
        code, position = divmod(code, max(len(dictionary), 1))
        values.append(dictionary[position].as_py())
    return values[::-1]


def _levels(parties: pa.Table) -> Iterator[tuple[tuple[str, ...], NDArray[np.int64], list[pa.Array]]]:
    for names in LEVELS:
        yield (names, *_level_codes(parties, names))


def peer_groups(parties: pa.Table, eligible: NDArray[np.bool_]) -> PeerGroups:
    """Groups of the snapshot's ``parties`` (ordered by code); only ``eligible`` [n] ones count as members.

    A party with an unknown industry, region or size is compared in the narrowest group it is known to
    belong to. The group of everyone is taken whatever its size.
    """
    group = np.full(parties.num_rows, -1, np.int32)
    shared: list[dict[str, str]] = []
    members: list[NDArray[np.int32]] = []
    for names, codes, dictionaries in _levels(parties):
        present, inverse = np.unique(codes, return_inverse=True)
        sizes = np.bincount(inverse[eligible], minlength=len(present))
        large = (present >= 0) & ((sizes >= MIN_MEMBERS) | (not names))
        taken = np.unique(inverse[(group < 0) & large[inverse]])
        position = np.full(len(present), -1, np.int32)
        position[taken] = np.arange(len(shared), len(shared) + len(taken))
        group = np.where(group < 0, position[inverse], group).astype(np.int32)
        listed = np.flatnonzero(eligible & (position[inverse] >= 0))
        listed = listed[np.argsort(position[inverse[listed]], kind="stable")].astype(np.int32)
        members += np.split(listed, np.cumsum(sizes[taken])[:-1]) if len(taken) else []
        shared += [dict(zip(names, _values(int(present[k]), dictionaries), strict=True)) for k in taken]
    starts = np.concatenate([[0], np.cumsum([len(part) for part in members])]).astype(np.int64)
    return PeerGroups(
        group, tuple(shared), np.concatenate(members) if members else np.zeros(0, np.int32), starts
    )
