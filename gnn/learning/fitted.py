"""What training leaves before it is weighed, and how it looks at validation rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gnn import artifact
from gnn.columns.views import View
from gnn.learning.rows import origin_view
from gnn.model import Centres, Model, Network, Preparation, ReadOut
from gnn.panels.holdout import held_out_by
from gnn.panels.panel import Origin
from gnn.scoring import raw_parts
from gnn.trees import Trees

MEMBERS_FOLDER = "held_out"


@dataclass(frozen=True)
class Member:
    """A fit that was not shown validation rows, nor, if one of several, a fold's parties."""

    prepared: Preparation
    trees: Mapping[str, Trees]
    network: Network
    centres: Centres

    def columns(self, view: View, rows: NDArray[np.int32]) -> NDArray[np.float64]:
        """What is weighed (``RawParts.blended_columns``) of ``rows``, float64 [rows, 4]."""
        parts = raw_parts(self.prepared, self.trees, self.network, view, rows)
        return np.column_stack(parts.centred(self.centres, len(self.prepared.schema.own)).blended_columns())


def hold_out(members: Sequence[Member]) -> bool:
    """Whether each of ``members`` holds out the parties of a fold."""
    return len(members) > 1


@dataclass(frozen=True)
class Fitted:
    """Trees and network before they are weighed.

    ``members`` look at validation rows in its place: one a fold, where parties must be held out
    (``gnn.panels.holdout``); else the one fit that has not seen them. Empty: the model itself has not.
    """

    prepared: Preparation
    trees: Mapping[str, Trees]
    network: Network
    centres: Centres
    tree_sums: Mapping[str, ReadOut]
    members: Sequence[Member]

    @classmethod
    def of(cls, model: Model, members: Sequence[Member]) -> Fitted:
        """A stored model and its members as training left them."""
        return cls(
            model.preparation, model.trees, model.network, model.centres, model.blend.tree_sums, members
        )

    @property
    def _looking(self) -> Sequence[Member]:
        return self.members or (self.as_member(),)

    def as_member(self) -> Member:
        """This fit, to look at validation rows that it has not seen."""
        return Member(self.prepared, self.trees, self.network, self.centres)

    def _columns(self, origin: Origin, view: View) -> NDArray[np.float64]:
        """Of a later day's rows, by models that were not shown their parties' results, float64 [rows, 4]."""
        members = self._looking
        if not hold_out(members):
            return members[0].columns(view, origin.codes)
        found, fold = np.empty((len(origin.codes), 4)), held_out_by(origin)
        for number, member in enumerate(members):
            found[fold == number] = member.columns(view, origin.codes[fold == number])
        return found

    def columns(
        self, origins: Sequence[Origin], show: Callable[[Origin, View], None] | None = None
    ) -> list[NDArray[np.float64]]:
        """What is weighed (``RawParts.blended_columns``) of the rows of later days, in their order.

        ``show`` is shown each day's view, which is costly to make.
        """
        found = []
        for origin in origins:
            view = origin_view(self._looking[0].prepared, origin, by_folds=hold_out(self.members))
            found.append(self._columns(origin, view))
            if show is not None:
                show(origin, view)
        return list(np.concatenate(found).T)


def save_members(model: Model, members: Sequence[Member], folder: Path) -> None:
    """Write ``members`` beside ``model``, each as a model of its own."""
    for number, member in enumerate(members):
        target = folder / MEMBERS_FOLDER / str(number)
        target.mkdir(parents=True)
        mine = replace(
            model,
            preparation=member.prepared, trees=member.trees, network=member.network, centres=member.centres,
        )  # fmt: skip
        artifact.save(mine, target)


def load_members(folder: Path) -> tuple[Member, ...]:
    """What ``save_members`` wrote; empty where it was nothing. Raises ``ArtifactMismatch``."""
    found = sorted((folder / MEMBERS_FOLDER).glob("*"), key=lambda path: int(path.name))
    models = [artifact.load(path) for path in found]
    return tuple(Member(one.preparation, one.trees, one.network, one.centres) for one in models)
