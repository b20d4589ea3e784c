"""Files into tables: one mapping a source, every row accounted for."""

from loaders.loading import load
from loaders.parsing import shipped_mappings
from loaders.report import LoadReport

__all__ = ["LoadReport", "load", "shipped_mappings"]
