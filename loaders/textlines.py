"""Text files as UTF-8 bytes for the CSV parser: decoded strictly, each physical line vetted.

Lines that no parser could split safely (blank, an odd number of quotes, a stray carriage return, a NUL)
are taken out and remembered with their number, so that one damaged line cannot swallow its neighbours.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, cast

from graph.errors import LoadRefused
from loaders.faults import file_refused
from loaders.mapping import FileMapping

BLOCK_BYTES = 4 << 20
#: First bytes of packed files.
_MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"PK\x03\x04": "zip"}
_SPACES = re.compile(rb"[ \t]+")
_MARGINS = re.compile(rb"^[ \t]+|[ \t]+(?=\r?$)", re.MULTILINE)


@dataclass(frozen=True)
class Malformed:
    """A record that could not be split into columns. ``line``: its physical line, from 1."""

    line: int
    text: str
    reason: str
    expected: str


class LineStream(io.RawIOBase):
    """A readable of clean UTF-8 lines. ``error`` keeps why reading failed: parsers wrap exceptions.

    ``removed``: numbers of the lines taken out, ascending; ``malformed``: those that were no blank lines.
    """

    def __init__(self, path: Path, label: str, mapping: FileMapping) -> None:
        self.path, self.label, self.mapping = path, label, mapping
        self.error: LoadRefused | None = None
        self.removed: list[int] = []
        self.malformed: list[Malformed] = []
        self.lines_read = 0
        self.ends_with_newline = True
        self._blocks = self._vetted()
        self._pending = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """Up to ``size`` bytes; fewer only at the end."""
        try:
            parts = [self._pending]
            held = len(self._pending)
            while size < 0 or held < size:
                block = next(self._blocks, None)
                if block is None:
                    break
                parts.append(block)
                held += len(block)
        except LoadRefused as error:
            self.error = error
            raise
        data = b"".join(parts)
        cut = len(data) if size < 0 else size
        self._pending = data[cut:]
        return data[:cut]

    def first_line(self) -> str:
        """The first line, taken off the stream (the header); empty where there is none."""
        data = self.read(BLOCK_BYTES)
        line, _, rest = data.partition(b"\n")
        self._pending = rest + self._pending
        return line.decode("utf-8").rstrip("\r")

    def put_back(self, line: str) -> None:
        """Return a line got by ``first_line`` to the front of the stream."""
        self._pending = line.encode("utf-8") + b"\n" + self._pending

    def read_lines(self) -> list[str]:
        """Some more lines, without their ends; empty at the end of the file."""
        try:
            block = next(self._blocks, None)
            while block == b"":
                block = next(self._blocks, None)
        except LoadRefused as error:
            self.error = error
            raise
        if block is None:
            return []
        return block.decode("utf-8").removesuffix("\n").replace("\r\n", "\n").removesuffix("\r").split("\n")

    def _decoded(self) -> Iterator[bytes]:
        """Blocks of UTF-8 bytes without a byte order mark."""
        decoder = codecs.getincrementaldecoder(self.mapping.encoding)(errors="strict")
        offset, first = 0, True
        for raw in _raw_blocks(self.path, self.label):
            text = self._decode(decoder, raw, offset, final=False)
            offset += len(raw)
            if text:
                yield (text.removeprefix("\ufeff") if first else text).encode("utf-8")
                first = False
        tail = self._decode(decoder, b"", offset, final=True)
        if tail:
            yield tail.encode("utf-8")

    def _decode(self, decoder: codecs.IncrementalDecoder, raw: bytes, offset: int, *, final: bool) -> str:
        held = len(decoder.getstate()[0]) if not final else 0
        try:
            return decoder.decode(raw, final)
        except UnicodeDecodeError as error:
            position = offset - held + error.start
            line = self.lines_read + raw[: max(error.start - held, 0)].count(b"\n") + 1
            raise file_refused(
                self.label,
                f"byte {error.object[error.start]:#04x} at byte offset {position:,} (about line {line:,}) "
                f"is not {self.mapping.encoding}",
                "set the file's encoding in the mapping (encoding: gb18030, latin-1, utf-16 ...)",
                byte_offset=position,
                expected=self.mapping.encoding,
            ) from error
        except UnicodeError as error:
            raise file_refused(
                self.label,
                f"is not {self.mapping.encoding}: {error}",
                "set encoding in the mapping",
                byte_offset=offset,
            ) from error

    def _vetted(self) -> Iterator[bytes]:
        rest = b""
        for block in self._decoded():
            whole, newline, tail = (rest + block).rpartition(b"\n")
            rest = tail
            if newline:
                yield self._vet(whole + newline)
        self.ends_with_newline = not rest
        if rest:
            yield self._vet(rest)

    def _vet(self, block: bytes) -> bytes:
        """``block`` of whole lines without those that are no records or not to be trusted."""
        if self.mapping.delimiter == "whitespace":
            block = _SPACES.sub(b"\t", _MARGINS.sub(b"", block))
        if self.mapping.multiline:
            while self.lines_read < self.mapping.skip and block:
                block = block.partition(b"\n")[2]
                self.lines_read += 1
            if b"\0" in block:
                raise file_refused(
                    self.label, "holds NUL characters", "set encoding (utf-16?) in the mapping"
                )
            return block
        quote, comment, escape = (
            (text or "").encode() for text in (self.mapping.quote, self.mapping.comment, self.mapping.escape)
        )
        suspicious = (
            self.lines_read < self.mapping.skip
            or (comment and comment in block)
            or b"\0" in block
            or block.startswith((b"\n", b"\r\n"))
            or b"\n\n" in block
            or b"\n\r" in block
            or (b"\r" in block and block.count(b"\r") != block.count(b"\r\n"))
            or (quote and quote in block)
        )
        first = self.lines_read + 1
        if not suspicious:
            self.lines_read += block.count(b"\n") + (not block.endswith(b"\n"))
            return block
        lines = _split_at_newline(block)
        kept = []
        for number, line in enumerate(lines, start=first):
            aside = number <= self.mapping.skip or (comment and line.startswith(comment))
            fault = ("", "") if aside else _line_fault(line, quote, escape)
            if fault is None:
                kept.append(line)
                continue
            self.removed.append(number)
            if fault[0]:
                self.malformed.append(Malformed(number, line.decode("utf-8").rstrip("\r\n"), *fault))
        self.lines_read += len(lines)
        return b"".join(kept)


def _split_at_newline(block: bytes) -> list[bytes]:
    lines = block.split(b"\n")
    return [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _line_fault(line: bytes, quote: bytes, escape: bytes) -> tuple[str, str] | None:
    """Why a line is taken out (reason, expected), the reason empty for a blank one; None: it is fine."""
    content = line.rstrip(b"\r\n")
    if not content:
        return "", ""
    if b"\0" in content:
        return "nul_character", "text without NUL characters"
    if b"\r" in content:
        return "stray_line_break", "one record a line"
    if escape:
        content = content.replace(escape + escape, b"").replace(escape + quote, b"")
    if quote and content.count(quote) % 2:
        return "unbalanced_quote", "quotes in pairs on each line (or multiline: true, or quote: null)"
    return None


def _raw_blocks(path: Path, label: str) -> Iterator[bytes]:
    """The file's bytes, unpacked where it is packed by its first bytes."""
    try:
        with path.open("rb") as plain, _unpacked(plain, label) as source:
            while block := source.read(BLOCK_BYTES):
                yield block
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, zipfile.BadZipFile) as error:
        raise file_refused(
            label, f"is a damaged or truncated {_packing(path)} file ({error})", "fetch it again"
        ) from error
    except OSError as error:
        packing = _packing(path)
        if packing and error.strerror is None:
            raise file_refused(label, f"is a damaged {packing} file ({error})", "fetch it again") from error
        raise file_refused(
            label, f"cannot be read ({error.strerror})", "check the path and its permissions"
        ) from error


