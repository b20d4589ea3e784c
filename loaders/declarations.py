"""What a source declares, in its mapping or in its own folder: name, kinds and tasks."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from graph.errors import MappingError
from graph.source import PARTS, SourceDeclaration, Task
from graph.vocabulary import BUILT_IN_TARGETS, OUTCOME_KINDS, PARTY_KINDS, ROLES, KindDeclaration
from loaders.faults import mapping_error
from loaders.yamlnodes import Node, read_yaml


def declared_by(declaration: SourceDeclaration, files: tuple[str, ...], folder: Path) -> SourceDeclaration:
    """A mapping's declaration, widened by those of its ``files`` that ``folder`` holds.

    Raises ``MappingError`` where one cannot be read, or a task asks for what no row can be.
    """
    for name in files:
        path = folder / name
        if path.is_file():
            declaration = _widened(declaration, read_yaml(path), name)
    _check_tasks(declaration)
    return declaration


def _check_tasks(declaration: SourceDeclaration) -> None:
    """Raises ``MappingError`` where a task asks for what no row can be."""
    known = {
        "outcome": (*OUTCOME_KINDS, *declaration.outcome_kinds, *BUILT_IN_TARGETS),
        "party_kinds": (*PARTY_KINDS, *declaration.party_kinds),
        "roles": ROLES,
    }
    for task in declaration.tasks:
        asked = {"outcome": (task.outcome,), "party_kinds": task.party_kinds, "roles": task.roles}
        for key, word in ((key, word) for key, words in asked.items() for word in words):
            if word not in known[key]:
                raise mapping_error(
                    declaration.name, f"task {task.name}.{key}",
                    f"{word!r} is neither standard nor declared under kinds; known: {', '.join(known[key])}",
                )  # fmt: skip


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


def parse_declaration(node: Node, content: object) -> SourceDeclaration:
    """What the source declares, from the keys source, title, dated, kinds and tasks."""
    kinds = Node(node.take("kinds", dict, {}), node.file, "kinds")
    name = content.get("source", "") if isinstance(content, dict) else ""
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,60}", str(name)):
        raise node.error("source", f"expected a name of letters, digits, '_', '-', '.', found {name!r}")
    declaration = SourceDeclaration(
        name=str(name),
        title=node.take("title", str, ""),
        dated=node.take("dated", bool, True),
        link_kinds=kinds.items("links", lambda value, place: _kind(Node(value, node.file, place), True)),
        event_kinds=kinds.items("events", lambda value, place: _kind(Node(value, node.file, place), False)),
        outcome_kinds=kinds.texts("outcomes"),
        party_kinds=kinds.texts("parties"),
        tasks=node.items("tasks", lambda value, place: _task(Node(value, node.file, place))),
    )
    kinds.done()
    return declaration


def _kind(node: Node, relation: bool) -> KindDeclaration:
    kind = KindDeclaration(
        name=node.need("name", str),
        out_text=node.take("out_text", str, "counterparties"),
        in_text=node.take("in_text", str, "counterparties"),
        relation=node.take("relation", bool, relation),
        symmetric=node.take("symmetric", bool, False),
        adverse=node.take("adverse", bool, False),
        adverse_statuses=node.texts("adverse_statuses"),
    )
    node.done()
    return kind


def _task(node: Node) -> Task:
    days = Node(node.take("as_of", dict, {}), node.file, f"{node.where}.as_of")
    fields: dict[str, Any] = {
        "name": node.need("name", str),
        "outcome": node.need("outcome", str),
        "horizon_days": node.take("horizon_days", int, 365),
        "roles": node.texts("roles"),
        "party_kinds": node.texts("party_kinds"),
        "active_within_days": node.take("active_within_days", int),
        "once": node.take("once", bool, True),
        "rings": node.take("rings", bool, False),
        "stated_only": node.take("stated_only", bool, False),
        "as_of": {part: _days(days, part) for part in PARTS},
        "by_splits": node.take("by_splits", bool, False),
        "fold": node.take("fold", int, 0),
        "dated": node.take("dated", bool, True),
        "prior": node.take("prior", (int, float)),
    }
    fields["as_of"] = {part: found for part, found in fields["as_of"].items() if found}
    days.done()
    node.done()
    try:
        return Task(**fields)
    except MappingError as error:
        raise mapping_error(node.file, node.where, error.message) from error


def _days(node: Node, part: str) -> tuple[date, ...]:
    value = node.take(part, (str, date, list))
    days = value if isinstance(value, list) else [] if value is None else [value]
    try:
        return tuple(day if isinstance(day, date) else date.fromisoformat(day) for day in days)
    except (TypeError, ValueError) as error:
        raise node.error(part, f"expected days such as 2019-01-01, found {value!r}") from error
