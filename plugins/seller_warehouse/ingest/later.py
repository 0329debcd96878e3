"""Modules that are imported when they are first used, where a library imports them for what is never asked of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any


class _Later(ModuleType):
    """Stands for a module, and imports it as soon as anything of it is asked for."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


@contextmanager
def imported_later(*names: str) -> Iterator[None]:
    """While this lasts, whoever imports one of these modules has one that is imported when it is used; afterwards it is imported as ever."""
    stand_ins = [_Later(name) for name in names if name not in sys.modules]
    for module in stand_ins:
        module.__spec__ = find_spec(module.__name__)  # What is imported already is asked for it.
        sys.modules[module.__name__] = module
    try:
        yield
    finally:
        for module in stand_ins:
            if sys.modules.get(module.__name__) is module:
                del sys.modules[module.__name__]
