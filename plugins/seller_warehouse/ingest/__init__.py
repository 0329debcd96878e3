"""From received bytes to raw tables with history: land, decode, parse, judge, load."""

import logging

# Before it is imported, when it begins to log. At INFO it writes four lines for each rule that is built, nine tenths of a run's log.
logging.getLogger("great_expectations").setLevel(logging.WARNING)
