"""Tests against real servers; see `run.py`."""
