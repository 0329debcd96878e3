"""Build the documentation as one site in ``<home>/site``: the pages of ``docs/``, dbt's page, and the gate's results.

::

    site/index.html              MkDocs; a broken link fails the build
    site/dbt/index.html          every model, column and test in one page
    site/data_docs/index.html    the last documents with the rules that they break, and all rules

The site is replaced as a whole; it needs no server and nothing from the internet.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from filelock import FileLock

from docsite import data_docs
from seller_warehouse.core.home import DBT_PROJECT, REPOSITORY, Home, shown
from seller_warehouse.core.ports import LOCAL, host_name

LOOK_SECONDS = 60


class SiteFailed(Exception):
    """A part of the site could not be built; the message ends with the tool's own output. The last site is kept."""


def build_site(home: Home) -> Path:
    """Build the site of a home; returns its first page.

    Without a build database dbt's page has no catalogue, and without a publication the gate's page has no documents.
    Raises SiteFailed.
    """
    part = home.site.with_name(f".{home.site.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    # No --quiet: it drops the warnings that --strict counts.
    _run("mkdocs", "build", "--strict", "--config-file", str(REPOSITORY / "mkdocs.yml"), "--site-dir", str(part))
    _add_dbt_page(home, part / "dbt")
    (part / "data_docs").mkdir()
    (part / "data_docs" / "index.html").write_text(data_docs.page(home), encoding="utf-8")
    shutil.rmtree(home.site, ignore_errors=True)
    part.replace(home.site)
    return home.site / "index.html"


def _add_dbt_page(home: Home, folder: Path) -> None:
    target, has_tables = home.root / "dbt" / "docs", home.warehouse.exists()
    database = home.warehouse if has_tables else target / "empty.duckdb"
    target.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{database}.lock"):
        _run(
            "dbt", "docs", "generate", "--static", *([] if has_tables else ["--empty-catalog"]),
            "--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT), "--target-path", str(target), "--log-path", str(target),
            environment={"SELLER_WAREHOUSE_DATABASE": database.name}, folder=database.parent,
        )  # fmt: skip
    folder.mkdir()
    shutil.copyfile(target / "static_index.html", folder / "index.html")


def _run(tool: str, *arguments: str, environment: dict[str, str] | None = None, folder: Path = REPOSITORY) -> None:
    command = [str(Path(sys.executable).with_name(tool)), *arguments]
    ran = subprocess.run(
        command, cwd=folder, env={**os.environ, **(environment or {})}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if ran.returncode:
        raise SiteFailed(f"{tool} failed; the last site is kept:\n" + "\n".join(ran.stdout.splitlines()[-20:]))


class Handler(SimpleHTTPRequestHandler):
    """Files of the site, for this machine only: requests must use its own names, so that no web page can read them (DNS rebinding)."""

    timeout = 10
    """Seconds to wait for a request."""

    server_version, sys_version = "docs", ""

    def parse_request(self) -> bool:
        """Refuse a request for another host."""
        if not super().parse_request():
            return False
        if host_name(self.headers.get("Host", "")) in LOCAL:
            return True
        self.send_error(400, "the documentation answers to localhost and 127.0.0.1 alone")
        return False

    def end_headers(self) -> None:
        """Forbid guessing of content types, and frames of other sites."""
        for name, value in {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "frame-ancestors 'none'"}.items():
            self.send_header(name, value)
        super().end_headers()

    def translate_path(self, path: str) -> str:
        """The file of a request's path; a missing file if the path has a NUL, which opening would reject."""
        return super().translate_path(path).replace("\0", "\ufffd")

    def list_directory(self, path: str | os.PathLike[str]) -> None:
        """A folder without a page is not listed."""
        self.send_error(404)


def serve(home: Home, port: int) -> None:
    """Serve the site to this machine, and rebuild it after every publication. Raises SiteFailed if the first build fails."""
    handler = partial(Handler, directory=str(home.site))
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        published = _publication(home)
        build_site(home)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        while True:
            time.sleep(LOOK_SECONDS)
            if published != _publication(home):
                published = _publication(home)
                try:
                    build_site(home)
                except SiteFailed as failed:
                    print(failed, file=sys.stderr, flush=True)


def _publication(home: Home) -> Path:
    return home.marts.resolve()


def main() -> None:
    """Build the site of the home that the environment names; with a port, serve it too."""
    parser = argparse.ArgumentParser(prog="python -m docsite.site", description=__doc__)
    parser.add_argument("--serve", type=int, metavar="PORT", help="serve the site to this machine until stopped")
    port, home = parser.parse_args().serve, Home.from_environment()
    try:
        if port:
            serve(home, port)
        print(f"built {shown(build_site(home))}")
    except SiteFailed as failed:
        sys.exit(str(failed))


if __name__ == "__main__":
    main()
