"""Great Expectations' Data Docs: a page for every suite and for each of the last documents, below ``<home>/data_docs``.

They are rendered from what the gate has stored and readers can see: the gate takes no longer for them, and a document that was
refused before any suite could judge it has its page too. Great Expectations' pages fetch styles and scripts from the internet;
these bring their styles along and need no script.
"""

from __future__ import annotations

import html
import importlib.util
import json
import re
import shutil
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC
from pathlib import Path
from typing import Any

import great_expectations as gx
from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult
from great_expectations.core.run_identifier import RunIdentifier
from great_expectations.data_context.types.resource_identifiers import ExpectationSuiteIdentifier, ValidationResultIdentifier
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.render.view.view import DefaultJinjaIndexPageView, DefaultJinjaPageView
from jinja2 import ChoiceLoader, DictLoader

from docsite.inputs import whole_suite
from seller_warehouse.core.documents import Verdict
from seller_warehouse.core.home import Home
from seller_warehouse.readers.published import Published
from seller_warehouse.reports import SPECS

KEPT_DOCUMENTS = 20
"""How many documents of each report have a page: the last that were refused, and as many others."""

UNRECOGNISED = "unrecognised"
"""The suite, without a rule, of files that are no known report."""

_SITE = "What the gate judged"
_NO_EXCEPTION = {"raised_exception": False, "exception_message": None, "exception_traceback": None}
_STYLES = ("bootstrap.min.css", "fontawesome.min.css", "solid.min.css")
_UNFOLDED = """.tab-content > .tab-pane { display: block; opacity: 1; }
.collapse:not(.show) { display: block; }
.nav-tabs { display: none; }
"""
_EXTERNAL = re.compile(r'<(?:link|img)[^>]*"https?://[^>]*>')
_TEMPLATES = {
    "js_script_imports.j2": "",
    "bootstrap_table_js_functions.j2": "",
    "cloud-footer.j2": "",
    "favicon.j2": "",
    # Its filters are buttons that need scripts.
    "sidebar.j2": "",
    "bootstrap_table.j2": """<table class="table table-sm">
  <thead><tr>{% for column in content_block["table_columns"] %}<th>{{ column["title"] }}</th>{% endfor %}</tr></thead>
  <tbody>{% for row in content_block["table_data"] | sort(attribute="_run_time_sort", reverse=true) | sort(attribute="_validation_success_text") %}
    <tr>{% for column in content_block["table_columns"] %}
      <td><a href="{{ row["_table_row_link_path"] }}">{{ row[column["field"]] | render_content_block }}</a></td>{% endfor %}
    </tr>{% endfor %}
  </tbody>
</table>
""",
}


