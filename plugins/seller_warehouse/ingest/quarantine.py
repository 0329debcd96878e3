"""The quarantine: refused documents with a reason file each. For a document that never landed, the reason file is the only record."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Container, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from seller_warehouse.core.documents import Document, Verdict
from seller_warehouse.core.home import Home, write_atomically
from seller_warehouse.ingest.gate import Judgement, RuleResult
from seller_warehouse.ingest.object_storage import storage_of

log = logging.getLogger(__name__)


def quarantine(home: Home, judgement: Judgement, received: Path | None, refused_by: tuple[str, datetime] | None = None) -> Path:
    """Put a refused document into quarantine with its reason; returns the folder. ``received`` is moved, landed bytes are linked.

    ``refused_by``: run id and time, stored for a document that never landed.
    """
    document = judgement.document
    folder = home.quarantine / (_folder_name(document.account_id) or "no-account") / document.document_id
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "document.gz"
    if received:
        os.replace(received, target)
    elif not target.exists() and (storage.fetch(document.path) if (storage := storage_of(home)) else document.path.is_file()):
        try:
            os.link(document.path, target)
        except OSError:  # Landing is on another disk.
            shutil.copyfile(document.path, target)
    rules = [{"rule": r.rule, "severity": r.severity, "what": r.what, "rows": r.rows} for r in judgement.results if not r.passed]
    reason: dict[str, Any] = {"file": document.file_name, "reason": judgement.reason, "report": document.report or None, "rules": rules}
    if refused_by:
        reason |= {"run_id": refused_by[0], "refused_at": refused_by[1].isoformat(), "document": json.loads(document.to_json())}
    write_atomically(folder / "reason.json", (json.dumps(reason, indent=2, default=str) + "\n").encode())
    return folder


def refused_before_landing(home: Home, known: Container[str]) -> Iterator[tuple[Judgement, str, datetime]]:
    """Judgement, run id and time of each document that was refused before it landed, except those whose ids are ``known``."""
    for path in sorted(home.quarantine.glob("*/*/reason.json")):
        if path.parent.name in known:
            continue
        try:
            stored = json.loads(path.read_bytes())
            if "document" not in stored:
                continue
            document = Document.from_json(json.dumps(stored["document"]), path.with_name("document.gz"))
            results = [RuleResult(rule=r["rule"], severity=r["severity"], passed=False, what=r["what"], rows=r["rows"]) for r in stored["rules"]]
            reason = stored["reason"]
            judgement = Judgement(document=document, verdict=Verdict.QUARANTINED, reason=reason, row_count=0, prepared=None, results=results)
            refused_at = datetime.fromisoformat(stored["refused_at"])
        except (OSError, ValueError, TypeError, KeyError) as error:
            log.warning("%s cannot be read (%s); the refusal is not in meta.loads", path, error)
            continue
        yield judgement, stored["run_id"], refused_at


def _folder_name(text: str) -> str:
    """A safe folder name from external text: no separators, no leading dots."""
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in text)[:80]
