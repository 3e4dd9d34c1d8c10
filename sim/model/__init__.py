"""Frozen data that all parts of the harness share: scenarios, recordings, results."""