def render_data_docs(home: Home) -> None:
    """Render the pages anew; before the first publication there are suites and no documents."""
    part = home.data_docs.with_name(f".{home.data_docs.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    view = {"module_name": __name__}
    pages = {"view": {**view, "class_name": DocumentPage.__name__}}
    context.add_data_docs_site(
        _SITE,
        {
            "class_name": "SiteBuilder",
            "show_how_to_buttons": False,
            "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(part)},
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder", "view": {**view, "class_name": IndexPage.__name__}},
            # Without a filter of ours it leaves out every run whose name has the word profiling in it.
            "site_section_builders": {"expectations": pages, "validations": {**pages, "run_name_filter": {"not_includes": "\0"}}},
        },
    )
    for suite in (*(whole_suite(spec) for spec in SPECS.values()), gx.ExpectationSuite(name=UNRECOGNISED)):
        for expectation in suite.expectations:
            expectation.description = _described(expectation.severity.value, **expectation.meta)
        context.suites.add(suite)
    results = _results(Published(home)) if home.marts.exists() else {}
    for key, result in results.items():
        context.validation_results_store.set(key, result)
    context.build_data_docs([_SITE])
    if missing := len(results) - len(list(part.glob("validations/**/*.html"))):
        # Great Expectations logs what it could not render, and goes on.
        raise RuntimeError(f"{missing} of {len(results)} documents have no page in the Data Docs; the log says why")
    _copy_styles(part / "static")
    shutil.rmtree(home.data_docs, ignore_errors=True)
    part.replace(home.data_docs)


def _results(published: Published) -> dict[ValidationResultIdentifier, ExpectationSuiteValidationResult]:
    """What the gate said of the last documents, as Great Expectations would say it."""
    documents = published.rows(
        "select run_id, account_id, report, document_id, file_name, retrieved_at, verdict, reason from meta.loads "
        "qualify row_number() over (partition by report, verdict = ? order by loaded_at desc, retrieved_at desc, document_id) <= ?",
        [Verdict.QUARANTINED, KEPT_DOCUMENTS],
    )
    rules: dict[tuple[str, ...], list[ExpectationValidationResult]] = defaultdict(list)
    for *of, rule, severity, passed, what, remedy, failed_count, rows in published.rows("from meta.gate_results order by passed"):
        configuration = ExpectationConfiguration(
            type="unexpected_rows_expectation", kwargs={"unexpected_rows_query": "{batch}"},
            description=_described(severity, rule, what, remedy, json.loads(rows)), meta={},
        )  # fmt: skip
        result = {"observed_value": failed_count}
        rules[*of].append(ExpectationValidationResult(success=passed, expectation_config=configuration, result=result, exception_info=_NO_EXCEPTION))
    found = {}
    for run_id, account_id, report, document_id, file_name, retrieved_at, verdict, reason in documents:
        results = rules[run_id, account_id, report, document_id]
        passed = sum(r.success for r in results)
        at = retrieved_at.replace(tzinfo=UTC)
        name = _path(file_name)
        key = ValidationResultIdentifier(
            expectation_suite_identifier=ExpectationSuiteIdentifier(name=report or UNRECOGNISED),
            run_id=RunIdentifier(run_name=name, run_time=at), batch_identifier=_path(f"{document_id} {run_id}"),
        )  # fmt: skip
        found[key] = ExpectationSuiteValidationResult(
            success=verdict != Verdict.QUARANTINED, results=results, suite_name=report or UNRECOGNISED,
            statistics={
                "evaluated_expectations": len(results), "successful_expectations": passed, "unsuccessful_expectations": len(results) - passed,
                "success_percent": 100 * passed / len(results) if results else None,
            },
            meta={
                "run_id": {"run_name": name, "run_time": at.isoformat()},
                "batch_kwargs": {"data_asset_name": account_id or "no account", "verdict": verdict, "reason": reason or ""},
            },
        )  # fmt: skip
    return found


def _text(value: str) -> str:
    """A text of a file as it may stand in a page: Great Expectations escapes neither markup nor its own placeholders."""
    return html.escape(value).replace("$", "&#36;")


def _path(name: str) -> str:
    return re.sub(r"[^\w .-]+", "_", name)[:120]


def _described(severity: str, rule: str, what: str, remedy: str, rows: Iterable[dict[str, Any]] = ()) -> str:
    """A rule in words, and a line for each offending row."""
    found = ("line " + ", ".join(f"{column} {value}" for column, value in row.items()).removeprefix("_line ") for row in rows)
    return "\n".join(_text(line) for line in (what, f"{severity}: {rule}", remedy, *found) if line)


class _Offline:
    """A page that asks the internet for nothing."""

    env: Any

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.env.loader = ChoiceLoader([DictLoader(_TEMPLATES), self.env.loader])

    def render(self, document: Any, *arguments: Any, **options: Any) -> str:
        """The page, with styles from its own site."""
        depth = {"SiteIndexPageRenderer": 0, "ExpectationSuitePageRenderer": 1}.get(document.renderer_type, 4)
        links = "".join(f'<link rel="stylesheet" href="{"../" * depth}static/css/{name}">' for name in (*_STYLES, "data_docs.css"))
        page: str = super().render(document, *arguments, **options)  # type: ignore[misc]  # of the view beside it
        return _EXTERNAL.sub("", page).replace("</head>", f"{links}</head>")


class DocumentPage(_Offline, DefaultJinjaPageView):
    """The page of a suite or of a document."""


class IndexPage(_Offline, DefaultJinjaIndexPageView):
    """The page that lists them."""


def _copy_styles(static: Path) -> None:
    """The styles that the pages were written for, as MkDocs brings them along."""
    found = importlib.util.find_spec("mkdocs")
    assert found
    assert found.origin
    theme = Path(found.origin).parent / "themes" / "mkdocs"
    for place in (*(f"css/{name}" for name in _STYLES), "webfonts/fa-solid-900.woff2"):
        (static / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(theme / place, static / place)
    (static / "css" / "data_docs.css").write_text(_UNFOLDED, encoding="utf-8")
