"""The channels that alerts go to: URLs of apprise, which hold secrets, so that nothing else ever shows one."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote

import apprise

from seller_warehouse.core.accounts import ConfigurationError

URLS_SETTING = "SELLER_WAREHOUSE_ALERT_URLS"

# Both name whole URLs, tokens included: apprise whatever it says, urllib3 at DEBUG. What apprise says of a failure is passed on without them.
logging.getLogger("apprise").propagate = False
logging.getLogger("urllib3.connectionpool").setLevel(logging.WARNING)


class Channel:
    """Where messages go: one URL of apprise. Neither its name nor what it says of a failure holds a secret."""

    def __init__(self, url: str, place: int) -> None:
        self._apprise, self._url = apprise.Apprise(), url
        if not self._apprise.add(url):
            raise ConfigurationError(f"{URLS_SETTING}: entry {place} is no address that apprise understands; docs/alerts.md shows some")
        self.name = f"{url.split(':')[0].lower()}-{self._apprise[0].url_id()}"

    def send(self, title: str, body: str) -> str:
        """What went wrong; nothing where the message was taken."""
        with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as said:
            if self._apprise.notify(title=title, body=body, notify_type=apprise.NotifyType.WARNING, body_format=apprise.NotifyFormat.TEXT):
                return ""
            problem = " ".join(said.getvalue().split()).rstrip(".")
        for secret in secrets_in(self._url):
            problem = problem.replace(secret, "***")
        return f"{self.name} did not take it: {problem or 'apprise says no reason'}"


def secrets_in(url: str) -> list[str]:
    """The URL, and every part of it that may be a token, longest first."""
    parts = re.split(r"[/?&=@:#]+", url.split("://", 1)[-1])
    return sorted({url, *(p for part in parts for p in (part, unquote(part)) if len(p) >= 8)}, key=len, reverse=True)


def channel_urls(environment: Mapping[str, str]) -> list[str]:
    """The apprise URLs of SELLER_WAREHOUSE_ALERT_URLS, separated by blanks."""
    return environment.get(URLS_SETTING, "").split()


def channels_of(urls: Sequence[str]) -> list[Channel]:
    """The channels. Raises ConfigurationError naming the place of what is none."""
    return [Channel(url, place) for place, url in enumerate(urls, start=1)]
