"""Read access to the last publication for pages, services and alerts."""
