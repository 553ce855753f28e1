"""Turns calls and Intelligence results into CSAT, CES, sentiment and legal risk over time."""
