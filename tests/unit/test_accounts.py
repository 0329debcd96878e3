"""Accounts and their marketplaces, and the format of numbers, dates and text in their files."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from seller_warehouse.core.accounts import Account, ConfigurationError, load_accounts, marketplaces
from seller_warehouse.core.home import REPOSITORY
from seller_warehouse.core.report_spec import ISO, LOCAL

US, CA, UK, DE, JP = "ATVPDKIKX0DER", "A2EUQ1WTGCTBG2", "A1F83G8C2ARO7P", "A1PA6795UKMFR9", "A1VC38T7YXB528"
PL, TR, AE = "A1C3SOZRARQ6R3", "A33AVAJ2PDY3EV", "A2VIGQ35RCS4UG"

VALID = """
accounts:
  - {id: acme-na, name: Acme, region: na, marketplaces: [ATVPDKIKX0DER], source: files}
"""


def account(region: str, *ids: str, **rest: object) -> Account:
    return Account(id="a", name="A", region=region, marketplaces=ids, source="files", **rest)


def written(folder: Path, content: str) -> Path:
    path = folder / "accounts.yaml"
    path.write_text(content, encoding="utf-8")
    return path


def test_the_shipped_example_is_valid() -> None:
    accounts = load_accounts(REPOSITORY / "accounts.example.yaml")
    assert {a.id: (a.region, a.marketplaces) for a in accounts.values()} == {"acme-na": ("na", (US, CA)), "acme-eu": ("eu", (DE, UK))}


def test_accounts_may_stand_in_a_plain_list_too(tmp_path: Path) -> None:
    assert list(load_accounts(written(tmp_path, VALID.replace("accounts:\n", "")))) == ["acme-na"]


@pytest.mark.parametrize("ids", ["[41000000012]", "['41000000012']"])
def test_settlements_that_may_load_unbalanced_are_named_with_or_without_quotes(tmp_path: Path, ids: str) -> None:
    accounts = load_accounts(written(tmp_path, VALID.replace("source: files", f"source: files, accept_unbalanced_settlements: {ids}")))
    assert accounts["acme-na"].accept_unbalanced_settlements == ("41000000012",)


def test_a_missing_file_says_what_to_copy(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"accounts\.yaml: there is no accounts file; copy accounts\.example\.yaml"):
        load_accounts(tmp_path / "accounts.yaml")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("[ATVPDKIKX0DER]", "[ATVPDKIKX0DEX]"), "unknown marketplace id 'ATVPDKIKX0DEX'"),
        (("[ATVPDKIKX0DER]", "[ATVPDKIKX0DER, A1PA6795UKMFR9]"), "marketplace A1PA6795UKMFR9 is in region 'eu', not 'na'"),
        (("[ATVPDKIKX0DER]", "[]"), "marketplaces"),
        (("region: na", "region: moon"), "region"),
        (("source: files", "source: carrier-pigeon"), "source"),
        (("source: files", "source: files, password: hunter2"), "password"),
        (("name: Acme, ", ""), "name"),
        (("id: acme-na", "id: ../acme"), "id"),
        (("id: acme-na", "id: Acme NA"), "id"),
        (("accounts:", "sellers:"), "accounts"),
        (("}", ""), "accounts.example.yaml"),
        ((VALID, ""), "accounts.example.yaml"),
    ],
    ids=lambda v: v if isinstance(v, str) else None,
)
def test_a_wrong_setting_names_the_file_and_the_rule(tmp_path: Path, change: tuple[str, str], says: str) -> None:
    assert change[0] in VALID
    path = written(tmp_path, VALID.replace(*change))
    with pytest.raises(ConfigurationError) as error:
        load_accounts(path)
    assert str(path) in str(error.value)
    assert says in str(error.value)


def test_an_account_id_may_not_stand_twice(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="an account id appears twice"):
        load_accounts(written(tmp_path, VALID + VALID.splitlines()[-1]))


@pytest.mark.parametrize(
    ("seller", "expected"),
    [
        (account("na", US, CA), False),
        (account("eu", UK), False),
        (account("eu", UK, DE), True),
        (account("eu", UK, DE, decimal_comma=False), False),
        (account("na", US, decimal_comma=True), True),
    ],
)
def test_a_decimal_comma_is_possible_where_a_marketplace_or_a_setting_says_so(seller: Account, expected: bool) -> None:
    assert seller.writes_decimal_comma is expected


@pytest.mark.parametrize(
    ("seller", "expected"),
    [
        (account("fe", JP), "cp932"),
        (account("eu", DE), "cp1252"),
        (account("na", US), "cp1252"),
        (account("eu", DE, TR), "cp1254"),
        (account("eu", PL, DE), "cp1250"),
        (account("eu", AE, UK), "cp1256"),
        (account("eu", UK, AE), "cp1252"),
        # In Polish "à" would be another letter, and most of this account's text is German.
        (account("eu", DE, PL), "cp1252"),
    ],
)
def test_text_that_is_not_utf8_is_read_as_the_sellers_country_writes_it(seller: Account, expected: str) -> None:
    assert seller.fallback_charset == expected


def test_local_dates_are_tried_in_the_order_of_the_marketplaces_after_iso() -> None:
    assert account("na", US, CA).date_formats((LOCAL,)) == (ISO, "%m/%d/%y", "%m/%d/%Y", "%d/%m/%y", "%d/%m/%Y")
    assert account("na", CA, US).date_formats((LOCAL,)) == (ISO, "%d/%m/%y", "%d/%m/%Y", "%m/%d/%y", "%m/%d/%Y")
    assert account("eu", DE).date_formats(("%d-%b-%Y", LOCAL)) == ("%d-%b-%Y", ISO, "%d.%m.%y", "%d.%m.%Y")
    assert account("eu", DE).date_formats((ISO,)) == (ISO,)


def test_the_days_of_an_account_are_those_of_its_home_marketplace_or_its_setting() -> None:
    assert account("eu", DE, UK).home_time_zone == "Europe/Berlin"
    assert account("eu", UK, DE).home_time_zone == "Europe/London"
    assert account("eu", DE, time_zone="Europe/Vienna").home_time_zone == "Europe/Vienna"


def test_every_marketplace_is_complete_and_its_time_zone_exists() -> None:
    assert len(marketplaces()) == 23
    for m in marketplaces().values():
        assert all(m.model_dump().values()), m
        assert m.decimal_mark in ".,"
        assert m.region in ("na", "eu", "fe")
        assert ZoneInfo(m.time_zone).key == m.time_zone
