"""Containers of a file (gzip, a ZIP with one report, a workbook with one sheet), and known kinds of file that are not text."""

from __future__ import annotations

import gzip
import io
import re
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from seller_warehouse.core.documents import Refusal, printable
from seller_warehouse.ingest.workbook import Sheet, is_workbook, sheet_text

_LAYERS = 3
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_SHOWN_FILES = 5
_NOT_REPORTS = re.compile(r"(^|/)(__MACOSX/|\.|Thumbs\.db$|desktop\.ini$)")
_SAVE_AGAIN = "open it in a spreadsheet and save it as XLSX, or as CSV in UTF-8"
_OLE = b"\xd0\xcf\x11\xe0"

_OTHERS = (
    (b"%PDF", "a PDF file", "download the same report as text or CSV"),
    (b"Rar!", "a RAR archive", "unpack it and drop the files in it"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "unpack it and drop the files in it"),
    (b"BZh", "a file compressed with bzip2", "unpack it and drop the file in it"),
    (b"\xfd7zXZ", "a file compressed with xz", "unpack it and drop the file in it"),
    (b"\x28\xb5\x2f\xfd", "a file compressed with zstd", "unpack it and drop the file in it"),
    (b"\x89PNG", "a picture", "download the report itself as text or CSV"),
    (b"\xff\xd8\xff", "a picture", "download the report itself as text or CSV"),
    (b"{\\rtf", "a text document (RTF)", "download the report itself as text or CSV"),
)


@contextmanager
def open_plain(path: Path, limit: int, sheet: Sheet | None = None) -> Iterator[BinaryIO]:
    """The text of a file, unpacked from gzip, ZIP and workbook, which are detected by their first bytes, never by the file name.

    ``limit``: the largest size in bytes; ``sheet`` receives the cell types of a workbook. Raises Refusal if there is more than one file or sheet, or
    a password.
    """
    with ExitStack() as stack:
        stream: BinaryIO = stack.enter_context(path.open("rb"))
        for _ in range(_LAYERS):
            start = stream.peek(4)[:4]  # type: ignore[attr-defined]  # every stream here is buffered
            if start[:2] == b"\x1f\x8b":
                stream = io.BufferedReader(gzip.GzipFile(fileobj=stream, mode="rb"))
            elif start in _ZIP:
                stream = _unzipped(_seekable(stream, limit, stack), limit, sheet, stack)
            else:
                break
        yield stream


def refuse_no_text(head: bytes) -> None:
    """Raise Refusal if the first bytes are those of a known kind of file that is not text."""
    if head.startswith(_OLE):
        if "EncryptedPackage".encode("utf-16-le") in head:
            raise Refusal("no_text", "this is an Excel workbook protected by a password", "save it without a password, or as CSV in UTF-8")
        raise Refusal("no_text", "this is a workbook of an old Excel (XLS), or another old Office file", _SAVE_AGAIN)
    for magic, what, remedy in _OTHERS:
        if head.startswith(magic):
            raise Refusal("no_text", f"this is {what}, not a report", remedy)
    if head.startswith((*_ZIP, b"\x1f\x8b")):
        raise Refusal("no_text", "the file is packed more than three times over", "unpack it and drop the file in it")


def _seekable(stream: BinaryIO, limit: int, stack: ExitStack) -> BinaryIO:
    """The same bytes as a seekable stream; a compressed stream is unpacked into a temporary file."""
    if not isinstance(stream.raw, gzip.GzipFile | zipfile.ZipExtFile):  # type: ignore[attr-defined]
        return stream
    copy = io.BufferedRandom(stack.enter_context(tempfile.TemporaryFile(buffering=0)))  # noqa: SIM115  # the stack closes it
    size = 0
    while chunk := stream.read(1 << 20):
        size += len(chunk)
        if size > limit:
            raise Refusal("too_large", f"the packed file has more than {limit:,} bytes", "split it into shorter date ranges")
        copy.write(chunk)
    copy.seek(0)
    return copy


def _unzipped(stream: BinaryIO, limit: int, sheet: Sheet | None, stack: ExitStack) -> BinaryIO:
    archive = stack.enter_context(zipfile.ZipFile(stream))
    if is_workbook(archive):
        return io.BufferedReader(_Pieces(sheet_text(stream, archive, sheet or Sheet(), limit)))
    member = _only_report(archive)
    if member.file_size > limit:
        raise Refusal("too_large", f"the document unpacks to more than {limit:,} bytes", "split it into shorter date ranges")
    try:
        return io.BufferedReader(stack.enter_context(archive.open(member)))  # type: ignore[type-var]  # a ZipExtFile fills buffers
    except NotImplementedError:
        what = f"the ZIP file packs {printable(member.filename)} in a way that is not read here"
        raise Refusal("no_text", what, "unpack it and drop the file in it") from None


def _only_report(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    names = set(archive.namelist())
    if "[Content_Types].xml" in names or "mimetype" in names:
        raise Refusal("no_text", "this is an Office file that is not an XLSX workbook, such as ODS, XLSB or DOCX", _SAVE_AGAIN)
    files = [i for i in archive.infolist() if not i.is_dir() and not _NOT_REPORTS.search(i.filename)]
    if not files:
        raise Refusal("empty_file", "the ZIP file holds no file", "pack the report again, or drop it unpacked")
    if len(files) > 1:
        named = ", ".join(printable(i.filename) for i in files[:_SHOWN_FILES]) + (", …" if len(files) > _SHOWN_FILES else "")
        raise Refusal("several_files", f"the ZIP file holds {len(files)} files ({named}) and may hold one", "unpack it and drop each file by itself")
    if files[0].flag_bits & 1:
        raise Refusal("protected", "the ZIP file is protected by a password", "unpack it and drop the file in it")
    return files[0]


class _Pieces(io.RawIOBase):
    """A stream made of pieces of bytes."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._rest = pieces, b""

    def readable(self) -> bool:
        """As the interface requires."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer with the next bytes; 0 at the end."""
        while not self._rest:
            if (piece := next(self._pieces, None)) is None:
                return 0
            self._rest = piece
        taken = self._rest[: len(buffer)]
        buffer[: len(taken)] = taken
        self._rest = self._rest[len(taken) :]
        return len(taken)
