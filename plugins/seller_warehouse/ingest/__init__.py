"""From received bytes to raw tables with history: land, decode, parse, judge, load."""

import logging

# Set before Great Expectations is imported. At INFO it logs four lines for each rule, nine tenths of a run's log.
logging.getLogger("great_expectations").setLevel(logging.WARNING)