def _packing(path: Path) -> str:
    with path.open("rb") as plain:
        return _packing_of(plain.read(6))


def _packing_of(start: bytes) -> str:
    return next((name for magic, name in _MAGIC.items() if start.startswith(magic)), "")


def _unpacked(plain: BinaryIO, label: str) -> BinaryIO:
    """``plain``, or what it holds packed."""
    packing = _packing_of(plain.read(6))
    plain.seek(0)
    if packing == "gzip":
        return cast("BinaryIO", gzip.GzipFile(fileobj=plain))
    if packing == "bzip2":
        return cast("BinaryIO", bz2.BZ2File(plain))
    if packing == "xz":
        return cast("BinaryIO", lzma.LZMAFile(plain))
    return cast("BinaryIO", _only_member(plain, label)) if packing == "zip" else plain


def _only_member(plain: BinaryIO, label: str) -> IO[bytes]:
    """The one file in a zip archive; refused where there are several, or where it is a workbook."""
    archive = zipfile.ZipFile(plain)
    names = [
        name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX")
    ]
    if "[Content_Types].xml" in names:
        raise file_refused(label, "is an Excel workbook", "save its sheets as CSV (UTF-8) or Parquet")
    if len(names) != 1:
        listed = ", ".join(names[:5])
        raise file_refused(label, f"is a zip archive of {len(names)} files ({listed})", "unpack it")
    return archive.open(names[0])
