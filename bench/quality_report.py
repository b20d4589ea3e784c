"""The quality bench for people: tables on a terminal, and the page of the frozen figures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from bench import ablation
from bench.quality_figures import MODELS
from bench.quality_models import PLACEBO
from bench.quality_peers import GAT, PROPAGATION, SAGE
from bench.quality_sets import SETS, BenchSet
from gnn.champion import markdown
from gnn.champion.evaluation import DEFAULT, NETWORK
from gnn.champion.intervals import difference_text

Figures = Mapping[str, Any]

#: What each model is, in the words of the page.
NAMES: Mapping[str, str] = {
    "null": "null: the base rate",
    "degree": "degree: trees on the number of counterparties",
    PROPAGATION: "label propagation",
    "gbdt_own": "gbdt_own: trees, no graph",
    SAGE: "plain hetero SAGE",
    GAT: "plain hetero GAT",
    "gbdt_graph": "gbdt_graph: trees over neighbour aggregates",
    NETWORK: "gnn: our network alone",
    DEFAULT: "default: what is served",
    PLACEBO: "placebo: the default on permuted links",
}


def _with_sd(figures: Figures) -> str:
    sd = figures["sd"]
    return f"{figures['mean']:.3f}" if sd is None else f"{figures['mean']:.3f} ± {sd:.3f}"


def _rows(found: Figures) -> list[tuple[str, str, str, str]]:
    """(model, AUC, AP, default less it) for every model of a set."""
    rows = []
    for name in MODELS:
        if name in found["models"]:
            model = found["models"][name]
            less = "" if name == DEFAULT else difference_text(found["differences"][name])
            rows.append((name, _with_sd(model["auc"]), _with_sd(model["ap"]), less))
    return rows


def _cases(chosen: BenchSet, found: Figures) -> str:
    parts = [f"{part} {n:,} ({bad / n:.1%} bad)" for part, (n, bad) in found["cases"].items()]
    return f"{', '.join(parts)}; {_runs(chosen, found)}"


def _runs(chosen: BenchSet, found: Figures) -> str:
    return f"splits: {found['folds']} of {chosen.folds}" if chosen.folds else f"seeds: {found['runs']}"


def table(chosen: BenchSet, found: Figures) -> Table:
    """One set on a terminal."""
    shown = Table(title=f"{chosen.title}: {_cases(chosen, found)}", title_justify="left", box=SIMPLE)
    shown.add_column("model")
    for heading in ("AUC", "AP", "default less it (AUC)"):
        shown.add_column(heading, justify="right")
    for name, *values in _rows(found):
        shown.add_row(f"{name} *" if name == found["best_challenger"] else name, *values)
    calibration = found["calibration"]
    shown.caption = (
        f"* best challenger; default: ECE {calibration['ece']:.3f} (a perfect model's 95th percentile "
        f"{calibration['ece_perfect']:.3f}), slope {calibration['slope']:.2f}"
    )
    return shown


@dataclass(frozen=True)
class Changes:
    """Mean AUCs against frozen ones; ``failed``: the default fell on a set by more than is allowed."""

    table: Table
    failed: bool


def changes(now: Figures, frozen: Figures, allowed_fall: float) -> Changes:
    """What differs from the frozen figures, in sets that both hold."""
    shown = Table(title="against the frozen figures: mean AUC, AP", title_justify="left", box=SIMPLE)
    for heading in ("set", "model", "AUC", "frozen", "change", "AP change"):
        shown.add_column(heading)
    failed = False
    for name in (name for name in now["sets"] if name in frozen["sets"]):
        before, after = frozen["sets"][name]["models"], now["sets"][name]["models"]
        for model in (model for model in MODELS if model in before and model in after):
            auc, old = after[model]["auc"]["mean"], before[model]["auc"]["mean"]
            ap = after[model]["ap"]["mean"] - before[model]["ap"]["mean"]
            failed |= model == DEFAULT and auc < old - allowed_fall
            if auc != old or ap:
                shown.add_row(name, model, f"{auc:.4f}", f"{old:.4f}", f"{auc - old:+.4f}", f"{ap:+.4f}")
    return Changes(shown, failed)


def _verdict(found: Figures) -> str:
    """Whether links help on a set: the default against its placebo, and against trees without a graph."""
    low, _, high = found["differences"][PLACEBO]
    gain = difference_text(found["differences"][PLACEBO])
    if low > 0:
        return f"Links help here: the default is {gain} better than on permuted links."
    if high < 0:
        return f"Links harm here: the default is {gain} against permuted links."
    return f"Links are not shown to help here: the default against permuted links is {gain}."


def _set_section(name: str, found: Figures) -> list[str]:
    chosen = SETS[name]
    cases = _cases(chosen, found)
    lines = [
        f"## {chosen.title}",
        "",
        f"{cases[0].upper()}{cases[1:]}. {chosen.artefact}",
        "",
    ]
    rows = [
        (f"**{NAMES[model]}**" if model == DEFAULT else NAMES[model], auc, ap, less)
        for model, auc, ap, less in _rows(found)
    ]
    lines += [markdown.table(("model", "AUC", "AP", "default less it, AUC [95 %]"), rows)]
    best = found["best_challenger"]
    calibration = found["calibration"]
    lines += [
        "",
        f"{_verdict(found)} Best challenger: {best}; default less it "
        f"{difference_text(found['differences'][best])}.",
        f"Calibration of the default: bad rate {calibration['bad_rate']:.1%} against a mean PD of "
        f"{calibration['mean_pd']:.1%}; ECE {calibration['ece']:.3f} (95th percentile of a perfect model: "
        f"{calibration['ece_perfect']:.3f}); slope {calibration['slope']:.2f}.",
    ]
    if chosen.published:
        told = "; ".join(f"{who} {what}" for who, what in chosen.published.items())
        lines += ["", f"Beside them, AUC or AUC/AP: {told}."]
    return [*lines, ""]


_HEAD = """# How well it ranks

