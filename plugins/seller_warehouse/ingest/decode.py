"""From received bytes to text: unpack and decode strictly, or refuse."""

from __future__ import annotations

import codecs
import itertools
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from seller_warehouse.core.documents import Refusal
from seller_warehouse.ingest.containers import DAMAGED, open_plain, refuse_no_text
from seller_warehouse.ingest.damage import examine_utf8
from seller_warehouse.ingest.workbook import Sheet

MAX_DOCUMENT_BYTES = 2 * 1024**3
"""A larger document is refused: this is ten times the largest report of 157 real accounts."""

CHUNK = 1 << 20
WESTERN = "cp1252"
UTF8 = "utf-8-sig"
"""UTF-8 with or without a byte order mark."""

JAPANESE = frozenset({"cp932", "shift_jis", "shift_jis_2004", "shift_jisx0213"})


def chunks(path: Path, sheet: Sheet | None = None) -> Iterator[bytes]:
    """The unpacked bytes in pieces; ``sheet`` receives the cell types of a workbook.

    Raises Refusal if the file is damaged, is not text, or unpacks to more than MAX_DOCUMENT_BYTES.
    """
    size = 0
    try:
        with open_plain(path, MAX_DOCUMENT_BYTES, sheet) as stream:
            while chunk := stream.read(CHUNK):
                if not size:
                    refuse_no_text(chunk)
                size += len(chunk)
                if size > MAX_DOCUMENT_BYTES:
                    raise Refusal("too_large", f"the document unpacks to more than {MAX_DOCUMENT_BYTES:,} bytes", "split it into shorter date ranges")
                yield chunk
    except zipfile.BadZipFile as error:
        raise Refusal("damaged_zip", f"this ZIP file or Excel workbook is cut or damaged ({error})", "download it again") from error
    except DAMAGED as error:
        raise Refusal("damaged_gzip", f"the compressed file ends or breaks after {size:,} bytes of text ({error})", "download it again") from error


def decode(source: Path, target: Path, *, declared: str | None, fallback: str, sheet: Sheet | None = None) -> str | None:
    """Decode ``source`` strictly and write it to ``target`` as UTF-8; returns a warning about the charset, or None.

    UTF-8 is tried first whatever was declared, since other text is hardly ever valid UTF-8 and Amazon's labels are sometimes wrong; damaged UTF-8 is
    refused. Next comes the declared charset or, without one, the ``fallback`` of the account, always with a warning. Japanese charsets also decode
    most Western text, as nonsense: if such a reading mixes scripts inside words, the text is read as Western.
    """
    first = next(chunks(source), b"")
    if not first:
        raise Refusal("empty_file", "the file has no bytes", "download it again")
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        if (line := _decode_as(source, target, "utf-16").wrong_line) is None:
            return None
        raise Refusal("charset", "the text has a UTF-16 byte order mark but is not valid UTF-16", _REMEDY, line)
    no_utf8 = _decode_as(source, target, UTF8, sheet).wrong_line
    if no_utf8 is None:
        wrong_label = declared and _python_charset(declared) not in (UTF8, "ascii") and not target.read_bytes().isascii()
        return f"declared {declared}, but the text is UTF-8" if wrong_label else None
    if (utf8 := examine_utf8(chunks(source))).is_damaged:
        raise utf8.refusal()
    charset = _python_charset(declared) if declared else fallback
    read = _decode_as(source, target, charset)
    line = read.wrong_line
    if charset in JAPANESE and (read.mixes_scripts if line is None else not declared):
        western = _decode_as(source, target, WESTERN)
        if western.wrong_line is None and not western.is_garbled:
            name = "Windows-1252" if western.beyond_latin_1 else "ISO-8859-1"
            why = f"is not valid (line {line})" if line else "would put Japanese characters inside Western words"
            return f"the text is read as {name}; {charset}, as this account writes it, {why}"
        if line is None:
            _decode_as(source, target, charset)
    if line is not None:
        expected = f"not valid in the declared charset {declared}" if declared else f"neither UTF-8 nor {charset}"
        raise Refusal("charset", f"the text is {'not valid UTF-8' if charset == UTF8 and not declared else expected}", _REMEDY, line)
    notes = []
    if not declared:
        notes.append(
            f"the text is not UTF-8 (line {no_utf8}) and was read in {charset}, as this account's marketplaces write it; check names and titles"
        )
    if utf8.convincing:
        notes.append(f"line {utf8.convincing_line} may be UTF-8")
    if read.mixed and charset in JAPANESE:
        notes.append(
            f"{read.mixed} words of the text, read as {charset}, mix Japanese signs and Western letters; part of it may be in another charset"
        )
    return "; ".join(notes) or None


