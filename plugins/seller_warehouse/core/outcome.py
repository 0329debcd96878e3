"""The failures of a pass: refused documents, accounts that were not reached, and failed steps."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")


class QueueFailed(Exception):
    """A report could not be landed; the message gives the reason, the log the traceback."""


class DocumentsRefused(Exception):
    """One or more documents were refused; the message names each with its reason and remedy."""


class DocumentUnprocessed(Exception):
    """A document could not be processed; the message gives the reason and the remedy."""


class DocumentsUnprocessed(Exception):
    """A step could not process some documents; the next run tries again. ``errors``: the error of each; ``refused``: lines of refused documents."""

    def __init__(self, errors: dict[str, Exception], refused: list[str]) -> None:
        super().__init__("\n".join(f"{what}: {error}" for what, error in errors.items()))
        self.errors, self.refused = errors, refused


@dataclass
class Outcome:
    """The failures of a pass, each with its reason: refused documents, accounts that were not reached, and steps that failed."""

    refused: list[str] = field(default_factory=list)
    unreached: list[str] = field(default_factory=list)
    failed: dict[str, Exception] = field(default_factory=dict)
    is_published: bool = False

    def attempt(self, step: str, do: Callable[[], T], notify: Callable[[str], object]) -> T | None:
        """Run one step, report its result through ``notify`` and return it; if the step fails, record the error and return None."""
        try:
            result = do()
            counts = ", ".join(f"{count} {what}" for what, count in result.items()) if isinstance(result, dict) else ""
            notify(f"{step}: {counts or ('done' if result else 'nothing to do')}")
            return result
        except DocumentsRefused as error:
            lines = str(error).splitlines()
            self.refused += lines
            notify(f"{step}: {len(lines)} refused")
        except DocumentsUnprocessed as error:
            self.refused += error.refused
            self.failed |= {f"{step} {what}": why for what, why in error.errors.items()}
            notify(f"{step}: {len(error.refused)} refused, {len(error.errors)} left")
        except Exception as error:
            log.exception("%s failed", step)
            # The traceback is in the log; keeping it here would keep the step's open resources alive.
            self.failed[step] = error.with_traceback(None)
            notify(f"{step}: failed")
        return None
