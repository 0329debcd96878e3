"""The paths of a home and of the repository; no other module builds them."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
PACKAGE = REPOSITORY / "plugins" / "seller_warehouse"
DBT_PROJECT = REPOSITORY / "dbt_project"
DEMO_ACCOUNTS = REPOSITORY / "demo" / "accounts.yaml"
UMASK = "SELLER_WAREHOUSE_UMASK"
MARKETPLACES_SEED = DBT_PROJECT / "seeds" / "marketplaces.csv"


@dataclass(frozen=True)
class Home:
    """The folders below ``SELLER_WAREHOUSE_HOME``, which holds everything that a run writes.

    ``landing_at``: the folder or object storage URL of the landing, if it is outside the home.
    """

    root: Path
    landing_at: str = ""

    @classmethod
    def from_environment(cls) -> Home:
        """The home of the environment, by default ``data`` in the repository, with its landing (SELLER_WAREHOUSE_LANDING).

        Also sets the umask of this process and its children, so that only the owner can read what they write (SELLER_WAREHOUSE_UMASK).
        """
        os.umask(denied_permissions())
        root = Path(os.environ.get("SELLER_WAREHOUSE_HOME") or REPOSITORY / "data").resolve()
        return cls(root, os.environ.get("SELLER_WAREHOUSE_LANDING", "").strip())

    @property
    def inbox(self) -> Path:
        """Dropped files, one folder per account."""
        return self.root / "inbox"

    @property
    def landing(self) -> Path:
        """Bytes exactly as received, each with a manifest, never changed; beside them their rows, which can be parsed again.

        If landing is object storage, this holds copies of what a pass works on.
        """
        if self.landing_url:
            return self.root / "landing-copies"
        return Path(self.landing_at).resolve() if self.landing_at else self.root / "landing"

    @property
    def landing_url(self) -> str:
        """The URL of the object storage that holds the landing; blank if it is a folder."""
        return self.landing_at.rstrip("/") if "://" in self.landing_at else ""

    @property
    def quarantine(self) -> Path:
        """Refused documents, each with a reason file."""
        return self.root / "quarantine"

    @property
    def work(self) -> Path:
        """Judgements between gate and load; can be deleted when nothing runs."""
        return self.root / "work"

    @property
    def requests(self) -> Path:
        """Open requests to Amazon, and the quotas."""
        return self.root / "requests"

    @property
    def warehouse(self) -> Path:
        """The build database, which only the pipeline opens."""
        return self.root / "warehouse.duckdb"

    @property
    def published(self) -> Path:
        """Finished publications; ``published/marts.duckdb`` is what readers open."""
        return self.root / "published"

    @property
    def marts(self) -> Path:
        """The file that readers open."""
        return self.published / "marts.duckdb"

    @property
    def alias(self) -> Path:
        """The same file under a name that is not a schema, for DuckDB before 1.5 and for Node (see ``publish``)."""
        return self.published / "seller_warehouse.duckdb"

    @property
    def exports(self) -> Path:
        """Finance and ODR tables of the last publication as CSV, Parquet and a workbook."""
        return self.root / "exports"

    @property
    def sandbox(self) -> Path:
        """The files of the sandbox of Amazon's API, if the demo filled this home."""
        return self.root / "sandbox"

    @property
    def site(self) -> Path:
        """The documentation site, with dbt's page and the gate's."""
        return self.root / "site"

    @property
    def exchange_rates(self) -> Path:
        """A file of daily rates from the European Central Bank that a user dropped because it is newer than the installed one."""
        return self.root / "eurofxref-hist.zip"

    @property
    def alerts(self) -> Path:
        """The alerts that were sent, so that a new build database does not send them again."""
        return self.root / "alerts.json"

    @property
    def service_token(self) -> Path:
        """The token of the HTTP service, unless the environment sets one."""
        return self.root / "service_token"

    @property
    def log(self) -> Path:
        """The log of the latest passes of ``make run`` and ``make backfill``."""
        return self.root / "logs" / "run.log"

    @property
    def airflow(self) -> Path:
        """AIRFLOW_HOME."""
        return self.root / "airflow"


def denied_permissions() -> int:
    """The umask: permissions that others do not get. Exits if the setting is invalid."""
    text = os.environ.get(UMASK) or "077"
    if not re.fullmatch("0?0[0-7][0-7]", text):
        raise SystemExit(f"{UMASK} is {text!r}; write 077 (the owner alone), or 027 (the group may read too)")
    return int(text, 8)


def restrict_permissions(home: Home) -> None:
    """Remove permissions that an earlier version, or a shell, gave others on a home and its landing.

    The top folder is changed last: if it already denies access, nothing inside is checked.
    """
    denied = denied_permissions()
    for top in {home.root, home.landing}:
        if top.is_dir() and top.stat().st_mode & denied:
            for folder, _, names in os.walk(top, topdown=False):
                for path in (*(Path(folder, name) for name in names), Path(folder)):
                    # A file may disappear meanwhile, and files that another user dropped cannot be changed.
                    with suppress(FileNotFoundError, PermissionError):
                        mode = path.lstat().st_mode
                        if not stat.S_ISLNK(mode) and mode & denied:
                            path.chmod(stat.S_IMODE(mode) & ~denied)


def accounts_file() -> Path:
    """The accounts file of the environment, by default ``accounts.yaml`` in the repository."""
    return Path(os.environ.get("SELLER_WAREHOUSE_ACCOUNTS") or REPOSITORY / "accounts.yaml").resolve()


def shown(path: Path) -> str:
    """A path for messages: relative to the repository if it is inside."""
    return str(path.relative_to(REPOSITORY)) if path.is_relative_to(REPOSITORY) else str(path)


def fingerprint(files: Iterable[Path]) -> str:
    """A hash of the names and content of files in the repository, independent of their order."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(str(path.relative_to(REPOSITORY)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def write_atomically(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Write a file atomically: it is either absent or complete. ``mode`` is subject to the umask."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with open(part, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(path)


def stored_secret(path: Path) -> str:
    """A secret of a home, created once: 32 random bytes in the encoding of a Fernet key."""
    if not path.exists():
        write_atomically(path, urlsafe_b64encode(secrets.token_bytes(32)), mode=0o600)
    return path.read_text()
