"""Fixtures shared by every room's tests."""

pytest_plugins = ["tests.neo4j_server"]
