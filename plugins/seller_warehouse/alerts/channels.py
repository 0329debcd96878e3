"""The channels for alerts: apprise URLs, which contain secrets and so never leave this module in messages or logs."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote

import apprise

from seller_warehouse.core.accounts import ConfigurationError

URLS_SETTING = "SELLER_WAREHOUSE_ALERT_URLS"

# Both log whole URLs, tokens included: apprise at any level, urllib3 at DEBUG. Channel.send passes apprise's messages on without secrets.
logging.getLogger("apprise").propagate = False
logging.getLogger("urllib3.connectionpool").setLevel(logging.WARNING)


class Channel:
    """One apprise URL. Neither its name nor its error messages contain secrets."""

    def __init__(self, url: str, place: int) -> None:
        self._apprise, self._url = apprise.Apprise(), url
        if not self._apprise.add(url):
            raise ConfigurationError(f"{URLS_SETTING}: entry {place} is not a URL that apprise understands; docs/alerts.md has examples")
        self.name = f"{url.split(':')[0].lower()}-{self._apprise[0].url_id()}"

    def send(self, title: str, body: str) -> str:
        """Send a message; returns the problem, or blank if the channel accepted it."""
        with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as logged:
            if self._apprise.notify(title=title, body=body, notify_type=apprise.NotifyType.WARNING, body_format=apprise.NotifyFormat.TEXT):
                return ""
            problem = " ".join(logged.getvalue().split()).rstrip(".")
        for secret in secrets_in(self._url):
            problem = problem.replace(secret, "***")
        return f"{self.name} did not take it: {problem or 'apprise gives no reason'}"


def secrets_in(url: str) -> list[str]:
    """The URL and every part of it that may be a token, longest first."""
    parts = re.split(r"[/?&=@:#]+", url.split("://", 1)[-1])
    return sorted({url, *(p for part in parts for p in (part, unquote(part)) if len(p) >= 8)}, key=len, reverse=True)


def channel_urls(environment: Mapping[str, str]) -> list[str]:
    """The apprise URLs of SELLER_WAREHOUSE_ALERT_URLS, separated by blanks."""
    return environment.get(URLS_SETTING, "").split()


def channels_of(urls: Sequence[str]) -> list[Channel]:
    """The channels. Raises ConfigurationError with the position of an invalid URL."""
    return [Channel(url, place) for place, url in enumerate(urls, start=1)]
