"""Published runs: put in place whole, opened in milliseconds, read without a database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnn.runs.evidence_rows import day_text
from gnn.runs.explanation import MAX_COUNTERPARTIES, explain_party
from gnn.runs.run_files import RunFacts, ScoreRun, StoredRun, write_run
from gnn.runs.scorecard import BANDS, SCORED, STATUSES
from gnn.runs.scores import Body, score_bodies, score_body
from graph.errors import BadInput, NoPublishedRun
from graph.neighbourhood import Edge, neighbourhood
from graph.workspace import Workspace


class RunReader:
    """Answers about the parties of one published run, as plain objects that turn into JSON as they are."""

    def __init__(self, folder: Path) -> None:
        self._run = StoredRun(folder)

    @property
    def facts(self) -> RunFacts:
        return self._run.facts

    def verify(self) -> None:
        """Read every byte. Raises ``ArtifactMismatch`` where one is not what was published."""
        self._run.verify()

    def summary(self) -> Body:
        """What the run is, without any party."""
        facts = self.facts
        names = (
            "run_id", "as_of", "task", "outcome", "horizon_days", "calibrated", "model_sha", "snapshot_sha",
            "base_currency", "n_parties", "n_scored", "minimum_coverage", "absent_tables", "relations",
        )  # fmt: skip
        return {name: getattr(facts, name) for name in names}

    def score(self, party_id: str) -> Body:
        """The party's score. Raises ``UnknownParty``."""
        return score_body(self._run, self._run.code(party_id))

    def batch(self, party_ids: list[str]) -> tuple[list[Body], list[str]]:
        """Scores in the order asked for (their reasons' ``evidence`` is None), and the ids not known."""
        codes = self._run.codes(party_ids)
        unknown = [party_id for party_id, code in zip(party_ids, codes, strict=True) if code < 0]
        return score_bodies(self._run, [code for code in codes if code >= 0]), unknown

    def explanation(self, party_id: str, limit: int = MAX_COUNTERPARTIES) -> Body:
        """The score with its exact split, counterparties and columns. Raises ``UnknownParty``."""
        return explain_party(self._run, party_id, limit)

    def neighbourhood(self, party_id: str, hops: int = 1, limit: int = 50) -> Body:
        """The ``limit`` closest parties within ``hops`` and the links among them. Raises ``UnknownParty``."""
        run = self._run
        around = neighbourhood(run.pairs, run.code(party_id), hops, limit)
        return {
            "party_id": run.party_ids[around.codes[0]],
            "hops": hops,
            "limit": limit,
            "complete": around.complete,
            "parties": [self._node(code, hop) for code, hop in zip(around.codes, around.hops, strict=True)],
            "links": [self._link(edge) for edge in around.edges],
            "base_currency": run.facts.base_currency,
            "as_of": run.facts.as_of,
            "run_id": run.facts.run_id,
        }

    def riskiest(self) -> str:
        """Id of the scored party with the lowest score (the first by id among equals).

        Raises ``NoPublishedRun`` where the run scored nobody.
        """
        return self._run.party_ids[self._lowest(self._run.arrays["score"])]

    def most_inherited(self) -> str:
        """Id of the scored party whose counterparties cost it most points.

        Raises ``NoPublishedRun`` where the run scored nobody, ``BadInput`` where nobody's cost it any.
        """
        inherited = self._run.arrays["points"][:, 3:-1].sum(axis=1)
        code = self._lowest(inherited)
        if inherited[code] >= 0:
            raise BadInput(
                f"in run {self.facts.run_id} counterparties cost nobody points: "
                "name a party, or explain the riskiest (--riskiest)"
            )
        return self._run.party_ids[code]

    def _lowest(self, values: NDArray[Any]) -> int:
        scored = np.flatnonzero(self._run.arrays["status"] == SCORED)
        if not len(scored):
            raise NoPublishedRun(f"run {self.facts.run_id} scored nobody")
        return int(scored[np.argmin(values[scored])])

    def _node(self, code: int, hop: int) -> dict[str, Any]:
        arrays = self._run.arrays
        status = int(arrays["status"][code])
        scored = status == SCORED
        return {
            "party_id": self._run.party_ids[code],
            "hop": hop,
            "status": STATUSES[status],
            "score": int(arrays["score"][code]) if scored else None,
            "band": BANDS[int(arrays["band"][code])] if scored and self.facts.calibrated else None,
        }

    def _link(self, edge: Edge) -> dict[str, Any]:
        run = self._run

        def measure(name: str) -> int:
            return int(run.arrays[f"relations/{edge.relation}/{name}"][edge.position])

        return {
            "source_id": run.party_ids[edge.source],
            "target_id": run.party_ids[edge.target],
            "kind": edge.relation.removesuffix(".out"),
            "count": measure("count"),
            "amount": measure("amount"),
            "first_on": day_text(measure("first_on")),
            "last_on": day_text(measure("last_on")),
            "matured": measure("matured"),
            "bad": measure("bad"),
        }


def publish_run(workspace: Workspace, run: ScoreRun) -> str:
    """Put a run in place and make it the current one, atomically; returns its id.

    Publishing the same run again only makes it current again. Raises ``StoreUnavailable`` while another
    job publishes.
    """
    workspace.publish_run(run.facts.run_id, lambda folder: write_run(folder, run))
    return run.facts.run_id


def open_run(folder: Path) -> RunReader:
    """A published run. Raises ``ArtifactMismatch`` where the folder holds none."""
    return RunReader(folder)


def open_current_run(workspace: Workspace) -> RunReader:
    """The current run. Raises ``NoPublishedRun``."""
    folder = workspace.current_run()
    if folder is None:
        raise NoPublishedRun(f"nothing is published in {workspace.folder}: run 'ecorisk score' first")
    return open_run(folder)
