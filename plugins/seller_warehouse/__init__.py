"""The pipeline from Amazon's report files to published marts.

``steps`` is one pass: ``amazon`` requests reports, ``ingest`` lands, parses, judges and loads them, ``marts`` builds and publishes. ``readers`` and
``alerts`` read the publication; ``orchestration`` and ``cli`` start passes; ``core`` and ``reports`` hold shared types and specifications.
"""
