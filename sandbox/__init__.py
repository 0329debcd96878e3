"""A stand-in for Amazon: simulated sellers whose every unit and cent is known, behind the Reports API that a pipeline asks."""