_REMEDY = "save it as UTF-8, or download it again"


def _python_charset(declared: str) -> str:
    try:
        name = codecs.lookup({"windows-31j": "cp932"}.get(declared.lower(), declared)).name
    except LookupError:
        raise Refusal("charset", f"the declared charset {declared!r} is unknown", "download it again") from None
    return UTF8 if name == "utf-8" else name


_EAST = "\u3005\u3040-\u30ff\u4e00-\u9fff\uff01-\uff9f"
_GENUINE = re.compile("[\u3040-\u30ff]+|[\u3005\u4e00-\u9fff]{2,}|[\uff66-\uff9f]{2,}")
_MIXED = re.compile(
    f"[\ue000-\uf8ff]|(?<![{_EAST}])[\uff61-\uff9f](?![{_EAST}])|(?<=[a-z])[\u4e00-\u9fff](?![{_EAST}])|(?<=[A-Za-z])[\u4e00-\u9fff](?=[a-z])"
)
"""Private-use characters, a lone half-width kana, a lone ideograph in or after a Latin word: Western letters decoded as cp932."""
_HIGH = re.compile("[^\x00-\x7f]+")


@dataclass(kw_only=True)
class _Reading:
    """Statistics of a text decoded in one charset; ``wrong_line`` is the first invalid line."""

    wrong_line: int | None = None
    genuine: int = 0
    mixed: int = 0
    high_runs: int = 0
    long_high_runs: int = 0
    beyond_latin_1: bool = False

    @property
    def mixes_scripts(self) -> bool:
        """Whether Japanese characters occur inside Western words more often than in Japanese ones."""
        return self.mixed > self.genuine

    @property
    def is_garbled(self) -> bool:
        """Whether letters beyond ASCII come in long runs, as in no Western language."""
        return self.long_high_runs * 4 > self.high_runs

    def count_text(self, text: str) -> None:
        """Add a piece of text to the counts."""
        if text.isascii():
            return
        runs = [len(r) for r in _HIGH.findall(text)]
        self.high_runs += len(runs)
        self.long_high_runs += sum(r > 2 for r in runs)
        self.genuine += sum(1 for _ in _GENUINE.finditer(text))
        self.mixed += sum(1 for _ in _MIXED.finditer(text))
        self.beyond_latin_1 |= max(text) > "\xff"


def _decode_as(source: Path, target: Path, charset: str, sheet: Sheet | None = None) -> _Reading:
    decoder = codecs.getincrementaldecoder(charset)("strict")
    reading, lines = _Reading(), 1
    with target.open("wb") as out:
        for chunk in itertools.chain(chunks(source, sheet), [None]):
            try:
                text = decoder.decode(chunk, False) if chunk is not None else decoder.decode(b"", True)
            except UnicodeDecodeError as error:
                reading.wrong_line = lines + error.object[: error.start].count(b"\n")
                return reading
            if "\0" in text:
                line = lines + text[: text.index("\0")].count("\n")
                raise Refusal(
                    "nul_byte",
                    "the text holds a NUL byte, so the file is damaged or is not text",
                    "save it as UTF-8 if it is text, or download it again",
                    line,
                )
            lines += text.count("\n")
            if charset in JAPANESE or charset == WESTERN:
                reading.count_text(text)
            if charset != UTF8:
                out.write(text.encode("utf-8"))
            elif chunk:
                out.write(chunk.removeprefix(codecs.BOM_UTF8) if not out.tell() else chunk)
    return reading
