"""What a home holds is its owner's alone from the first byte, and that of an earlier version becomes it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from seller_warehouse.core.home import UMASK, Home, restrict_permissions, write_atomically
from seller_warehouse.ingest.warehouse import open_warehouse
from tests.support import rights


@pytest.fixture(autouse=True)
def shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The umask of a usual shell, and none in the environment."""
    monkeypatch.delenv(UMASK, raising=False)
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_what_is_written_once_the_home_is_known_is_for_its_owner_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SELLER_WAREHOUSE_HOME", str(tmp_path / "home"))
    home = Home.from_environment()
    with open_warehouse(home.warehouse):
        pass
    write_atomically(home.landing / "acme" / "manifest.json", b"{}")
    assert rights(home.root) == {0o700, 0o600}


def test_a_group_may_read_where_the_setting_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SELLER_WAREHOUSE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv(UMASK, "027")
    home = Home.from_environment()
    write_atomically(home.landing / "manifest.json", b"{}")
    restrict_permissions(home)
    assert rights(home.root) == {0o750, 0o640}


@pytest.mark.parametrize("setting", ["77", "0o077", "777", "700", "owner", "-1", "088"])
def test_a_setting_that_is_no_umask_or_denies_the_owner_is_refused(setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(UMASK, setting)
    with pytest.raises(SystemExit, match=r"write 077 \(the owner alone\), or 027"):
        Home.from_environment()


def open_home(folder: Path) -> Home:
    """A home as an earlier version has left it, its landing elsewhere."""
    home = Home(folder / "home", str(folder / "landing"))
    for path in (home.warehouse, home.landing / "acme" / "document.gz", home.published / "1" / "seller_warehouse.duckdb", home.airflow / "run.sh"):
        write_atomically(path, b"")
    (home.airflow / "run.sh").chmod(0o755)
    home.exports.symlink_to("published/1")
    (home.root / "elsewhere").symlink_to(folder / "outside")
    write_atomically(folder / "outside" / "file", b"")
    (home.root / "file elsewhere").symlink_to(folder / "outside" / "file")
    return home


def test_an_open_home_and_its_landing_are_closed_and_what_is_linked_is_left_alone(tmp_path: Path) -> None:
    home = open_home(tmp_path)
    assert rights(home.root) == {0o755, 0o644}
    restrict_permissions(home)
    assert rights(home.root) | rights(home.landing) == {0o700, 0o600}
    assert rights(tmp_path / "outside") == {0o755, 0o644}


def test_the_folder_itself_comes_last_so_that_a_killed_one_is_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, chmod = open_home(tmp_path), Path.chmod

    def killed(path: Path, mode: int) -> None:
        if path.name == "run.sh":
            raise KeyboardInterrupt
        chmod(path, mode)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "chmod", killed)
        with pytest.raises(KeyboardInterrupt):
            restrict_permissions(home)
    restrict_permissions(home)
    assert rights(home.root) | rights(home.landing) == {0o700, 0o600}


def test_a_closed_home_is_not_walked_again(tmp_path: Path) -> None:
    home = open_home(tmp_path)
    restrict_permissions(home)
    # A rule of access of somebody's own, in a folder that others cannot reach anyway.
    home.published.chmod(0o750)
    restrict_permissions(home)
    assert home.published.stat().st_mode & 0o777 == 0o750
