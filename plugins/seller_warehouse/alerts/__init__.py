"""Messages about what needs somebody: where they go and what was sent."""
