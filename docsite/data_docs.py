"""The page of the gate's results: the last documents of each report, refused ones first, and the rules of each report.

It is written from the published ``meta.loads`` and ``meta.gate_results`` and from the suites, so it costs the gate no time.
It needs no script and nothing from the internet.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

from jinja2 import Environment

from docsite.inputs import whole_suite
from seller_warehouse.core.documents import Verdict
from seller_warehouse.core.home import Home
from seller_warehouse.readers.published import Published
from seller_warehouse.reports import SPECS

KEPT_DOCUMENTS = 20
"""Documents shown of each report: the last refused ones, and as many others."""

_PAGE = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Results of the gate</title>
<style>
body { font: 15px/1.5 sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1rem; }
th, td { border-bottom: 1px solid #ccc; padding: .3rem .6rem; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
summary { cursor: pointer; padding: .2rem 0; }
.refused { color: #b00020; font-weight: bold; }
</style>
</head>
<body>
<h1>Results of the gate</h1>
<p><a href="../index.html">All pages</a></p>
<h2>Documents</h2>
<p>The last {{ kept }} refused documents of each report, and the last {{ kept }} others.</p>
{% for document in documents %}
<details class="document">
<summary>{% if document.verdict == "QUARANTINED" %}<span class="refused">refused</span>{% else %}{{ document.verdict }}{% endif %}
 {{ document.report or "unrecognised" }}: {{ document.file_name or document.document_id }}, {{ document.account_id or "no account" }},
 {{ document.retrieved_at.strftime("%Y-%m-%d %H:%M") }} UTC</summary>
{% if document.reason %}
<p>{{ document.reason }}</p>
{% endif %}
<p>{{ document.passed }} rules hold, {{ document.failed | length }} are broken.</p>
{% if document.failed %}
<table>
<tr><th>severity</th><th>rule</th><th>what, and what to do</th><th>rows</th></tr>
{% for result in document.failed %}
<tr><td>{{ result.severity }}</td><td>{{ result.rule }}</td><td>{{ result.what }}<br>{{ result.remedy }}</td>
<td>{{ result.failed_count }}{% for row in result.found %}<br>{{ row }}{% endfor %}</td></tr>
{% endfor %}
</table>
{% endif %}
</details>
{% else %}
<p>Nothing is published yet.</p>
{% endfor %}
<h2>Rules</h2>
{% for name, rules in suites.items() %}
<details id="{{ name }}">
<summary>{{ name }}: {{ rules | length }} rules</summary>
<table>
<tr><th>severity</th><th>rule</th><th>broken if</th><th>what to do</th></tr>
{% for rule in rules %}
<tr><td>{{ rule.severity.value }}</td><td>{{ rule.meta.rule }}</td><td>{{ rule.meta.what }}</td><td>{{ rule.meta.remedy }}</td></tr>
{% endfor %}
</table>
</details>
{% endfor %}
</body>
</html>
""")


def page(home: Home) -> str:
    """The page as HTML; before the first publication it has rules and no documents."""
    documents = _documents(Published(home)) if home.marts.exists() else []
    suites = {name: whole_suite(spec).expectations for name, spec in SPECS.items()}
    return _PAGE.render(kept=KEPT_DOCUMENTS, documents=documents, suites=suites)


def _documents(published: Published) -> list[dict[str, Any]]:
    """The last documents of each report with the rules that they break, refused ones first."""
    documents = _records(
        published,
        "select * from meta.loads "
        "qualify row_number() over (partition by report, verdict = $refused order by loaded_at desc, retrieved_at desc, document_id) <= $kept "
        "order by verdict <> $refused, loaded_at desc, report, account_id, retrieved_at desc, document_id",
        {"refused": Verdict.QUARANTINED, "kept": KEPT_DOCUMENTS},
    )
    results = defaultdict(list)
    for result in _records(published, "from meta.gate_results order by severity, rule"):
        results[_judgement(result)].append(result | {"found": [_row(row) for row in json.loads(result["rows"])]})
    return [
        document | {"failed": [r for r in of if not r["passed"]], "passed": sum(r["passed"] for r in of)}
        for document in documents
        for of in [results[_judgement(document)]]
    ]


def _records(published: Published, sql: str, parameters: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    return published.cursor().execute(sql, parameters or {}).to_arrow_table().to_pylist()


def _judgement(record: dict[str, Any]) -> tuple[str, ...]:
    return tuple(record[name] for name in ("run_id", "account_id", "report", "document_id"))


def _row(row: dict[str, Any]) -> str:
    return "line " + ", ".join(f"{column} {value}" for column, value in row.items()).removeprefix("_line ")
