"""Deliberate mistakes in models, seeds and macros (mutations.yaml), made in a copy of the dbt project."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from seller_warehouse.core.home import DBT_PROJECT

LIST = Path(__file__).parent / "soak" / "mutations.yaml"


@dataclass(frozen=True)
class Mutation:
    """A rule, its text in a file of the dbt project, the mistake that replaces it, and the test that must find it."""

    rule: str
    file: str
    text: str
    mistake: str
    guard: str

    def path(self, project: Path) -> Path:
        """The file of that name among the models, seeds and macros of a project."""
        (path,) = (p for p in project.rglob(f"{self.file}.*") if p.suffix in (".sql", ".csv") and p.parent.name != "tests")
        return path

    def broken(self, project: Path) -> str:
        """The file's text with the mistake in it."""
        before, after = self.path(project).read_text(encoding="utf-8").split(self.text)
        return before + self.mistake + after


@cache
def mutations() -> dict[str, list[Mutation]]:
    """By what they are about."""
    return {about: [Mutation(**m) for m in listed] for about, listed in yaml.safe_load(LIST.read_text(encoding="utf-8")).items()}


@cache
def unit_tests() -> dict[str, str]:
    """The model of every dbt unit test by its name."""
    ymls = [yaml.safe_load(p.read_text(encoding="utf-8")) for p in (DBT_PROJECT / "models").rglob("*.yml")]
    return {test["name"]: test["model"] for content in ymls for test in content.get("unit_tests", [])}


@cache
def reach(mutation: Mutation) -> frozenset[str]:
    """The models whose unit tests may find it: the model itself, those that read the seed, or any model if it is in a macro."""
    path = mutation.path(DBT_PROJECT)
    if path.parent.name == "macros":
        return frozenset(unit_tests().values())
    if path.parent.name == "seeds":
        models = (DBT_PROJECT / "models").rglob("*.sql")
        return frozenset(p.stem for p in models if f"ref('{mutation.file}')" in p.read_text(encoding="utf-8"))
    return frozenset({mutation.file})


def rounds(among: Iterable[Mutation]) -> list[list[Mutation]]:
    """Rounds of mistakes that can be made at once, since no unit test may find two of them; largest round first."""
    made: list[list[Mutation]] = []
    for mutation in among:
        free = (r for r in made if not any(reach(mutation) & reach(m) for m in r))
        if (fitting := next(free, None)) is None:
            made.append([mutation])
        else:
            fitting.append(mutation)
    return sorted(made, key=len, reverse=True)


@contextmanager
def mistakes(project: Path, made: Iterable[Mutation]) -> Iterator[None]:
    """A project with mistakes in it, which are reverted afterwards."""
    written = {m.path(project): m.broken(project) for m in made}
    originals = {path: path.read_text(encoding="utf-8") for path in written}
    try:
        for path, text in written.items():
            path.write_text(text, encoding="utf-8")
        yield
    finally:
        for path, text in originals.items():
            path.write_text(text, encoding="utf-8")
