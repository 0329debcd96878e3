"""What happens to report files before somebody drops them: kinds of damage, each a small seeded function from a whole file to other bytes."""

from tests.file_damages import others, text, values
from tests.file_damages.sample import DAMAGES, Fate, NotPossible, Sample

__all__ = ["DAMAGES", "Fate", "NotPossible", "Sample", "others", "text", "values"]
