"""A score run on disk: a folder of arrays and one JSON file, opened by memory-mapping; no pickle.

::

    manifest.json       facts of the run; file and sha256 of each array by name
    0000.npy …          arrays; names that come from data stay in the manifest

Nothing here needs a database, a graph library or a model: serving reads runs with this module alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from gnn.columns.linear_columns import ANY
from gnn.runs.texts import TextIndex, Texts
from graph.errors import ArtifactMismatch, UnknownParty
from graph.neighbourhood import Pairs

#: Part of every run's identity: another layout or another way to compose scores is another run.
FORMAT = 2
MANIFEST = "manifest.json"

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class RelationFacts:
    """``counterparties``: what they are called, read from the party in focus. ``unit``: of their record,
    "share" (of cases that went wrong) or "mean score"."""

    name: str
    counterparties: str
    unit: str


@dataclass(frozen=True)
class RunFacts:
    """What is true of a whole run.

    ``base``: log-odds that every party starts from. ``horizon_days``: None where the source is not dated.
    ``inherited``: relations in the order of the points' columns. ``relations``: those with stored pairs.
    ``columns``: meanings of the model's columns, as ``gnn.runs.meanings.ColumnMeaning`` fields.
    ``peer_groups``: what the members of each share, and how many they are. ``evidence_roles``: by table,
    the sides of its rows. ``groups``: of columns of record, as ``gnn.runs.coverage.Group`` fields and
    what to supply. ``unseen_spread``, ``certain_share``: see ``gnn.precision.Unseen`` (a run that does
    not say the latter was made without).
    ``purpose``, ``tables`` (rows and sha256 by name) and ``made_with`` (versions, processor): what a replay
    needs to read the same day again, and to tell what has changed.
    """

    run_id: str
    as_of: str
    task: str
    outcome: str
    horizon_days: int | None
    calibrated: bool
    model_sha: str
    snapshot_sha: str
    base_currency: str
    base: float
    n_parties: int
    n_scored: int
    minimum_coverage: float
    absent_tables: list[str]
    inherited: list[RelationFacts]
    relations: list[str]
    columns: list[dict[str, Any]]
    peer_groups: list[dict[str, Any]]
    evidence_roles: dict[str, list[str]]
    groups: list[dict[str, Any]]
    unseen_spread: float
    purpose: str | None
    tables: dict[str, dict[str, Any]]
    made_with: dict[str, str]
    certain_share: float = 0.0


@dataclass(frozen=True)
class ScoreRun:
    """A run as it is published: facts, the parties' ids by code, arrays by name."""

    facts: RunFacts
    party_ids: Texts
    arrays: Arrays


def run_id_of(as_of: str, model_sha: str, snapshot_sha: str, task: str) -> str:
    """Name of a run: the same inputs give the same name."""
    text = "\n".join((str(FORMAT), as_of, model_sha, snapshot_sha, task))
    return f"{as_of}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def write_run(folder: Path, run: ScoreRun) -> None:
    """Fill an empty folder. The same run gives the same bytes."""
    index = TextIndex.of(run.party_ids)
    arrays = {
        "party_ids/offsets": run.party_ids.offsets,
        "party_ids/blob": run.party_ids.blob,
        "party_ids/digests": index.digests,
        "party_ids/positions": index.positions,
        **run.arrays,
    }
    listed = {}
    for number, (name, array) in enumerate(sorted(arrays.items())):
        path = folder / f"{number:04d}.npy"
        np.save(path, np.ascontiguousarray(array), allow_pickle=False)
        with path.open("rb") as file:
            listed[name] = {"file": path.name, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}
    manifest = {"format": FORMAT, "facts": asdict(run.facts), "arrays": listed}
    (folder / MANIFEST).write_bytes(orjson.dumps(manifest, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))


def _mapped(path: Path) -> NDArray[Any]:
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    # A plain view of the same pages: indexing a memmap costs several times as much.
    return np.asarray(array)


class StoredRun:
    """A published run, memory-mapped. Safe to share between threads: nothing in it changes."""

    def __init__(self, folder: Path) -> None:
        try:
            manifest = orjson.loads((folder / MANIFEST).read_bytes())
            if manifest["format"] != FORMAT:
                raise ArtifactMismatch(
                    f"{folder} has format {manifest['format']}, this version reads {FORMAT}: score again"
                )
            facts = manifest["facts"]
            inherited = [RelationFacts(**relation) for relation in facts["inherited"]]
            self.facts = RunFacts(**{**facts, "inherited": inherited})
            self.arrays: dict[str, NDArray[Any]] = {
                name: _mapped(folder / entry["file"]) for name, entry in manifest["arrays"].items()
            }
        except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
            raise ArtifactMismatch(f"{folder} is not a run of this version: {error}") from error
        self.party_ids = Texts(self.arrays["party_ids/offsets"], self.arrays["party_ids/blob"])
        self._index = TextIndex(
            self.party_ids, self.arrays["party_ids/digests"], self.arrays["party_ids/positions"]
        )
        self._folder, self._listed = folder, manifest["arrays"]

    def codes(self, party_ids: list[str]) -> list[int]:
        """Code of each party; -1 where the run does not know it."""
        return self._index.find(party_ids)

    def code(self, party_id: str) -> int:
        """Code of a party. Raises ``UnknownParty``."""
        code = self._index.find([party_id])[0]
        if code < 0:
            raise UnknownParty(
                f"no party {party_id!r} in run {self.facts.run_id}: ids are spelt as in the tables, and who "
                f"became known after {self.facts.as_of} needs a later run",
                party_id=party_id,
                run_id=self.facts.run_id,
            )
        return code

    def _within(self, prefix: str) -> dict[str, NDArray[Any]]:
        return {name.removeprefix(prefix): a for name, a in self.arrays.items() if name.startswith(prefix)}

    @cached_property
    def attribution(self) -> dict[str, NDArray[Any]]:
        """Arrays for ``gnn.attribution``."""
        return self._within("attribution/")

    @cached_property
    def evidence(self) -> dict[str, dict[str, NDArray[Any]]]:
        """Arrays of ``gnn.runs.evidence.Evidence`` by table."""
        return {table: self._within(f"evidence/{table}/") for table in self.facts.evidence_roles}

    @cached_property
    def pairs(self) -> dict[str, Pairs]:
        """Stored relations, both directions, by name."""
        found = {}
        for name in self.facts.relations:
            indptr, indices, weight = (
                self.arrays[f"relations/{name}/{field}"] for field in ("indptr", "indices", "weight")
            )
            found[name] = Pairs(indptr, indices, weight)
        return found

    def has_counterparties(self, code: int, relation: str) -> bool:
        """Whether a party has anybody on record in a relation, or in one of them where it is ``ANY``."""
        asked = [pairs for name, pairs in self.pairs.items() if relation in (name, ANY)]
        return any(pairs.indptr[code + 1] > pairs.indptr[code] for pairs in asked)

    def verify(self) -> None:
        """Read every byte. Raises ``ArtifactMismatch`` where a file is not the one that was published."""
        for name, entry in self._listed.items():
            with (self._folder / entry["file"]).open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != entry["sha256"]:
                    raise ArtifactMismatch(f"{self._folder / entry['file']} ({name}) was changed")
