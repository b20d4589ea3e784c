"""Columns of text as two arrays that can be memory-mapped, and an index from text to position."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Texts:
    """n texts: ``blob`` uint8 holds their UTF-8 bytes end to end, text i from ``offsets[i]`` to
    ``offsets[i + 1]`` (int64 [n + 1])."""

    offsets: NDArray[np.int64]
    blob: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def encoded(self, position: int) -> bytes:
        """UTF-8 bytes of one text."""
        return self.blob[self.offsets[position] : self.offsets[position + 1]].tobytes()

    def __getitem__(self, position: int) -> str:
        return self.encoded(position).decode()

    def take(self, positions: Sequence[int] | NDArray[np.integer]) -> list[str]:
        """The texts at ``positions``."""
        places = np.asarray(positions, np.int64)
        bounds = zip(self.offsets[places].tolist(), self.offsets[places + 1].tolist(), strict=True)
        return [self.blob[start:end].tobytes().decode() for start, end in bounds]


def pack(column: pa.Array) -> Texts:
    """An Arrow text column without nulls."""
    large = column.cast("large_string")
    _, starts, characters = large.buffers()
    offsets = np.frombuffer(starts, np.int64)[large.offset : large.offset + len(large) + 1]
    blob = np.frombuffer(characters or b"", np.uint8)[offsets[0] : offsets[-1]]
    return Texts(offsets - offsets[0], blob)


def _digest(text: bytes) -> int:
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "little")


@dataclass(frozen=True)
class TextIndex:
    """Finds the position of a text. ``digests`` uint64 [n] ascending; ``positions`` int32 [n]."""

    texts: Texts
    digests: NDArray[np.uint64]
    positions: NDArray[np.int32]

    @classmethod
    def of(cls, texts: Texts) -> TextIndex:
        """Index of ``texts``, which must be distinct."""
        digests = np.fromiter(
            (_digest(texts.encoded(i)) for i in range(len(texts))), np.uint64, count=len(texts)
        )
        order = np.argsort(digests, kind="stable")
        return cls(texts, digests[order], order.astype(np.int32))

    def find(self, asked: Iterable[str]) -> list[int]:
        """Position of each text, in any Unicode normal form; -1 where it is not there."""
        # Half a surrogate pair, which JSON can smuggle in, has no UTF-8: it is just not found.
        wanted = [unicodedata.normalize("NFC", text).encode("utf-8", "surrogatepass") for text in asked]
        digests = np.array([_digest(text) for text in wanted], np.uint64)
        starts = np.searchsorted(self.digests, digests).tolist()
        return [self._verify(*pair) for pair in zip(wanted, starts, digests.tolist(), strict=True)]

    def _verify(self, text: bytes, place: int, digest: int) -> int:
        while place < len(self.digests) and int(self.digests[place]) == digest:
            position = int(self.positions[place])
            if self.texts.encoded(position) == text:
                return position
            place += 1
        return -1
