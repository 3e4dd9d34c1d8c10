"""The harness inside an ordinary test: faults as context managers, and what happened outside."""
