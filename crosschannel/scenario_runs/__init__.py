"""Many simulated calls at once: run, counted, shown as a table, JSON and a page."""
