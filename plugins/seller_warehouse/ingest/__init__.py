"""From received bytes to raw tables with history: land, decode, parse, judge, load."""
