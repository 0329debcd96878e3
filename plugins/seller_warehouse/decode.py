"""From received bytes to text: gunzipped, decoded strictly, and refused where that cannot be done."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from seller_warehouse.documents import Refusal

MAX_DOCUMENT_BYTES = 2 * 1024**3
"""Above this a document is refused unread: ten times the largest report measured (reports.md, SellerQI)."""

CHUNK = 1 << 20
_GZIP_LAYERS = 3


@contextmanager
def open_plain(path: Path) -> Iterator[BinaryIO]:
    """The bytes of a file, gunzipped by their magic number and never by a name or a header."""
    with path.open("rb") as raw:
        stream: BinaryIO = raw
        for _ in range(_GZIP_LAYERS):
            if stream.peek(2)[:2] != b"\x1f\x8b":  # type: ignore[attr-defined]  # both streams are buffered
                break
            stream = io.BufferedReader(gzip.GzipFile(fileobj=stream, mode="rb"))
        yield stream


def chunks(path: Path) -> Iterator[bytes]:
    """The plain bytes, piece by piece.

    Raises Refusal where the compressed file is damaged or unpacks to more than MAX_DOCUMENT_BYTES.
    """
    size = 0
    try:
        with open_plain(path) as stream:
            while chunk := stream.read(CHUNK):
                size += len(chunk)
                if size > MAX_DOCUMENT_BYTES:
                    raise Refusal("too_large", f"the document unpacks to more than {MAX_DOCUMENT_BYTES:,} bytes", "split it into shorter date ranges")
                yield chunk
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Refusal("damaged_gzip", f"the compressed file ends or breaks after {size:,} bytes of text ({error})", "download it again") from error


def decode(source: Path, target: Path, *, declared: str | None, fallback: str) -> str | None:
    """Write the text of ``source`` to ``target`` as UTF-8, strictly; returns what a reader should know of the charset.

    UTF-8 proves itself, so it is tried first whatever was declared (labels are wrong at times, reports.md section 4);
    then the declared charset, or without one the ``fallback`` of the region.
    """
    first = next(chunks(source), b"")
    if not first:
        raise Refusal("empty_file", "the file has no bytes", "download it again")
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        charsets = ["utf-16"]
    else:
        charsets = ["utf-8-sig", _python_charset(declared) if declared else fallback]
    for charset in charsets:
        line = _decode_as(source, target, charset)
        if line is None:
            wrong_label = declared and charset == "utf-8-sig" and _python_charset(declared) not in ("utf-8", "utf-8-sig", "ascii")
            return f"declared {declared}, but the text is UTF-8" if wrong_label and not target.read_bytes().isascii() else None
    expected = f"in the declared charset {declared}" if declared else f"UTF-8 nor {fallback}"
    raise Refusal("charset", f"the text is not valid {expected}", "save it as UTF-8, or download it again", line)


def _python_charset(declared: str) -> str:
    try:
        name = codecs.lookup({"windows-31j": "cp932"}.get(declared.lower(), declared)).name
    except LookupError:
        raise Refusal("charset", f"the declared charset {declared!r} is unknown", "download it again") from None
    return "utf-8-sig" if name == "utf-8" else name


def _decode_as(source: Path, target: Path, charset: str) -> int | None:
    """None, or the line where the text is not valid in ``charset``."""
    decoder = codecs.getincrementaldecoder(charset)("strict")
    lines = 1
    with target.open("wb") as out:
        for chunk in (*chunks(source), None):
            try:
                text = decoder.decode(chunk, False) if chunk is not None else decoder.decode(b"", True)
            except UnicodeDecodeError as error:
                return lines + error.object[: error.start].count(b"\n")
            if "\0" in text:
                line = lines + text[: text.index("\0")].count("\n")
                raise Refusal("nul_byte", "the text holds a NUL byte, so the file is damaged or is no text", "download it again", line)
            lines += text.count("\n")
            out.write(text.encode("utf-8"))
    return None
