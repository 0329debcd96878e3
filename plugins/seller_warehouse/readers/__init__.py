"""The last publication as pages, services and alerts read it."""
