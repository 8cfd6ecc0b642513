"""Comparison with other readers and writers of the call language; `make test-references` runs it."""
