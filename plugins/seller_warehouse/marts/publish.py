"""Publish finished marts: write and verify a new file beside the old ones, then flip one pointer.

::

    published/<publication id>/seller_warehouse.duckdb     never changed
    published/<publication id>/exports/
    published/current -> <publication id>                  the one pointer, flipped by rename
    published/marts.duckdb -> current/seller_warehouse.duckdb
    published/seller_warehouse.duckdb -> current/seller_warehouse.duckdb
    exports -> published/current/exports

A reader that has a publication open keeps it; the last few are kept. Only tables are published: a view would refer to the build database and break.
Every DuckDB from 1.1 on can open the storage version.

The file itself is not called marts: DuckDB names a database after its file, and in a database called marts the table ``marts.fct_orders`` is
ambiguous. DuckDB before 1.5 and DuckDB for Node use the name of the pointer, hence the second pointer.
"""

from __future__ import annotations

import logging
import os
import shutil
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb

from seller_warehouse.core.home import Home, shown
from seller_warehouse.core.problems import UNREADABLE, problem_of
from seller_warehouse.core.sql import identifier, text_literal
from seller_warehouse.ingest.warehouse import open_warehouse
from seller_warehouse.marts.exports import export

log = logging.getLogger(__name__)

KEPT_PUBLICATIONS = 5
STORAGE_VERSION = "v1.0.0"
FILE = "seller_warehouse.duckdb"

Table = tuple[str, str]

KNOWN_AT_TIME: dict[Table, str] = {
    ("meta", name): f"staging.stg_pipeline__{name}" for name in ("loads", "coverage", "gate_results")
}  # fmt: skip
"""Meta tables that are published as they were known at the marts' time of knowledge, with the model of each."""


class PublicationFailed(Exception):
    """The new file differs from the build database or cannot be written; the last publication stays."""


@dataclass(frozen=True, kw_only=True)
class Publication:
    """One row of ``meta.publication``; times in UTC.

    ``as_known_at``: the marts were built from what was known then; None means everything known at the time of publication.
    """

    publication_id: str
    published_at: datetime
    as_of_date: date
    code_version: str
    run_id: str
    load_count: int
    last_loaded_at: datetime | None
    as_known_at: datetime | None = None


def publish(home: Home, *, at: datetime, as_of: date, code_version: str, run_id: str) -> Publication:
    """Publish the marts and meta tables of the build database.

    Raises PublicationFailed if the copy differs from the build database or a folder is in place of a pointer; then no pointer is flipped.
    """
    for place in _pointers(home, ""):
        if place.is_dir() and not place.is_symlink():
            raise PublicationFailed(f"{shown(place)} is a folder, where a link to the last publication belongs; move it away, then run again")
    publication_id = _next_id(home, at)
    part = home.published / f".{publication_id}.part"
    shutil.rmtree(part, ignore_errors=True)
    try:
        (part / "exports").mkdir(parents=True)
        with open_warehouse(home.warehouse) as warehouse:
            known_at = _built_as_known_at(warehouse)
            count, last = _loads(warehouse, known_at)
            publication = Publication(
                publication_id=publication_id, published_at=at, as_of_date=as_of, code_version=code_version,
                run_id=run_id, load_count=count, last_loaded_at=last, as_known_at=known_at,
            )  # fmt: skip
            _copy(warehouse, part / FILE, publication)
        export(part / FILE, part / "exports")
        for path in part.rglob("*"):
            if path.is_file():
                _sync(path)
        os.replace(part, home.published / publication_id)
    except Exception:
        shutil.rmtree(part, ignore_errors=True)  # On a full disk it would take the space of the next attempt.
        raise
    for link, target in _pointers(home, publication_id).items():
        _point(link, target)
    _prune(home)
    return publication


def _pointers(home: Home, publication_id: str) -> dict[Path, Path]:
    """The links of a publication and their targets, in the order of flipping."""
    return {
        home.published / "current": Path(publication_id),
        home.marts: Path("current") / FILE,
        home.alias: Path("current") / FILE,
        home.exports: Path(os.path.relpath(home.published / "current" / "exports", home.root)),
    }


def _next_id(home: Home, at: datetime) -> str:
    """The id of a publication: its time, or if the clock was set back the next one after the last id, since publications are ordered by id."""
    last = max((p.name for p in home.published.glob("[0-9]*Z") if p.is_dir()), default="")
    chosen = f"{at:{_ID}}"
    return chosen if chosen > last else f"{datetime.strptime(last, _ID).replace(tzinfo=UTC) + timedelta(microseconds=1):{_ID}}"


_ID = "%Y%m%dT%H%M%S%fZ"


def is_due(home: Home, *, as_of: date, code_version: str, as_known_at: datetime | None = None) -> bool:
    """Whether a new publication is needed: the last one misses a load, is for another day or time of knowledge, is from another code version, cannot
    be read, or one of its links is missing."""
    published = last_publication(home)
    if published is None or any(not link.is_symlink() or link.readlink() != to for link, to in _pointers(home, published.publication_id).items()):
        return True
    known_at = as_known_at.astimezone(UTC).replace(tzinfo=None) if as_known_at else None
    with open_warehouse(home.warehouse) as warehouse:
        state = (*_loads(warehouse, known_at), as_of, known_at, code_version)
    return state != (published.load_count, published.last_loaded_at, published.as_of_date, published.as_known_at, published.code_version)


