"""Measurements: what is fast, what is found, and what the ordinary ways do."""
