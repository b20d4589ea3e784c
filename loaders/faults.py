"""How the loaders say what is wrong: one wording for refused mappings and refused files."""

from __future__ import annotations

from graph.errors import LoadRefused, MappingError


def mapping_error(file: str, where: str, problem: str) -> MappingError:
    """A mapping cannot be used: ``where`` is the path inside the YAML (``tables[2].columns.amount``)."""
    return MappingError(f"{file}: {where}: {problem}", file=file, where=where)


def file_refused(file: str, problem: str, advice: str, **details: object) -> LoadRefused:
    """A file cannot be read: what was found, and what to do."""
    return LoadRefused(f"{file}: {problem}; {advice}", file=file, **details)
