"""Fixtures shared by every room's tests, and how properties are tried."""

from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.neo4j_server"]

# Nothing here is timed: machines are shared. Where CI is set, Hypothesis draws the same examples every time.
settings.register_profile("ecorisk", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ecorisk")
