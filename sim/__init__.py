"""The harness: runs flows under virtual time, breaks them on purpose, and says which promise broke."""
