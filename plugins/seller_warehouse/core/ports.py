"""The local port of each web page, and the host names it accepts."""

from __future__ import annotations

import os
import random
import socket
from urllib.parse import urlsplit

from seller_warehouse.core.accounts import ConfigurationError

AIRFLOW, DASHBOARD, SERVICE, DOCS = (f"SELLER_WAREHOUSE_{name}PORT" for name in ("", "DASHBOARD_", "SERVICE_", "DOCS_"))
DEFAULTS = {AIRFLOW: 8080, DASHBOARD: 8501, SERVICE: 8502, DOCS: 8503}

LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
"""Host names by which a browser on this machine reaches it."""


def host_name(host: str) -> str:
    """The name in a Host header, without its port; blank if there is none.

    Another site's name can be made to resolve to this machine (DNS rebinding); only this header reveals it.
    """
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def chosen_port(setting: str) -> int:
    """The port set in the environment, else the default. Raises ConfigurationError if it is invalid or taken."""
    text = os.environ.get(setting) or str(DEFAULTS[setting])
    if not (text.isdecimal() and 0 < int(text) < 65536):
        raise ConfigurationError(f"{setting} is {text!r}; it must be a number from 1 to 65535")
    if _is_taken(int(text)):
        raise ConfigurationError(f"port {text} is taken by another program; choose another with {setting}")
    return int(text)


def free_port() -> int:
    """A port that nothing listens on, below the range of outgoing connections, which could take it before it is used."""
    return next(port for port in random.sample(range(20_000, 32_000), 1_000) if not _is_taken(port))


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do; otherwise a port that was just released would seem taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
