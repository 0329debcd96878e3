"""What files and readers may write into a page, a message or an address runs nothing, fetches nothing and leads nowhere."""

from __future__ import annotations

import html
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from html.parser import HTMLParser
from http.client import HTTPConnection
from http.server import ThreadingHTTPServer

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import parts
from docsite import data_docs
from docsite.site import Handler
from seller_warehouse.alerts.delivery import notices
from seller_warehouse.alerts.events import AlertKind, Event
from seller_warehouse.core.home import REPOSITORY

# The dashboard


@pytest.mark.parametrize(
    ("address", "shown"),
    {
        "https://images.example.com/a.jpg?size=1,2": True, "HTTPS://images.example.com/a.jpg": True, "http://images.example.com/a.jpg": False,
        "javascript:alert('https://x')": False, "data:image/svg+xml,<svg/>": False, "//images.example.com/a.jpg": False, "/a.jpg": False,
        "file:///etc/passwd": False, " https://images.example.com/a.jpg": False, "https://": False, "https:///a": False, "ftp://x": False,
    }.items(),
)  # fmt: skip
def test_only_a_picture_of_https_is_fetched(address: str, shown: bool) -> None:
    assert parts.https_only(address) == (address if shown else None)


def test_a_table_fetches_no_other_picture() -> None:
    def page() -> None:
        import pyarrow

        from dashboard import parts

        parts.grid(pyarrow.table({"image_url": ["http://evil.example/a.png", "https://b.example/b.png", None]}), "t", labels={"image_url": "Image"})

    (shown,) = AppTest.from_function(page).run().dataframe
    assert shown.value["image_url"].fillna("").tolist() == ["", "https://b.example/b.png", ""]


@pytest.mark.parametrize(
    "text", ["113-1", "![x](http://evil.example/p.png)", "`code` ``and``", "a\nb # c", "<img src=x>", "https://evil.example", ":red[x]"]
)
def test_a_text_of_a_report_is_no_markdown(text: str) -> None:
    quoted = parts.verbatim(text)
    fence = quoted.split(" ", 1)[0]
    assert set(fence) == {"`"}
    assert quoted == f"{fence} {' '.join(text.split())} {fence}"
    assert fence not in text
    assert "\n" not in quoted


def test_no_text_with_a_value_is_html_or_an_unquoted_name_of_a_file() -> None:
    for path in (REPOSITORY / "dashboard").glob("*.py"):
        source = path.read_text(encoding="utf-8")
        assert "unsafe_allow_html" not in source, path
        # The one piece of HTML is a constant.
        assert source.count("st.html(") == (path.name == "app.py"), path
        assert "LinkColumn" not in source, path


# Alerts


def test_a_message_holds_no_link_but_that_to_the_dashboard_and_mentions_nobody() -> None:
    said = "<b>.txt @everyone [click](http://evil.example) ![x](https://evil.example/p.png) <!channel> www.evil.example mailto:x@evil.example, line 2"
    event = Event(key="k", kind=AlertKind.DOCUMENT_REFUSED, account_id="acme-na", message=said)
    ((notice),) = notices([event], "https://warehouse.example")
    line, link = notice.body.splitlines()
    assert link == "https://warehouse.example/health?account=acme-na"
    assert line.replace("\u2060", "") == said
    for begin in ("://", "@e", "](", "<b", "<!", "www.", "mailto:"):
        assert begin not in line


# The documentation


class Elements(HTMLParser):
    """The names of the elements of a page, and the attributes by which one runs something or leads away."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.addresses: set[str | None] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.addresses |= {value for name, value in attrs if name in ("href", "src") or name.startswith("on")}


def test_nothing_of_a_document_becomes_an_element_of_the_page_about_the_gate() -> None:
    hostile = "</p></details><script>alert(1)</script><img src=x onerror=alert(1)><a href='javascript:alert(1)'>\"'&lt;"
    result = dict.fromkeys(("severity", "rule", "what", "remedy", "failed_count"), hostile) | {"found": [hostile]}
    document = dict.fromkeys(("verdict", "report", "file_name", "account_id", "reason", "passed"), hostile)
    document |= {"retrieved_at": datetime(2026, 11, 20, tzinfo=UTC), "failed": [result]}
    text = data_docs._PAGE.render(kept=1, documents=[document], suites={})
    page = Elements(text)
    assert page.names == {
        "html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "a", "details", "summary", "table", "tr", "th", "td", "br",
    }  # fmt: skip
    assert page.addresses == {"../index.html"}
    # It is shown, so that its reader sees what the file holds.
    assert html.unescape(text).count("onerror=alert(1)") == 12


@pytest.fixture(scope="module")
def docs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a site of two pages, a secret beside it."""
    folder = tmp_path_factory.mktemp("docs")
    (folder / "site" / "sub").mkdir(parents=True)
    (folder / "site" / "index.html").write_text("first page")
    (folder / "site" / "sub" / "page.html").write_text("second page")
    (folder / "secret").write_text("secret")

    class Quiet(Handler):
        timeout = 0.4

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder / "site"))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def asked(port: int, path: str, host: str = "127.0.0.1") -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", path, headers={"Host": host})
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def test_pages_are_served_and_neither_what_lies_beside_them_nor_a_list_of_them(docs: int) -> None:
    assert asked(docs, "/") == (200, "first page")
    assert asked(docs, "/sub/page.html") == (200, "second page")
    for path in ("/sub/", "/../secret", "/%2e%2e/secret", "/sub/../../secret", "/..%2fsecret", "//secret", "/sub/%00", "/secret"):
        status, text = asked(docs, path)
        assert (status, "page.html" in text) == (404, False), path


@pytest.mark.parametrize(("host", "status"), {"localhost:8503": 200, "[::1]": 200, "evil.example": 400, "evil.example:8503": 400, "": 400}.items())
def test_documentation_answers_to_names_of_this_machine_alone(host: str, status: int, docs: int) -> None:
    assert asked(docs, "/", host)[0] == status


def test_who_sends_nothing_is_not_waited_for(docs: int) -> None:
    assert Handler.timeout == 10
    with socket.create_connection(("127.0.0.1", docs), timeout=20) as connection:
        assert connection.recv(1) == b""


def test_names_of_columns_that_a_file_chose_are_text_in_the_grid_of_its_rows() -> None:
    def page() -> None:
        import pyarrow

        from dashboard import parts

        parts.grid(pyarrow.Table.from_pylist([{"<b>x</b>": "1"}]), "offending_rows")

    app = AppTest.from_function(page).run()
    assert not app.exception
    assert app.dataframe[0].value.columns.tolist() == ["<b>x</b>"]
    assert not app.markdown
