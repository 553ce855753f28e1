"""The demo week: what a small company's week leaves behind, recorded once and shipped compressed."""
