"""What beside model and data can move a float: versions of libraries, and the kind of processor."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

#: Packages that take part between the stored rows and a score.
PACKAGES = ("ecorisk", "duckdb", "ibis-framework", "numba", "numpy", "pyarrow", "scipy")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    """The processor's model, where the system tells; else its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()


@cache
def made_with() -> dict[str, str]:
    """Name and version of Python and the packages that make a score, and the processor."""
    versions = {package: _version(package) for package in PACKAGES}
    return {"python": platform.python_version(), **versions, "processor": _processor()}
