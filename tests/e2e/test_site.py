"""The documentation as a site: complete, without broken links or anything from the internet, and with every refusal readable."""

from __future__ import annotations

import html
import re
import shutil
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote

import pytest

from docsite import data_docs
from docsite import site as site_module
from docsite.site import SiteFailed, build_site
from seller_warehouse.core.home import REPOSITORY, Home
from tests.support import AT, Warehouse, reimbursements


@pytest.fixture(scope="module")
def site(five_lines: Warehouse) -> Path:
    """The site of a home with good files, one with markup in an amount, and one that is no report."""
    warehouse, later = five_lines, AT + timedelta(minutes=1)
    warehouse.drop("older.txt", reimbursements({"approval-date": "2026-10-02", "reimbursement-id": "1000"}), at=AT - timedelta(days=1))
    warehouse.drop("good.txt", reimbursements({}), at=later)
    warehouse.drop("<b>bad</b> profiling.txt", reimbursements({"amount-total": "<script>alert($x)</script>"}, {"approval-date": "yesterday"}))
    warehouse.drop("other.txt", "a\tb\n1\t2\n")
    assert len(warehouse.load("later", later)) == 2
    warehouse.publish("later", later, build=False)
    return build_site(warehouse.home).parent


def links(page: Path) -> set[str]:
    return set(re.findall(r'<(?:a|link|img|script)\s[^>]*?(?:href|src)="([^"]+)"', page.read_text(encoding="utf-8")))


def test_site_has_its_three_parts_and_the_first_page_links_to_them(site: Path) -> None:
    assert {"dbt/index.html", "data_docs/index.html", "connect.html", "cookbook.html"} <= links(site / "index.html")
    assert "claims_to_file" in (site / "dbt" / "index.html").read_text(encoding="utf-8")


def test_no_link_leads_nowhere(site: Path) -> None:
    # dbt's page and 404.html make their links from the root of a server.
    pages = [p for p in site.rglob("*.html") if p.parent.name != "dbt" and p.name != "404.html"]
    local = {
        (p, unquote(html.unescape(link)).split("#")[0]) for p in pages for link in links(p) if not re.match(r"https?:|mailto:|#|javascript:", link)
    }
    assert [(str(p), link) for p, link in local if link and not (p.parent / link).exists()] == []


def test_nothing_is_fetched_from_the_internet(site: Path) -> None:
    fetched = re.compile(r'<(?:script|img|iframe)[^>]*src="?https?:[^>]*>|<link[^>]*rel="?(?:stylesheet|preconnect)"?[^>]*href="?https?:[^>]*>')
    assert [(str(p), found) for p in site.rglob("*.html") if (found := fetched.findall(p.read_text(encoding="utf-8")))] == []


def documents(text: str) -> list[str]:
    """The page's section of each document, in order."""
    return re.findall(r'<details class="document">.*?</details>', text, flags=re.DOTALL)


def document(site: Path, name: str) -> str:
    (found,) = (d for d in documents((site / "data_docs" / "index.html").read_text(encoding="utf-8")) if name in d)
    return found


def test_refused_document_shows_its_rules_and_rows_as_text(site: Path) -> None:
    page = document(site, "profiling")
    shown = html.unescape(re.sub(r"<[^>]+>", " ", page))
    assert "refused" in shown
    assert "2 are broken" in shown
    assert "amount_total_is_amount" in shown
    assert "line 2, amount_total <script>alert($x)</script>" in shown
    assert "line 3, approval_date yesterday" in shown
    assert "<script>alert" not in page
    assert "<b>bad" not in page


def test_file_that_no_suite_could_judge_is_shown(site: Path) -> None:
    assert "unknown_header" in document(site, "other.txt")


def test_index_begins_with_what_was_refused(site: Path) -> None:
    index = (site / "data_docs" / "index.html").read_text(encoding="utf-8")
    assert max(index.index("profiling"), index.index("other.txt")) < index.index("good.txt")


def test_site_is_built_before_anything_is_loaded(tmp_path: Path) -> None:
    first = build_site(Home(tmp_path / "home"))
    gate = (first.parent / "data_docs" / "index.html").read_text(encoding="utf-8")
    assert documents(gate) == []
    assert "amount_total_is_amount" in gate.split('<details id="reimbursements">')[1].split("</details>")[0]
    assert (first.parent / "dbt" / "index.html").is_file()


def test_documents_are_kept_to_a_bound_and_refused_ones_are_not_pushed_out(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two refused files and three good ones, of which one is kept per report."""
    monkeypatch.setattr(data_docs, "KEPT_DOCUMENTS", 1)
    shown = documents(data_docs.page(Home(site.parent)))
    assert [len([d for d in shown if name in d]) for name in ("profiling", "other.txt", "good.txt", "older.txt")] == [1, 1, 1, 0]


def test_broken_link_fails_and_the_last_site_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(REPOSITORY / "docs", tmp_path / "docs")
    shutil.copy(REPOSITORY / "mkdocs.yml", tmp_path)
    (tmp_path / "docs" / "index.md").write_text("# Home\n\n[nowhere](nowhere.md)\n", encoding="utf-8")
    home = Home(tmp_path / "home")
    home.site.mkdir(parents=True)
    monkeypatch.setattr(site_module, "REPOSITORY", tmp_path)
    with pytest.raises(SiteFailed, match=r"nowhere\.md"):
        build_site(home)
    assert home.site.is_dir()
