"""Declarations survive the store as they were."""

from __future__ import annotations

from datetime import date

import pytest

from graph.errors import MappingError
from graph.source import SourceDeclaration, Task
from graph.vocabulary import KindDeclaration


def test_a_declaration_comes_back_from_its_json() -> None:
    task = Task(
        "late",
        "late",
        horizon_days=90,
        roles=("supplier",),
        once=False,
        as_of={"train": (date(2012, 1, 1), date(2012, 4, 1)), "valid": (date(2013, 1, 1),), "test": ()},
        prior=0.02,
    )
    declaration = SourceDeclaration(
        "scms",
        title="Lieferungen «Süd»",
        dated=False,
        link_kinds=(KindDeclaration("CO_WORKED", symmetric=True),),
        event_kinds=(KindDeclaration("inspection", adverse_statuses=("failed", "void")),),
        outcome_kinds=("closed",),
        party_kinds=("depot",),
        tasks=(task,),
    )
    text = declaration.to_json()
    assert SourceDeclaration.from_json(text) == declaration
    assert SourceDeclaration.from_json(text).to_json() == text


def test_prediction_days_ascend_over_the_parts() -> None:
    with pytest.raises(MappingError, match="ascend"):
        Task("t", "late", as_of={"train": (date(2013, 1, 1),), "valid": (date(2012, 1, 1),)})


def test_a_prior_is_a_share() -> None:
    with pytest.raises(MappingError, match="between 0 and 1, not 5"):
        Task("t", "ban", prior=5)


def test_a_task_by_splits_names_one_day_a_part() -> None:
    with pytest.raises(MappingError, match="one as_of day"):
        Task("t", "ban", by_splits=True, as_of={"train": (date(2000, 1, 1),)})
