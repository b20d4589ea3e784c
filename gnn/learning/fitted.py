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
from gnn.scoring import RawParts, raw_parts
from gnn.trees import Trees

MEMBERS_FOLDER = "held_out"


@dataclass(frozen=True)
class Member:
    """A fit that was not shown validation rows, nor, if one of several, a fold's parties."""

    prepared: Preparation
    trees: Mapping[str, Trees]
    network: Network


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
        return Member(self.prepared, self.trees, self.network)

    def _parts(self, origin: Origin, view: View) -> tuple[RawParts, NDArray[np.int64]]:
        """Parts of a later day's rows by models that were not shown their parties' results.

        Also the position of each row in ``origin.codes``: rows come fold by fold.
        """
        members = self._looking
        fold = held_out_by(origin) if hold_out(members) else np.zeros(len(origin.codes), np.int8)
        positions = [np.flatnonzero(fold == member) for member in range(len(members))]
        raws = [
            raw_parts(member.prepared, member.trees, member.network, view, origin.codes[where])
            for member, where in zip(members, positions, strict=True)
        ]
        return RawParts.stack(raws), np.concatenate(positions)

    def columns(
        self, origins: Sequence[Origin], show: Callable[[Origin, View], None] | None = None
    ) -> list[NDArray[np.float64]]:
        """What is weighed (``RawParts.blended_columns``) of the rows of later days, in their order.

        ``show`` is shown each day's view, which is costly to make.
        """
        raws, places, before = [], [], 0
        for origin in origins:
            view = origin_view(self._looking[0].prepared, origin, by_folds=hold_out(self.members))
            raw, place = self._parts(origin, view)
            if show is not None:
                show(origin, view)
            raws.append(raw)
            places.append(place + before)
            before += len(place)
        order = np.argsort(np.concatenate(places))
        parts = RawParts.stack(raws).centred(self.centres, len(self.prepared.schema.own))
        return [column[order] for column in parts.blended_columns()]


def save_members(model: Model, members: Sequence[Member], folder: Path) -> None:
    """Write ``members`` beside ``model``, each as a model of its own."""
    for number, member in enumerate(members):
        target = folder / MEMBERS_FOLDER / str(number)
        target.mkdir(parents=True)
        mine = replace(model, preparation=member.prepared, trees=member.trees, network=member.network)
        artifact.save(mine, target)


def load_members(folder: Path) -> tuple[Member, ...]:
    """What ``save_members`` wrote; empty where it was nothing. Raises ``ArtifactMismatch``."""
    found = sorted((folder / MEMBERS_FOLDER).glob("*"), key=lambda path: int(path.name))
    models = [artifact.load(path) for path in found]
    return tuple(Member(model.preparation, model.trees, model.network) for model in models)
