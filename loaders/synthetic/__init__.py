"""A synthetic ecosystem with known truth: the contract's tables, and beside them what was planted.

``generate`` writes a folder that the ``canonical`` mapping loads, its declaration (``source.yaml``), and
``truth/``, which nothing but tests and benches reads. See ``docs/synthetic.md`` for the mechanism.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import yaml

from graph.errors import BadInput
from graph.source import PARTS
from graph.workspace import place_folder
from loaders.synthetic.course import World, run_course
from loaders.synthetic.environment import draw_environment, write_environment
from loaders.synthetic.invoices import (
    date_defaults,
    settle_invoices,
    write_invoices,
    write_outcomes,
    write_payments,
)
from loaders.synthetic.papers import write_events, write_financings, write_shipments, write_stocks
from loaders.synthetic.population import draw_population, write_identifiers, write_parties
from loaders.synthetic.rings import plant_rings
from loaders.synthetic.settings import EcosystemSettings
from loaders.synthetic.ties import draw_guarantees, write_links
from loaders.synthetic.trade import plan_trade
from loaders.synthetic.truth import write_truth

#: Told the name of each step and the share of all steps done before it.
Progress = Callable[[str, float], None]
STEPS = ("parties", "trade", "course", "invoices", "papers", "truth")

__all__ = ["EcosystemSettings", "Progress", "generate"]


def generate(settings: EcosystemSettings, out: Path, progress: Progress | None = None) -> None:
    """Write the ecosystem that ``settings`` describe into the folder ``out``; same settings, same bytes.

    It is there whole, or not at all.

    Raises:
        BadInput: ``out`` holds files already, or the parties are too few for the rings.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadInput(f"{out} is not empty: name a new folder for the synthetic ecosystem", path=str(out))

    def begin(step: str) -> None:
        if progress is not None:
            progress(step, STEPS.index(step) / len(STEPS))

    place_folder(out.absolute(), lambda folder: _write(settings, folder, begin))


def _write(settings: EcosystemSettings, out: Path, begin: Callable[[str], None]) -> None:
    begin("parties")
    population = draw_population(settings)
    guarantees = draw_guarantees(population, settings)
    environment = draw_environment(settings)
    write_parties(population, settings, out)
    write_identifiers(population, settings, out)
    write_links(population, guarantees, settings, out)
    write_environment(environment, settings, out)
    begin("trade")
    world = World(settings, population, plan_trade(population, settings), guarantees, environment)
    begin("course")
    course = run_course(world)
    begin("invoices")
    defaults = date_defaults(world, course)
    write_outcomes(defaults, out)
    invoices = settle_invoices(world, course, defaults)
    write_invoices(invoices, world, defaults, out)
    write_payments(invoices, out)
    begin("papers")
    write_shipments(invoices, world, out)
    write_financings(invoices, world, out)
    write_events(invoices, world, course, defaults, out)
    write_stocks(world, course, defaults, out)
    begin("truth")
    write_truth(world, course, out / "truth")
    plant_rings(world, defaults, out)
    _write_declaration(settings, out)


def _write_declaration(settings: EcosystemSettings, out: Path) -> None:
    declared = settings.declaration()
    task = declared.tasks[0]
    text = yaml.safe_dump(
        {
            "source": declared.name,
            "title": declared.title,
            "dated": declared.dated,
            "tasks": [
                {
                    "name": task.name,
                    "outcome": task.outcome,
                    "horizon_days": task.horizon_days,
                    "party_kinds": list(task.party_kinds),
                    "active_within_days": task.active_within_days,
                    "once": task.once,
                    "as_of": {part: list(task.as_of[part]) for part in PARTS},
                }
            ],
        },
        sort_keys=False,
    )
    (out / "source.yaml").write_text(text, encoding="utf-8")
