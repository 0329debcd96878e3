"""What a pass could not do: what was refused, whom it could not reach, and which steps did not do their work."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")


class QueueFailed(Exception):
    """A report could not be landed; the message says why, the log where."""


class DocumentsRefused(Exception):
    """One or more documents were refused; the message says which, why, and what to do."""


class DocumentLeft(Exception):
    """A document was not dealt with; the message says why and what to do."""


class DocumentsLeft(Exception):
    """Of some documents a step did not do its work, so the next run tries again: ``errors`` says of each why. ``refused`` were refused meanwhile."""

    def __init__(self, errors: dict[str, Exception], refused: list[str]) -> None:
        super().__init__("\n".join(f"{what}: {error}" for what, error in errors.items()))
        self.errors, self.refused = errors, refused


@dataclass
class Outcome:
    """What a pass could not do: documents that were refused, accounts that could not be reached, and steps that failed, each with why."""

    refused: list[str] = field(default_factory=list)
    unreached: list[str] = field(default_factory=list)
    failed: dict[str, Exception] = field(default_factory=dict)
    is_published: bool = False

    def attempt(self, step: str, do: Callable[[], T], say: Callable[[str], object]) -> T | None:
        """Do one step, say what came of it and return its result; None where it failed, which the outcome then names."""
        try:
            result = do()
            counts = ", ".join(f"{count} {what}" for what, count in result.items()) if isinstance(result, dict) else ""
            say(f"{step}: {counts or ('done' if result else 'nothing to do')}")
            return result
        except DocumentsRefused as error:
            lines = str(error).splitlines()
            self.refused += lines
            say(f"{step}: {len(lines)} refused")
        except DocumentsLeft as error:
            self.refused += error.refused
            self.failed |= {f"{step} {what}": why for what, why in error.errors.items()}
            say(f"{step}: {len(error.refused)} refused, {len(error.errors)} left")
        except Exception as error:
            log.exception("%s failed", step)
            # The traceback, which the log has, would keep what the step had open.
            self.failed[step] = error.with_traceback(None)
            say(f"{step}: failed")
        return None
