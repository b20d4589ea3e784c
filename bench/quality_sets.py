"""The sets of the quality bench: where each comes from, what is asked, what is known to be wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from gnn.champion.candidate import task_of
from gnn.panels.panel import Panel, build_panel, require_evidence
from graph.duckdb_store import DuckDBStore
from graph.workspace import Workspace
from loaders import load
from loaders.synthetic import EcosystemSettings, generate

Tell = Callable[[str], None]


@dataclass(frozen=True)
class BenchSet:
    """One question asked of one source. ``source``: its shipped mapping; ``task``: as the mapping names it.

    ``artefact``: what its figures must not be read without. ``published``: test AUC / AP (or AUC alone) by
    model, as others or our own earlier measurements state them. ``seeds``: runs on the same parts;
    ``folds``: given splits, each run once with a seed of its own.
    """

    name: str
    source: str
    task: str
    title: str
    artefact: str
    published: Mapping[str, str] = field(default_factory=dict)
    seeds: int = 5
    folds: int = 0

    @property
    def runs(self) -> int:
        """How many times every model is fitted."""
        return self.folds or self.seeds

    def fold_of(self, run: int) -> int:
        """The split that run number ``run`` (from 0) uses."""
        return run if self.folds else 0


#: The synthetic ecosystem is made, not read.
SYNTHETIC = "canonical"
SYNTHETIC_SETTINGS = EcosystemSettings(parties=10_000, seed=7, contagion=1.0)

_SETS = (
    BenchSet(
        "smesd", "smesd", "bankruptcy", "SMEsD: bankruptcy of small firms",
        "How many links of which kind were collected tells bankrupts from survivors by itself (degrees alone "
        "reach .81 AUC). Columns that count back from the bankruptcy and the 17 test firms that are also "
        "training firms are left out: 474 test rows.",
        {
            "best published (the authors' code rerun, on leaky rows)": ".822",
            "earlier: degrees alone": ".806/.873",
            "earlier: trees, no graph": ".819/.889",
            "earlier: trees over neighbours": ".815-.822/.897",
            "earlier: last additive model": ".821/.899",
        },
    ),
    BenchSet(
        "fdcompcn", "fdcompcn", "fraud", "FDCompCN: statement fraud of listed companies",
        "The negative control: fraud does not follow these links (inherited AUC .54 when alone), and half of "
        "the companies have none. No model may gain from its graph.",
        {
            "best published GNN (FEAST-GNN)": ".698",
            "earlier: random forest, no graph": ".803/.431",
            "earlier: trees, no graph": ".795/.404",
            "earlier: trees over neighbours": ".790/.399",
            "earlier: last additive model": ".807/.432",
        },
    ),
    BenchSet(
        "tolokers", "tolokers", "ban", "Tolokers: banned crowd workers",
        "Parties are persons and links are shared tasks: a known benchmark of graphs, not of firms.",
        {
            "best published (GAT-sep, mean of 10 splits)": ".838",
            "published GraphSAGE": ".824",
            "published without a graph": ".730",
            "earlier: trees, no graph (splits 0-2)": ".784 .775 .787/.488",
            "earlier: trees over neighbours (splits 0-2)": ".855 .856 .866/.591",
            "earlier: last additive model (splits 0-2)": ".852 .850 .863/.590",
        },
        folds=10,
    ),
    BenchSet(
        "h2", "h2_labor_certification", "employer_denied", "H-2: an employer's denial, next fiscal year",
        "The gain is a shared agent's quality seen with other clients, not proof of contagion; ids are made "
        "from spelt names, so parties may be split; the rate of denials nearly doubles after validation.",
        {
            "earlier: trees, no graph": ".759/.262",
            "earlier: trees over neighbours": ".800/.271",
            "earlier: last additive model": ".811/.321",
            "earlier: the same on permuted agents": ".777",
        },
    ),
    BenchSet(
        "scms", "scms_delivery", "late_next_quarter", "SCMS: late deliveries in the next quarter",
        "A few dozen vendors and sites, the same ones quarter after quarter; half of all deliveries come "
        "from one hub.",
        {"earlier: past late rate of the vendor (by delivery)": ".702"},
    ),
    BenchSet(
        "cumcm", "cumcm2020c", "dilution_next_quarter", "CUMCM: a seller's voids and credit notes",
        "Most cases are counterparties that are seen only through the invoices of 425 firms; firms are never "
        "each other's counterparties.",
    ),
    BenchSet(
        "olist", "olist", "dormant_next_quarter", "Olist: a seller without an item in three months",
        "An item's buyer is known for the sampled 38 % of the orders alone; customers buy once, so paths "
        "between sellers are few.",
        {"earlier: share of dormant sellers (full table)": "33.4 %"},
    ),
    BenchSet(
        "synthetic", SYNTHETIC, "late_30", "Generator: a buyer's invoice gets 30 days past due",
        "Made by this project's own generator (10,000 parties, contagion 1, seed 7): contagion is planted.",
    ),
)  # fmt: skip

SETS: Mapping[str, BenchSet] = {found.name: found for found in _SETS}


def available(data: Path) -> dict[str, BenchSet]:
    """The sets whose folders lie in ``data``, and the synthetic one."""
    return {
        name: found
        for name, found in SETS.items()
        if found.source == SYNTHETIC or (data / found.source).is_dir()
    }


@dataclass(frozen=True)
class Place:
    """Where the sets' files are, and a folder for what is made of them.

    A set is loaded once and its runs are kept: after a change of code or mappings take another folder.
    """

    data: Path
    folder: Path

    def _store(self, chosen: BenchSet, tell: Tell) -> DuckDBStore:
        workspace = Workspace.open(self.folder / "workspaces" / chosen.source)
        fresh = not workspace.database.exists()
        store = DuckDBStore(workspace.database, workspace.settings.base_currency)
        if fresh:
            files = self.data / chosen.source
            if chosen.source == SYNTHETIC:
                files = self.folder / "generated"
                tell("generating")
                generate(SYNTHETIC_SETTINGS, files)
            tell("loading")
            load(chosen.source, files, store, workspace.folder)
        return store

    def panel(self, chosen: BenchSet, fold: int, tell: Tell, *, rings: bool = False) -> Panel:
        """The set's panel as training makes it, with tables, so that links may be permuted.

        ``rings``: with membership in rings among the indicators.
        """
        store = self._store(chosen, tell)
        task = task_of(store, chosen.task, None)
        task = replace(task, rings=task.rings or rings, fold=fold if chosen.folds else task.fold)
        panel = build_panel(store, task, None, tell)
        require_evidence(panel)
        return panel
