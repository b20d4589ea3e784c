"""The model card: what the champion is for, what it was made from, how good it is, and where its limits lie.

A pure function of what is stored with the model; no figure is typed by hand. Names come from data and may
hold anything: ``escaped`` takes from them whatever Markdown or HTML would act on.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from gnn import artifact
from gnn.champion.candidate import EVALUATION_FILE
from gnn.champion.card_figures import (
    Body,
    calibration_text,
    challengers_text,
    evaluation_text,
    gate_text,
    slices_text,
)
from gnn.champion.markdown import escaped, listed, table
from gnn.champion.promotion import GATE_FILE
from gnn.model import Model
from gnn.precision import LEVEL, UNSEEN
from gnn.runs.coverage import MINIMUM_SHARE
from gnn.runs.meanings import counterparties_text, meaning_of
from gnn.runs.scorecard import pd_of
from graph.errors import ArtifactMismatch
from graph.relations import HALF_LIFE_DAYS
from graph.source import Task
from graph.vocabulary import EVENT_KINDS, LINK_KINDS


def _purpose(model: Model, task: Task) -> str:
    horizon = f" within {task.horizon_days} days" if task.dated else ""
    return (
        f"Ranks parties by the risk of **{escaped(task.outcome)}**{horizon}, and says how much of it is "
        "their own, how much is predicted from their counterparties (*inherited*), and how much is "
        "environment. For origination review, monitoring and the choice of whom to look at first; not for a "
        "decision by automation alone. *Inherited* means predicted from counterparties; it does not say that "
        "they caused anything."
    )


def _data(model: Model) -> str:
    facts: Any = model.facts
    sources = facts.get("sources", {})
    named = ", ".join(escaped(f"{name} ({title})" if title else name) for name, title in sources.items())
    rows = [
        [part, ", ".join(facts["days"][part]), f"{facts['rows'][part]:,}", f"{facts['positives'][part]:,}"]
        for part in ("train", "valid")
    ]
    shas = [[day, f"`{escaped(sha)}`"] for day, sha in facts["snapshots"].items()]
    tables = [[escaped(name), f"{count:,}"] for name, count in facts.get("tables", {}).items()]
    purpose = facts.get("purpose")
    return "\n\n".join(
        [
            f"Sources: {named or 'not stated'}. Purpose asked of consent: "
            f"{escaped(purpose) if purpose else 'no restriction'}.",
            table(("part", "prediction days", ">cases", ">bad"), rows),
            "Rows known on the last of these days:",
            table(("table", ">rows"), tables),
            "What could be known on each day, as one sha:",
            table(("day", "snapshot sha256"), shas),
        ]
    )


def _pd_of(model: Model, task: Task) -> str:
    if task.prior is not None:
        return (
            f"for a population of which {task.prior:.2%} are bad, as the source states; of the sample "
            f"{artifact.sample_bad_share(model):.2%} are, which figures below keep to"
        )
    return "stated" if task.dated else "not stated: ranks and scores only"


def _target(model: Model, task: Task) -> str:
    census = "the source states it" if task.stated_only else "it is on record in the window"
    return listed(
        {
            "Target": f"{escaped(task.outcome)} (task {escaped(task.name)}); bad where {census}",
            "Horizon": f"{task.horizon_days} days" if task.dated else "none: the source is not dated",
            "Parts": "given by the source" if task.by_splits else "by day: train, then validation, then test",
            "PD": _pd_of(model, task),
        }
    )


def _population(task: Task) -> str:
    asked = [*task.roles, *task.party_kinds]
    conditions = [f"Every {' or '.join(map(escaped, asked))}" if asked else "Every party"]
    if task.active_within_days is not None:
        conditions.append(f"that has a row of its own in the {task.active_within_days} days before")
    if task.once:
        conditions.append("that has not had the outcome yet")
    return (
        f"{', '.join(conditions)}. A party gets no score where less than {MINIMUM_SHARE:.0%} of the columns "
        "of record are known, or neither rows nor features are: a thin file is no bad mark."
    )


def _features(model: Model) -> str:
    known: Any = model.facts.get("known_shares", {})
    schema = model.preparation.schema
    groups: dict[tuple[str, str], list[str]] = {}
    for name in schema.own + schema.environment:
        meaning = meaning_of(name, {})
        group = "number of counterparties" if name.startswith("log_degree:") else meaning.group
        group = "record of the milieu" if name.startswith("rate:") else group
        groups.setdefault((meaning.part, group), []).append(name)
    rows = []
    for (part, group), names in sorted(groups.items()):
        shares = [known[name] for name in names if name in known]
        share = f"{np.mean(shares):.0%}" if shares else ""
        rows.append([part, escaped(group), f"{len(names):,}", share])
    caused = sum(len(names) for names in schema.caused.values())
    rows.append(["inherited", "indicators that counterparties cause", f"{caused:,}", ""])
    return table(("part", "group", ">columns", ">known of training rows"), rows)


def _relations(model: Model) -> str:
    if not model.relations:
        return (
            "None. Links were absent, or brought nothing on validation: the model does without, and every "
            "inherited part is 0."
        )
    rows = [
        [
            escaped(name),
            escaped(counterparties_text(name, LINK_KINDS | EVENT_KINDS)),
            f"{len(model.trees[name].roots):,}" if name in model.trees else "0",
            f"{sum(len(weights) for weights in model.network.read_outs[name].weights.values()):,}",
        ]
        for name in model.relations
    ]
    return f"Rows of a link count half after {HALF_LIFE_DAYS} days.\n\n" + table(
        ("relation", "counterparties", ">trees", ">columns of the network"), rows
    )


def _equation(model: Model) -> str:
    blend = model.blend
    base = float(pd_of(np.array([blend.base]))[0])
    return (
        "```text\n"
        "log-odds of bad = base + own + environment + Σ inherited(relation)\n"
        f"base             = {blend.base:+.4f}   (PD {base:.2%}: a party that is average in every part)\n"
        f"own, environment = {blend.own_trees:.4f} · trees + {blend.own_network:.4f} · network\n"
        f"inherited        = {blend.inherited_trees:.4f} · trees + {blend.inherited_network:.4f} · network, "
        "by relation\n"
        "score            = 600 + 40 · log2(odds of good / 20), held within 300 to 900; higher is safer\n"
        "```\n\n"
        "On a path a tree reads own columns and one relation's at most, or environment's alone. Its own part "
        "is what it says when relations are not known (its mean over where they could lead); what a relation "
        "changes beyond that is inherited: the split is an exact sum. The network's part of a relation is a "
        "sum over counterparties and paths of two hops. Parts are centred on the rows it learned from."
    )


def _again(model: Model) -> str:
    said = "with validation cases among those it learns from, after rounds and weights were chosen; "
    if artifact.task_of(model).by_splits:
        return said + "slope and level from all those cases, each by a fit that was not shown its party"
    return said + "the slope as it was, the level such that validation cases keep their bad rate"


def _training(model: Model) -> str:
    facts: Any = model.facts
    settings = facts.get("settings", {})
    gain = facts.get("inherited_gain_in_standard_errors")
    items = {
        "Seeds": ", ".join(map(str, settings.get("seeds", ()))) or "not stated",
        "Rows drawn at most": f"{settings.get('max_rows', 0):,}",
        "Trees": ", ".join(f"{escaped(name)} {len(trees.roots):,}" for name, trees in model.trees.items()),
        "Weights and calibration": "non-negative weights of the four parts and an affine map in log-odds, on "
        "validation cases",
        "Fitted again": _again(model) if facts.get("fitted_again") else "no",
    }
    if gain is not None:
        items["Gain of inherited parts on validation"] = f"{gain:.1f} standard errors of the log-loss"
    return listed(items)


def _intervals(model: Model) -> str:
    errors = np.sqrt(np.maximum(np.diag(model.uncertainty.covariance), 0.0))
    names = ("base", "own by trees", "inherited by trees", "own by network", "inherited by network")
    named = ", ".join(f"{name} {error:.3f}" for name, error in zip(names, errors, strict=True))
    return (
        f"A PD comes with two {LEVEL:.0%} intervals. The one of the *rate* covers the bootstrap over "
        f"validation parties of weights and calibration (standard errors: {named}), how far models "
        f"disagree that each lack part of the parties ({model.uncertainty.spread:.3f} in log-odds), and how "
        f"far the bad rate moved between the days learned from ({model.uncertainty.drift:.3f}). The one of "
        f"the *party* adds what no record shows: {UNSEEN.certain_share:.0%} of the bad outcomes to come are "
        f"assumed to be certain already, and other parties to spread by {UNSEEN.spread:g} in log-odds. "
        "`docs/interval.md` has what was measured where truth is known."
    )


def _limits(model: Model, task: Task) -> str:
    facts: Any = model.facts
    found = [
        "Parts are predictions, not causes: what is inherited is what counterparties' records foretell.",
        "It knows what sources record. A party that deals elsewhere looks thinner than it is.",
        "Calibration holds for the validation time's bad rate; where the rate moves, PDs move late.",
        "The split is exact; columns named as reasons are attributed along decision paths, which is not.",
    ]
    bad = facts["positives"]["train"]
    if bad < 200:
        found.append(f"Only {bad} bad outcomes were there to learn from: expect wide intervals.")
    if not task.dated and task.prior is None:
        found.append("The source is neither dated nor states a population rate: no PD and no band.")
    return "\n".join(f"- {text}" for text in found)


def render(model: Model, sha: str, evaluation: Body, gate: Body | None = None) -> str:
    """The card as Markdown.

    ``evaluation``: the model's ``evaluation.json``; ``gate``: its ``gate.json``, where it has one.
    """
    task = artifact.task_of(model)
    sections = {
        "Purpose": _purpose(model, task),
        "Data": _data(model),
        "Target": _target(model, task),
        "Population": _population(task),
        "Features": _features(model),
        "Relations": _relations(model),
        "Equation": _equation(model),
        "Training": _training(model),
        "Evaluation": evaluation_text(evaluation),
        "Calibration": calibration_text(evaluation),
        "Intervals": _intervals(model),
        "Slices": slices_text(evaluation),
        "Challengers": challengers_text(evaluation),
        "Gate": gate_text(gate),
        "Limits": _limits(model, task),
        "Shas": listed({"Model": f"`{escaped(sha)}`", "Data": "under *Data*, by day"}),
    }
    parts = [f"## {title}\n\n{text}" for title, text in sections.items()]
    title = f"# Model card: {escaped(task.name)}"
    made = "Generated from the stored model by `ecorisk card`; change the model, not this text."
    return "\n\n".join([title, made, *parts]) + "\n"


def card_of(folder: Path) -> str:
    """The card of the model in ``folder``.

    Raises ``ArtifactMismatch`` where the model cannot be read, or no evaluation lies beside it.
    """
    model, evaluation = artifact.load(folder), _read(folder / EVALUATION_FILE)
    if evaluation is None:
        raise ArtifactMismatch(f"{folder} holds no {EVALUATION_FILE}, so there is no card: train again")
    return render(model, folder.name, evaluation, _read(folder / GATE_FILE))


def _read(path: Path) -> Body | None:
    try:
        found: Body = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ArtifactMismatch(f"{path} cannot be read: {error}") from error
    return found
