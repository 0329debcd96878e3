"""Landing in object storage, through fsspec; objects are fetched when needed.

Objects cannot be renamed, but each is either absent or complete. So a document exists once its manifest does, which is written last.
Each object has a path in a local folder of copies (``Home.landing``); functions here take that path.
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
    """The object storage cannot be reached or refuses a request; the message contains the original error."""


@cache
def storage_of(home: Home) -> ObjectStorage | None:
    """The object storage that holds the landing of ``home``; None if landing is a folder."""
    return ObjectStorage(home.landing_url, home.landing) if home.landing_url else None


class ObjectStorage:
    """The objects below ``url``; their local copies are in the folder ``copies``.

    Keys and endpoints come from the settings of the storage's own tools (``AWS_ACCESS_KEY_ID``, ``AWS_ENDPOINT_URL``, a role …).
    Raises ConfigurationError if the package for the URL is not installed.
    """

    def __init__(self, url: str, copies: Path) -> None:
        self.url, self.copies = url, copies
        try:
            # Other processes write there too, so a cached listing is wrong.
            self._files, self._root = fsspec.url_to_fs(url, use_listings_cache=False, skip_instance_cache=True)
        except (ImportError, ValueError) as error:
            package = _PACKAGES.get(urlsplit(url).scheme)
            remedy = f"install the package {package}" if package else f"use a folder, or one of {', '.join(_PACKAGES)}://"
            raise ConfigurationError(f"SELLER_WAREHOUSE_LANDING={url} cannot be opened ({error}); {remedy}") from error

    def manifests(self, place: str = "") -> Iterator[Path]:
        """The path of every document's manifest, in all or below one folder, in a fixed order; also of a document whose manifest is missing."""
        with self._naming_failures(f"list {place or 'everything'}"):
            found = self._files.find(f"{self._root}/{place}" if place else self._root)
        parts_of = (name.removeprefix(f"{self._root}/").split("/") for name in found)
        folders = {tuple(parts[:-1]) for parts in parts_of if len(parts) == _DEPTH and ".." not in parts}
        for folder in sorted(folders):
            yield self.copies.joinpath(*folder, "manifest.json")

    def has(self, path: Path) -> bool:
        """Whether the object exists."""
        with self._naming_failures(f"find {path.name}"):
            return bool(self._files.exists(self._name(path)))

    def read(self, path: Path) -> bytes:
        """The content of the object. Raises FileNotFoundError if it does not exist."""
        content: bytes | None = None
        with self._naming_failures(f"read {self._name(path)}"), suppress(FileNotFoundError):
            content = self._files.cat_file(self._name(path))
        if content is None:
            raise FileNotFoundError(f"{self.url}: {self._name(path)} is not there")
        return content

    def fetch(self, path: Path) -> bool:
        """Copy the object to its local path, unless a copy exists; returns whether the object exists."""
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
        """Write the file ``source`` to the object of ``path``."""
        with self._naming_failures(f"write {self._name(path)}"):
            self._files.put_file(str(source), self._name(path))

    def write(self, path: Path, content: bytes) -> None:
        """Write bytes to the object of ``path``."""
        with self._naming_failures(f"write {self._name(path)}"):
            self._files.pipe_file(self._name(path), content)

    def replace_rows(self, rows: Path) -> None:
        """Write a file of parsed rows and remove those of other parser versions."""
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
