"""The pages about inputs and requests say what the code does."""

import pytest

from docsite import requests as describe_requests
from docsite.inputs import PAGE, page
from seller_warehouse.reports import SPECS


@pytest.fixture(scope="module")
def written() -> str:
    return page()


def section_of(name: str, text: str) -> str:
    return text.split(f'<a id="{name}"></a>')[1].split('<a id="')[0]


def test_the_committed_page_is_what_the_command_would_write(written):
    assert PAGE.read_text(encoding="utf-8") == written, "run make docs"
    assert describe_requests.PAGE.read_text(encoding="utf-8") == describe_requests.page(), "run make docs"


def test_requests_of_18_months_are_counted_by_hand():
    # 545 days at most 29 at a time: 19 requests; 59 at a time for each of three marketplaces: 30.
    assert describe_requests.windows_of(SPECS["orders"]) == 19
    assert describe_requests.windows_of(SPECS["mfn_returns"]) == 30
    # 18 pauses of four hours.
    assert "**72 hours, 3.0 days**" in describe_requests.page()


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_every_report_names_its_source_and_every_header_it_understands(spec, written):
    section = section_of(spec.name, written)
    columns = [*spec.columns, *(c for layout in spec.layouts for c in layout.columns)]
    headers = {h for c in columns for h in (c.header, *c.aliases, *c.shared)}
    assert spec.found_at in section
    assert not [h for h in headers if f"`{h}`" not in section]


def test_rules_are_listed_with_their_columns_and_their_severity(written):
    refused, warned = section_of("settlements", written).split("Refused if")[1].split("Loaded with a warning if")
    assert "- the amounts of the settlement do not add up to its total (`settlement_adds_up`)" in refused
    assert "- any of `total-amount`, `amount` is no amount (`…_is_amount`)" in refused
    assert "(`settlement_has_one_currency`)" in warned
