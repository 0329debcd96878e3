"""The pipeline from Amazon's report files to published marts.

``steps`` is one pass: ``amazon`` asks for reports, ``ingest`` lands, parses, judges and loads them, ``marts`` builds and publishes. ``readers`` and
``alerts`` read what was published; ``orchestration`` and ``cli`` start it all; ``core`` and ``reports`` hold what they share.
"""
