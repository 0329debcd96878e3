"""Import a large library faster: defer its imports of modules that are not needed here, and collect no garbage meanwhile.

``importlib.util.LazyLoader`` does not defer them: a second import statement reads the module's ``__spec__``, which loads it.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any


class _Later(ModuleType):
    """Placeholder that imports the real module when an attribute is read."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


@contextmanager
def imported_later(*names: str) -> Iterator[None]:
    """Inside this context an import of one of these modules gives a placeholder; afterwards imports work as usual.

    What an import creates stays, so the collector, which would look at all of it again and again, is off; it ignores these objects afterwards.
    """
    is_collecting = gc.isenabled()
    gc.disable()
    stand_ins = [_Later(name) for name in names if name not in sys.modules]
    for module in stand_ins:
        module.__spec__ = find_spec(module.__name__)  # Import statements read it of modules that are already imported.
        sys.modules[module.__name__] = module
    try:
        yield
    finally:
        gc.freeze()
        if is_collecting:
            gc.enable()
        for module in stand_ins:
            if sys.modules.get(module.__name__) is module:
                del sys.modules[module.__name__]
