"""Where everything lies: the one place that knows the folders of a home and of the repository."""

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
    """The folders below ``SELLER_WAREHOUSE_HOME``, which holds all that a run writes.

    ``landing_at`` is another place of the landing: a folder, or the URL of an object storage.
    """

    root: Path
    landing_at: str = ""

    @classmethod
    def from_environment(cls) -> Home:
        """The home that the environment names, by default ``data`` in the repository, and its landing (SELLER_WAREHOUSE_LANDING).

        Whatever this process and those that it starts write from here on is its owner's alone, unless SELLER_WAREHOUSE_UMASK says otherwise.
        """
        os.umask(denied_rights())
        root = Path(os.environ.get("SELLER_WAREHOUSE_HOME") or REPOSITORY / "data").resolve()
        return cls(root, os.environ.get("SELLER_WAREHOUSE_LANDING", "").strip())

    @property
    def inbox(self) -> Path:
        """Dropped files, one folder an account."""
        return self.root / "inbox"

    @property
    def landing(self) -> Path:
        """Bytes exactly as received, with a manifest each, never changed; beside them their rows, which can be parsed again.

        Where landing is object storage: copies of what a pass is working on.
        """
        if self.landing_url:
            return self.root / "landing-copies"
        return Path(self.landing_at).resolve() if self.landing_at else self.root / "landing"

    @property
    def landing_url(self) -> str:
        """The URL of the object storage that holds the landing; blank where it is a folder."""
        return self.landing_at.rstrip("/") if "://" in self.landing_at else ""

    @property
    def quarantine(self) -> Path:
        """Refused documents, with a reason file each."""
        return self.root / "quarantine"

    @property
    def work(self) -> Path:
        """Judgements between gate and load, and what rules found in large documents; may be deleted whenever nothing runs."""
        return self.root / "work"

    @property
    def requests(self) -> Path:
        """What has been asked of Amazon and not yet landed, and the quotas."""
        return self.root / "requests"

    @property
    def warehouse(self) -> Path:
        """The build database, which the pipeline alone opens."""
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
        """The same file under a name that is no schema, for DuckDB before 1.5 and for Node (see ``publish``)."""
        return self.published / "seller_warehouse.duckdb"

    @property
    def exports(self) -> Path:
        """Finance and ODR tables of the last publication as CSV, Parquet and a workbook."""
        return self.root / "exports"

    @property
    def sandbox(self) -> Path:
        """The sandbox of Amazon's API, where the demo filled this home."""
        return self.root / "sandbox"

    @property
    def site(self) -> Path:
        """The documentation as a site, with dbt's page and that of the gate."""
        return self.root / "site"

    @property
    def exchange_rates(self) -> Path:
        """The European Central Bank's file of daily rates, where somebody dropped a newer one than is installed."""
        return self.root / "eurofxref-hist.zip"

    @property
    def alerts(self) -> Path:
        """What was sent as an alert: it is not sent again by a new build database."""
        return self.root / "alerts.json"

    @property
    def service_token(self) -> Path:
        """What the HTTP service asks its readers for, unless the environment says it."""
        return self.root / "service_token"

    @property
    def log(self) -> Path:
        """What the passes of ``make run`` and ``make backfill`` wrote, the last ones."""
        return self.root / "logs" / "run.log"

    @property
    def airflow(self) -> Path:
        """AIRFLOW_HOME."""
        return self.root / "airflow"


def denied_rights() -> int:
    """The rights that nobody but the owner has to what is written, as umask takes them. Ends the process where the setting is none."""
    text = os.environ.get(UMASK) or "077"
    if not re.fullmatch("0?0[0-7][0-7]", text):
        raise SystemExit(f"{UMASK} is {text!r}; write 077 (the owner alone), or 027 (the group may read too)")
    return int(text, 8)


def take_back_rights(home: Home) -> None:
    """Deny others what an earlier version, or a shell, let them see of a home and of its landing.

    The folder itself comes last: where it denies them already, nothing in it is looked at.
    """
    denied = denied_rights()
    for top in {home.root, home.landing}:
        if top.is_dir() and top.stat().st_mode & denied:
            for folder, _, names in os.walk(top, topdown=False):
                for path in (*(Path(folder, name) for name in names), Path(folder)):
                    # A file may go meanwhile, and what somebody else put into the inbox only they can change.
                    with suppress(FileNotFoundError, PermissionError):
                        mode = path.lstat().st_mode
                        if not stat.S_ISLNK(mode) and mode & denied:
                            path.chmod(stat.S_IMODE(mode) & ~denied)


def accounts_file() -> Path:
    """The accounts file that the environment names, by default ``accounts.yaml`` in the repository."""
    return Path(os.environ.get("SELLER_WAREHOUSE_ACCOUNTS") or REPOSITORY / "accounts.yaml").resolve()


def shown(path: Path) -> str:
    """A path as messages show it: from the repository on where it lies there."""
    return str(path.relative_to(REPOSITORY)) if path.is_relative_to(REPOSITORY) else str(path)


def fingerprint(files: Iterable[Path]) -> str:
    """A hash of some files of the repository, names and content, in whatever order they are given."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(str(path.relative_to(REPOSITORY)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def write_whole(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Write a file so that it is either absent or complete, whatever happens; ``mode`` is what the umask may leave of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with open(part, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(path)


def kept_secret(path: Path) -> str:
    """A secret of a home, made once: 32 random bytes, in the letters that a Fernet key is written in."""
    if not path.exists():
        write_whole(path, urlsafe_b64encode(secrets.token_bytes(32)), mode=0o600)
    return path.read_text()
