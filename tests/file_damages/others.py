"""Files that are wrapped, that are no report, and damage to the one report in JSON."""

from __future__ import annotations

import gzip
import io
import random
import re
import zipfile
from functools import partial

from openpyxl import Workbook

from tests.file_damages.sample import Fate, NotPossible, Sample, damage, table
from tests.file_damages.text import flipped


def _zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()


@damage(Fate.SAME)
def as_a_workbook(sample: Sample, _: random.Random) -> bytes:
    """Every cell as text."""
    book, out = Workbook(), io.BytesIO()
    for row in (table(sample).header, *sample.rows):
        book.active.append(list(row))
    book.save(out)
    return out.getvalue()


damage(Fate.SAME, "packed by gzip")(lambda s, _: gzip.compress(s.content, mtime=0))
damage(Fate.SAME, "packed by ZIP")(lambda s, _: _zipped({"report.txt": s.content}))
damage(Fate.NEVER, "gzip cut")(lambda s, r: (z := gzip.compress(s.content, mtime=0))[: r.randrange(2, len(z) - 1)])
damage(Fate.NEVER, "gzip with a bit flipped")(
    lambda s, r: flipped(z := gzip.compress(s.content, mtime=0), r.randrange(12, len(z) - 4), r.randrange(8))
)
damage(Fate.NEVER, "ZIP cut")(lambda s, r: (z := _zipped({"report.txt": s.content}))[: r.randrange(4, len(z) - 1)])
damage(Fate.NEVER, "ZIP of two reports")(lambda s, _: _zipped({"a.txt": s.content, "b.txt": s.content}))
damage(Fate.NEVER, "a web page")(lambda s, _: b"<!DOCTYPE html>\n<html><body>Sign in\t</body></html>\n")
damage(Fate.NEVER, "a table of a web page")(lambda s, _: b"<table><tr><td>" + s.content.replace(b"\t", b"</td><td>") + b"</td></tr></table>")
damage(Fate.NEVER, "an error of Amazon")(lambda s, _: b'{"errors": [{"code": "QuotaExceeded", "message": "You exceeded your quota"}]}')
damage(Fate.NEVER, "a PDF")(lambda s, _: b"%PDF-1.7\n" + s.content)


# JSON


def _json(sample: Sample, r: random.Random, *, pattern: str, by: str) -> bytes:
    text = sample.content.decode()
    found = list(re.finditer(pattern, text)) if not sample.header else []
    if not found:
        raise NotPossible
    at = r.choice(found)
    return (text[: at.start()] + at.expand(by) + text[at.end() :]).encode()


for _name, _pattern, _by in (
    ("JSON: a key twice", r'("count": )(\d+)', r'\1\2, \g<1>999'),
    ("JSON: no number", r'("rate": )[\d.]+', r"\1NaN"),
    ("JSON: a number as text", r'("count": )(\d+)', r'\1"\2"'),
    ("JSON: a fraction of an order", r'("orderCount": )(\d+)', r"\g<1>\2.5"),
    ("JSON: true for a count", r'("count": )\d+', r"\1true"),
    ("JSON: a list for a count", r'("count": )(\d+)', r"\1[\2]"),
    ("JSON: null", r'(": )("?[\w.-]+"?)', r"\1null"),
    ("JSON: a key of another name", r'"(count|rate|afn|marketplaceId|orderCount|orderDefectRate)"', r'"x\1"'),
    ("JSON: a comma too many", r"(\d)(\n *})", r"\1,\2"),
    ("JSON: a huge number", r'("count": )\d+', r"\g<1>1e400"),
):  # fmt: skip
    damage(Fate.READ, _name)(partial(_json, pattern=_pattern, by=_by))
