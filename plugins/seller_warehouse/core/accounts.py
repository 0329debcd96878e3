"""The accounts of ``accounts.yaml``: who sells where, and how their files write numbers and dates."""

from __future__ import annotations

import csv
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import available_timezones

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator

from seller_warehouse.core.home import MARKETPLACES_SEED
from seller_warehouse.core.report_spec import ISO, LOCAL

WIDER_CHARSETS = ("cp932", "cp1254")
"""Charsets that decode more than their own language: cp932 most Western text, cp1254 the letters of all Western languages but Icelandic."""


class ConfigurationError(Exception):
    """A setting is missing or wrong; the message names it, its place and the remedy."""


class Marketplace(BaseModel):
    """One row of ``seeds/marketplaces.csv``."""

    model_config = ConfigDict(frozen=True)
    marketplace_id: str
    country_code: str
    region: str
    sales_channel: str
    currency_code: str
    decimal_mark: str
    date_format: str
    feedback_date_format: str
    charset: str
    time_zone: str


@cache
def marketplaces() -> dict[str, Marketplace]:
    """Amazon's marketplaces by id (developer docs, Marketplace IDs)."""
    with MARKETPLACES_SEED.open(encoding="utf-8", newline="") as stream:
        return {row["marketplace_id"]: Marketplace(**row) for row in csv.DictReader(stream)}


def _as_text(number: object) -> object:
    # YAML reads an id without quotes as a number.
    return str(number) if isinstance(number, int) and not isinstance(number, bool) else number


class Account(BaseModel):
    """One seller in one Amazon region.

    ``accept_unbalanced_settlements``: ids of settlements to load although their lines do not add up to their total.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
    name: str
    region: Literal["na", "eu", "fe"]
    marketplaces: tuple[str, ...] = Field(min_length=1)
    source: Literal["sp_api", "files"]
    time_zone: str | None = None
    decimal_comma: bool | None = None
    damaged_inventory_kept_since: date | None = None
    accept_unbalanced_settlements: tuple[Annotated[str, BeforeValidator(_as_text)], ...] = ()
    returns_evaluation_off_since: date | None = None

    @field_validator("marketplaces")
    @classmethod
    def _known(cls, ids: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [i for i in ids if i not in marketplaces()]
        if unknown:
            raise ValueError(f"unknown marketplace id {unknown[0]!r}; seeds/marketplaces.csv lists the known ones")
        return ids

    @field_validator("time_zone")
    @classmethod
    def _exists(cls, time_zone: str | None) -> str | None:
        if time_zone is not None and time_zone not in available_timezones():
            raise ValueError(f"there is no time zone {time_zone!r}; write one such as Europe/Berlin or America/Los_Angeles")
        return time_zone

    @model_validator(mode="after")
    def _one_region(self) -> Account:
        for i in self.marketplaces:
            if marketplaces()[i].region != self.region:
                raise ValueError(f"marketplace {i} is in region {marketplaces()[i].region!r}, not {self.region!r}; one account is one region")
        return self

    def in_marketplace(self, marketplace_id: str) -> Account:
        """The account restricted to one marketplace, whose date formats then apply; unchanged if it does not sell there."""
        return self.model_copy(update={"marketplaces": (marketplace_id,)}) if marketplace_id in self.marketplaces else self

    @property
    def writes_decimal_comma(self) -> bool:
        """Whether ``12,50`` can be a number in this account's files."""
        if self.decimal_comma is not None:
            return self.decimal_comma
        return any(marketplaces()[i].decimal_mark == "," for i in self.marketplaces)

    @property
    def fallback_charset(self) -> str:
        """The charset of text that is not UTF-8: that of the first marketplace, or a wider one that another marketplace uses."""
        used = [marketplaces()[i].charset for i in self.marketplaces]
        return next((c for c in WIDER_CHARSETS if c in used), used[0])

    @property
    def home_time_zone(self) -> str:
        """The time zone of the account's days: the account's setting, else that of its first marketplace."""
        return self.time_zone or marketplaces()[self.marketplaces[0]].time_zone

    def date_formats(self, formats: tuple[str, ...]) -> tuple[str, ...]:
        """The formats to try, in order; LOCAL is replaced by those of the account's marketplaces."""
        local = [f for i in self.marketplaces for f in (marketplaces()[i].feedback_date_format, marketplaces()[i].date_format)]
        chosen = [f for given in formats for f in ((ISO, *local) if given == LOCAL else (given,))]
        return tuple(dict.fromkeys(chosen))


def load_accounts(path: Path) -> dict[str, Account]:
    """The accounts of the file at ``path``, by id.

    Raises ConfigurationError naming the file, the account and the rule.
    """
    if not path.exists():
        raise ConfigurationError(f"{path}: there is no accounts file; copy accounts.example.yaml to it and name your accounts")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        entries = content["accounts"] if isinstance(content, dict) else content
        accounts = [Account(**entry) for entry in entries or ()]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError, TypeError, KeyError) as error:
        raise ConfigurationError(f"{path}: not a valid list of accounts; compare with accounts.example.yaml: {error}") from error
    if not accounts:
        raise ConfigurationError(f"{path}: no account is named; compare with accounts.example.yaml")
    by_id = {a.id: a for a in accounts}
    if len(by_id) != len(accounts):
        raise ConfigurationError(f"{path}: an account id appears twice; each account needs its own id")
    return by_id
