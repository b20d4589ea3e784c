"""What a source's own folder may declare beside its mapping: name, kinds and tasks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from graph.source import SourceDeclaration
from loaders.faults import mapping_error
from loaders.mapping import SourceMapping
from loaders.parsing import Node, parse_declaration, read_yaml


def declared_by(mapping: SourceMapping, folder: Path) -> SourceDeclaration:
    """The mapping's declaration, widened by the files of ``folder`` that it allows to declare something."""
    declaration = mapping.declaration
    for name in mapping.declared_in:
        path = folder / name
        if path.is_file():
            declaration = _widened(declaration, read_yaml(path), name)
    return declaration


def _widened(base: SourceDeclaration, content: object, file: str) -> SourceDeclaration:
    if not isinstance(content, dict):
        raise mapping_error(file, "", f"expected keys with values, found {content!r}")
    content = {"source": base.name, "title": base.title, "dated": base.dated} | content
    node = Node(content, file, "")
    node.take("source", str)
    node.take("licence", str)
    added = parse_declaration(node, content)
    node.done()
    return replace(
        added,
        link_kinds=(*base.link_kinds, *added.link_kinds),
        event_kinds=(*base.event_kinds, *added.event_kinds),
        outcome_kinds=(*base.outcome_kinds, *added.outcome_kinds),
        party_kinds=(*base.party_kinds, *added.party_kinds),
        tasks=(*base.tasks, *added.tasks),
    )
