"""Landing in object storage, through fsspec: objects are fetched when they are needed, and put where others find them.

Nothing can be renamed there, but an object is either absent or whole. So a document exists once its manifest does, which is put last.
Each object has its place in a local folder of copies (``Home.landing``); everything here is called by that place.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import fsspec

from seller_warehouse.core.accounts import ConfigurationError
from seller_warehouse.core.home import Home

_PACKAGES = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "abfss": "adlfs", "az": "adlfs"}


_DEPTH = 5
"""``<account>/<report>/<window>/<document id>/manifest.json``"""


class StorageFailed(Exception):
    """The object storage cannot be reached, or refused what was asked of it; the message ends with its own words."""


@cache
def storage_of(home: Home) -> ObjectStorage | None:
    """The object storage that holds the landing of ``home``; None where landing is a folder."""
    return ObjectStorage(home.landing_url, home.landing) if home.landing_url else None


class ObjectStorage:
    """The objects below ``url``, whose copies lie in the folder ``copies``.

    Keys and endpoints are taken from where the storage's own tools take them (``AWS_ACCESS_KEY_ID``, ``AWS_ENDPOINT_URL``, a role …).
    Raises ConfigurationError where the package for such a URL is not installed.
    """

    def __init__(self, url: str, copies: Path) -> None:
        self.url, self.copies = url, copies
        try:
            # Others put documents there too: what was listed a minute ago is not what is there.
            self._files, self._root = fsspec.url_to_fs(url, use_listings_cache=False, skip_instance_cache=True)
        except (ImportError, ValueError) as error:
            package = _PACKAGES.get(urlsplit(url).scheme)
            remedy = f"install the package {package}" if package else f"use a folder, or one of {', '.join(_PACKAGES)}://"
            raise ConfigurationError(f"SELLER_WAREHOUSE_LANDING={url} cannot be opened ({error}); {remedy}") from error

    def manifests(self, place: str = "") -> Iterator[Path]:
        """The place of every manifest, in a fixed order; of all documents, or below one folder. Also of a document whose manifest is gone."""
        with self._naming_failures(f"list {place or 'everything'}"):
            found = self._files.find(f"{self._root}/{place}" if place else self._root)
        parts_of = (name.removeprefix(f"{self._root}/").split("/") for name in found)
        folders = {tuple(parts[:-1]) for parts in parts_of if len(parts) == _DEPTH and ".." not in parts}
        for folder in sorted(folders):
            yield self.copies.joinpath(*folder, "manifest.json")

    def has(self, path: Path) -> bool:
        """Whether the object is there."""
        with self._naming_failures(f"find {path.name}"):
            return bool(self._files.exists(self._name(path)))

    def read(self, path: Path) -> bytes:
        """What the object holds. Raises FileNotFoundError where there is none."""
        content: bytes | None = None
        with self._naming_failures(f"read {self._name(path)}"), suppress(FileNotFoundError):
            content = self._files.cat_file(self._name(path))
        if content is None:
            raise FileNotFoundError(f"{self.url}: {self._name(path)} is not there")
        return content

    def fetch(self, path: Path) -> bool:
        """Copy the object to its place, unless it is there already; returns whether there is such an object."""
        if path.exists():
            return True
        self.copies.mkdir(parents=True, exist_ok=True, mode=0o700)  # The bytes hold buyers' names and addresses.
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        with self._naming_failures(f"read {self._name(path)}"):
            try:
                self._files.get_file(self._name(path), str(part))
            except FileNotFoundError:
                part.unlink(missing_ok=True)
                return False
        part.replace(path)
        return True

    def put(self, source: Path, path: Path) -> None:
        """Make the object of the place ``path`` of the file ``source``."""
        with self._naming_failures(f"write {self._name(path)}"):
            self._files.put_file(str(source), self._name(path))

    def write(self, path: Path, content: bytes) -> None:
        """Make the object of the place ``path`` of some bytes."""
        with self._naming_failures(f"write {self._name(path)}"):
            self._files.pipe_file(self._name(path), content)

    def replace_rows(self, rows: Path) -> None:
        """Put a file of parsed rows to its place and remove those of other versions."""
        self.put(rows, rows)
        with self._naming_failures(f"remove older rows beside {self._name(rows)}"):
            older = [n for n in self._files.glob(f"{self._name(rows.parent)}/rows.*.parquet") if not n.endswith(f"/{rows.name}")]
            if older:
                self._files.rm(older)

    def _name(self, path: Path) -> str:
        return f"{self._root}/{path.relative_to(self.copies).as_posix()}"

    @contextmanager
    def _naming_failures(self, what: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            raise StorageFailed(f"{self.url}: cannot {what} ({type(error).__name__}: {error}); check address, keys and network") from error
