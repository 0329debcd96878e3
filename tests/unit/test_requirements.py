"""What is installed is what was pinned, byte by byte, and comes from wherever the machine's own settings say."""

from __future__ import annotations

import re

import pytest

from seller_warehouse.core.home import REPOSITORY

PINNED = re.compile(r"[a-z0-9.-]+(\[[a-z0-9,-]+\])?==\S+( ; [^\\]+)? \\\n(    --hash=sha256:[0-9a-f]{64}( \\)?\n)+(    #.*\n)*")


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-uv.txt"])
def test_every_package_has_a_version_and_hashes_and_nothing_says_where_it_comes_from(name: str) -> None:
    assert PINNED.sub("", (REPOSITORY / name).read_text(encoding="utf-8")) == ""


@pytest.mark.parametrize("name", ["Makefile", "Dockerfile"])
def test_whatever_installs_packages_asks_for_their_hashes(name: str) -> None:
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    installs = [line for line in text.splitlines() if re.search("pip (install|sync)", line)]
    assert installs
    assert [line for line in installs if "--require-hashes" not in line] == []