def holds_every_load(home: Home) -> bool:
    """Whether the last publication has all loads up to its time of knowledge."""
    published = last_publication(home)
    if published is None:
        return False
    with open_warehouse(home.warehouse) as warehouse:
        return _loads(warehouse, published.as_known_at) == (published.load_count, published.last_loaded_at)


def last_publication(home: Home) -> Publication | None:
    """The current publication; None if there is none or its file is damaged, in which case the next pass publishes again."""
    if not home.marts.exists():
        return None
    try:
        with duckdb.connect(str(home.marts.resolve()), read_only=True) as connection:
            row = connection.execute("select * from meta.publication").fetchone()
            names = [d[0] for d in connection.description or ()]
    except UNREADABLE as error:
        log.warning("%s", problem_of(error, home))
        return None
    assert row
    # Another version may have published more or fewer fields.
    known = {f.name for f in fields(Publication)}
    return Publication(**{name: value for name, value in zip(names, row, strict=True) if name in known})


def _loads(warehouse: duckdb.DuckDBPyConnection, known_at: datetime | None) -> tuple[int, datetime | None]:
    """The number of judged documents that were retrieved by ``known_at``, and the time of the last load."""
    found = warehouse.execute("select count(*), max(loaded_at) from meta.loads where retrieved_at <= $at or $at is null", {"at": known_at}).fetchone()
    assert found
    return found[0], found[1]


def _built_as_known_at(warehouse: duckdb.DuckDBPyConnection) -> datetime | None:
    """The time of knowledge with which the marts were built, whatever the current setting.

    Raises PublicationFailed if nothing was built.
    """
    try:
        found = warehouse.execute("select as_known_at from staging.stg_pipeline__knowledge").fetchone()
    except duckdb.CatalogException as missing:
        raise PublicationFailed("the build database has no marts; run the build first") from missing
    assert found
    return found[0]


def _tables(connection: duckdb.DuckDBPyConnection, database: str) -> list[Table]:
    return connection.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = ? and schema_name in ('marts', 'meta') order by all", [database]
    ).fetchall()


def _copy(warehouse: duckdb.DuckDBPyConnection, target: Path, publication: Publication) -> None:
    found = warehouse.execute("select current_database()").fetchone()
    assert found
    source: str = found[0]
    warehouse.execute(f"attach {text_literal(str(target))} as published (storage_version '{STORAGE_VERSION}')")
    warehouse.execute("create schema published.marts")
    warehouse.execute("create schema published.meta")
    tables = [t for t in _tables(warehouse, source) if t != ("meta", "publication")]
    if not any(schema == "marts" for schema, _ in tables):
        raise PublicationFailed("the build database has no marts; run the build first")
    for schema, table in tables:
        name = f"{identifier(schema)}.{identifier(table)}"
        warehouse.execute(f"create table published.{name} as select * from {identifier(source)}.{KNOWN_AT_TIME.get((schema, table), name)}")
    _copy_comments(warehouse, source, tables)
    warehouse.execute(
        "create table published.meta.publication as select ?::varchar as publication_id, ?::timestamp as published_at, ?::date as as_of_date, "
        "?::varchar as code_version, ?::varchar as run_id, ?::bigint as load_count, ?::timestamp as last_loaded_at, ?::timestamp as as_known_at",
        [
            publication.publication_id, publication.published_at.replace(tzinfo=None), publication.as_of_date,
            publication.code_version, publication.run_id, publication.load_count, publication.last_loaded_at, publication.as_known_at,
        ],
    )  # fmt: skip
    for schema, table in tables:
        name = f"{identifier(schema)}.{identifier(table)}"
        original = f"{identifier(source)}.{KNOWN_AT_TIME.get((schema, table), name)}"
        counts = warehouse.execute(f"select (select count(*) from published.{name}), (select count(*) from {original})").fetchone()
        if not counts or counts[0] != counts[1]:
            raise PublicationFailed(f"{schema}.{table}: {counts} rows in the copy and the original; the last publication stays")
    warehouse.execute("checkpoint published")
    warehouse.execute("detach published")


def _copy_comments(warehouse: duckdb.DuckDBPyConnection, source: str, tables: list[Table]) -> None:
    """Copy the comments of tables and columns, in one transaction, since there are hundreds."""
    found = warehouse.execute(
        "select schema_name, table_name, null, comment from duckdb_tables() where database_name = $source and comment is not null "
        "union all select schema_name, table_name, column_name, comment from duckdb_columns() where database_name = $source and comment is not null",
        {"source": source},
    ).fetchall()
    statements = []
    for schema, table, column, comment in found:
        if (schema, table) in tables:
            name = f"published.{identifier(schema)}.{identifier(table)}"
            place = f"column {name}.{identifier(column)}" if column else f"table {name}"
            statements.append(f"comment on {place} is {text_literal(comment)};")
    warehouse.execute("begin;" + "".join(statements) + "commit")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _point(link: Path, target: Path) -> None:
    """Make ``link`` a symlink to ``target`` atomically: a reader sees the old or the new target."""
    if link.is_symlink() and Path(os.readlink(link)) == target:
        return
    fresh = link.with_name(f".{link.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    os.replace(fresh, link)


def _prune(home: Home) -> None:
    """Remove unfinished publications of killed runs, and all but the last few finished ones; never the current one."""
    current = (home.published / "current").resolve()
    folders = sorted(p for p in home.published.iterdir() if p.is_dir() and not p.is_symlink() and p != current)
    finished = [p for p in folders if not p.name.startswith(".")]
    for stale in [p for p in folders if p.name.startswith(".")] + finished[: -KEPT_PUBLICATIONS + 1]:
        shutil.rmtree(stale)