Made by `make bench-quality` (`python -m bench.quality --freeze`) from the figures frozen in
`bench/frozen/quality.json`; do not edit by hand.

Every set goes through the ordinary load, panel, training and evaluation, with the default settings: nothing
is tuned for a set, and nothing is fitted on test rows. All models see the same parts. AUC and AP (average
precision) are means over runs ± their standard deviation; a run has seeds of its own for every model, and
permutes the links of the placebo anew. Intervals are of AUC(default) - AUC(model) within a run, meaned over
runs, 95 %, by a bootstrap over parties that is paired across models and runs. SAGE and GAT are written as
a user of torch-geometric would (two HeteroConv layers of 64, own and environment columns, weighted loss,
early stopping on validation); label propagation spreads what was known of counterparties.

On permuted links every party keeps the number of its counterparties in every relation and year, and what it
did itself; who they are, and the record of each pair, is drawn by chance. A default that is no better than
that owes its links nothing. Where validation shows no gain beyond its error the default goes without links,
and then both are the same. A published figure on other parts or rows is no more than a landmark.
"""


def _pooled_section(figures: Figures) -> list[str]:
    lines = [
        "## All sets together",
        "",
        "Default less model, AUC; every set counts the same. The best challenger of a set is the one "
        "with the highest AUC on its test rows: a choice in its favour, which nobody could have made.",
        "",
    ]
    rows = [
        (NAMES.get(name, name), difference_text(found["auc"]), str(len(found["sets"])))
        for name, found in figures["pooled"].items()
    ]
    return [*lines, markdown.table(("against", "difference [95 %]", "sets"), rows), ""]


def _overview(figures: Figures) -> list[str]:
    rows = []
    for name, found in figures["sets"].items():
        aucs = [found["models"].get(model, {}).get("auc", {}).get("mean") for model in MODELS[1:]]
        best = found["best_challenger"]
        cells = ("" if auc is None else f"{auc:.3f}" for auc in aucs)
        against = f"{difference_text(found['differences'][best])} ({best})"
        rows.append((name, _runs(SETS[name], found), *cells, against))
    return [
        "## Mean AUC",
        "",
        markdown.table(("set", "runs", *MODELS[1:], "default less best challenger"), rows),
        "",
    ]


def render(figures: Figures) -> str:
    """The page, as Markdown."""
    lines = [_HEAD, *_overview(figures), *_pooled_section(figures)]
    if ablation.FROZEN.exists():
        lines += ablation.section(json.loads(ablation.FROZEN.read_text("utf-8")))
    for name, found in figures["sets"].items():
        lines += _set_section(name, found)
    wall, cpu = (
        sum(sum(found[clock].values()) * found["runs"] for found in figures["sets"].values()) / 60
        for clock in ("seconds", "cpu_seconds")
    )
    cores = figures["machine"]["cores"]
    lines += [
        "## What it took",
        "",
        f"{wall:.0f} minutes of wall time, added up over sets of which two are measured at a time on {cores} "
        f"cores, and {cpu:.0f} minutes of CPU without the panels (what else the machine did counts in the "
        "first). Mean wall seconds of a run by step:",
        "",
    ]
    steps = list(next(iter(figures["sets"].values()))["seconds"]) if figures["sets"] else []
    rows = [(n, *(f"{f['seconds'].get(s, 0):.0f}" for s in steps)) for n, f in figures["sets"].items()]
    return "\n".join([*lines, markdown.table(("set", *steps), rows), ""])
