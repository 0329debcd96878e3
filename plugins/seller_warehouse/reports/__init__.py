"""The report types: one file each; this package collects their specs."""

from __future__ import annotations

import importlib
import pkgutil

from seller_warehouse.core.report_spec import ReportSpec


def _load() -> dict[str, ReportSpec]:
    specs = {}
    for module in pkgutil.iter_modules(__path__):
        spec: ReportSpec = importlib.import_module(f"{__name__}.{module.name}").SPEC
        if spec.name != module.name:
            raise ValueError(f"reports/{module.name}.py names its report {spec.name!r}: the two must be one word")
        specs[spec.name] = spec
    return specs


SPECS: dict[str, ReportSpec] = _load()
