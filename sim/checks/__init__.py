"""Checks: pure functions from recordings to verdicts. `evaluate` judges a run, `verdicts` merges a sweep."""
