"""What a candidate must show on validation rows before it is served: see docs/promotion.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.table import Table
from sklearn.metrics import roc_auc_score

from gnn.champion.intervals import LEVEL, RESAMPLES, bootstrap_aucs, difference_text, interval
from gnn.champion.reliability import Span, calibration_of
from gnn.champion.slices import DEGREE, SIZE, Grouping

CANDIDATE, CHAMPION = "candidate", "champion"
NO_GRAPH, WITH_GRAPH = "gbdt_own", "gbdt_graph"


@dataclass(frozen=True)
class GateSettings:
    """What is asked. ``auc_tolerance``: the candidate may be so much worse, here and in each bin;
    ``slope``: its interval must reach into this range; ``mean_factor``: mean predicted and observed bad rate
    may differ by this factor; ``min_cases``: fewer bad (or good) outcomes say nothing."""

    auc_tolerance: float = 0.005
    slope: tuple[float, float] = (0.7, 1.4)
    mean_factor: float = 1.25
    min_cases: int = 20
    resamples: int = RESAMPLES


@dataclass(frozen=True)
class JudgedRows:
    """Validation rows as the gate sees them: ``labels`` int8, ``party`` int32 from 0, ``z`` by model
    (candidate, challengers, the champion if any) from weights and calibration of the other half of the
    parties, and their groupings."""

    labels: NDArray[np.int8]
    party: NDArray[np.int32]
    z: Mapping[str, NDArray[np.float64]]
    groupings: tuple[Grouping, ...]

    @property
    def rivals(self) -> tuple[str, ...]:
        """Models the candidate is compared with."""
        return tuple(name for name in self.z if name != CANDIDATE)

    def auc(self, name: str) -> float:
        """AUC of one model on all rows."""
        return float(roc_auc_score(self.labels, self.z[name]))


@dataclass(frozen=True)
class Condition:
    """One line of the gate's table. ``figures``: what was measured, for machines."""

    name: str
    measured: str
    required: str
    met: bool
    figures: Mapping[str, Any]


@dataclass(frozen=True)
class Gate:
    """The verdict on a candidate. ``champion``: sha of the model that it was compared with, if any."""

    champion: str | None
    n: int
    positives: int
    settings: GateSettings
    conditions: tuple[Condition, ...]
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every condition is met."""
        return all(condition.met for condition in self.conditions)

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the conditions that are not met."""
        return tuple(condition.name for condition in self.conditions if not condition.met)

    def to_json(self) -> dict[str, Any]:
        """Values by name; ``passed`` among them."""
        return {"passed": self.passed, **asdict(self)}

    @classmethod
    def from_json(cls, item: Mapping[str, Any]) -> Gate:
        """The inverse of ``to_json``."""
        settings = {**item["settings"], "slope": tuple(item["settings"]["slope"])}
        return cls(
            item["champion"],
            item["n"],
            item["positives"],
            GateSettings(**settings),
            tuple(Condition(**condition) for condition in item["conditions"]),
            tuple(item["notes"]),
        )

    def table(self) -> Table:
        """One row a condition, for people."""
        against = "no champion yet" if self.champion is None else f"champion {self.champion[:12]}"
        table = Table(
            title=f"Gate on validation: {self.n:,} cases, {self.positives:,} bad; {against}",
            title_justify="left",
            caption="\n".join(("intervals: 95 %, over parties", *self.notes)),
            caption_justify="left",
            box=SIMPLE_HEAD,
            padding=(0, 1, 0, 0),
        )
        for heading in ("condition", "measured", "required", ""):
            table.add_column(heading)
        for each in self.conditions:
            verdict = "[green]met[/]" if each.met else "[red]not met[/]"
            table.add_row(each.name, each.measured, each.required, verdict)
        return table


def _cases(rows: JudgedRows, settings: GateSettings) -> Condition:
    bad = int(rows.labels.sum())
    fewest = min(bad, len(rows.labels) - bad)
    return Condition(
        "enough outcomes",
        f"{bad:,} bad of {len(rows.labels):,}",
        f"{settings.min_cases} bad and good ones",
        fewest >= settings.min_cases,
        {"positives": bad, "n": len(rows.labels)},
    )


def _rankings(rows: JudgedRows, settings: GateSettings, uses_links: bool) -> Iterator[Condition]:
    """AUC of the candidate less each rival's."""
    aucs = bootstrap_aucs(rows.labels, rows.party, rows.z, settings.resamples)
    for rival in rows.rivals:
        difference = rows.auc(CANDIDATE) - rows.auc(rival)
        low, high = interval(aucs[CANDIDATE] - aucs[rival])
        span = (low, difference, high)
        better = rival == NO_GRAPH and uses_links
        yield Condition(
            f"AUC less {rival}'s",
            difference_text(span),
            "above 0: links must pay" if better else f"not under -{settings.auc_tolerance:g}",
            difference > 0 if better else difference >= -settings.auc_tolerance,
            {"auc": list(span), "candidate": rows.auc(CANDIDATE), "rival": rows.auc(rival)},
        )


def _calibration(rows: JudgedRows, settings: GateSettings) -> Iterator[Condition]:
    found = calibration_of(rows.labels, rows.party, rows.z[CANDIDATE], settings.resamples)
    least, most = settings.slope
    if found.slope is not None and found.intercept is not None:
        low, mid, high = found.slope
        yield Condition(
            "calibration slope",
            f"{mid:.2f} [{low:.2f}, {high:.2f}], intercept {difference_text(found.intercept)}",
            f"interval reaches {least:g} to {most:g}",
            low <= most and high >= least,
            {"slope": list(found.slope), "intercept": list(found.intercept)},
        )
    observed = found.observed[1]
    ratio = found.predicted / observed
    yield Condition(
        "mean predicted",
        f"{found.predicted:.4f} where {observed:.4f} were bad",
        f"within a factor of {settings.mean_factor:g}",
        1.0 / settings.mean_factor <= ratio <= settings.mean_factor,
        {"predicted": found.predicted, "observed": list(found.observed)},
    )


@dataclass(frozen=True)
class _Bin:
    """The candidate's AUC less a rival's in one bin; ``drawn`` float64 [resamples]: the same, resampled."""

    by: str
    label: str
    rival: str
    n: int
    positives: int
    difference: float
    drawn: NDArray[np.float64]

    @property
    def error(self) -> float:
        """Standard error of the difference."""
        return float(np.nanstd(self.drawn))


def _bins(rows: JudgedRows, settings: GateSettings) -> Iterator[_Bin]:
    """Every bin with enough cases, against every rival, on the same draws of parties."""
    parties = int(rows.party.max()) + 1
    for grouping in rows.groupings:
        for number in np.unique(grouping.bins).tolist():
            mine = grouping.bins == number
            y = rows.labels[mine]
            bad = int(y.sum())
            if min(bad, len(y) - bad) < settings.min_cases:
                continue
            z = {name: found[mine] for name, found in rows.z.items()}
            drawn = bootstrap_aucs(y, rows.party[mine], z, settings.resamples, parties)
            auc = {name: float(roc_auc_score(y, found)) for name, found in z.items()}
            for rival in rows.rivals:
                yield _Bin(
                    grouping.name, grouping.labels[number], rival, len(y), bad,
                    auc[CANDIDATE] - auc[rival], drawn[CANDIDATE] - drawn[rival],
                )  # fmt: skip


def _widening(bins: Sequence[_Bin]) -> float:
    """Standard errors to go to either side so that all bins' intervals hold together at ``LEVEL``.

    The quantile of the largest studentised deviation over bins (a max-t bootstrap): of thirty intervals taken
    one by one, one in two or three samples would show a bin as worse that is not.
    """
    deviations = [np.abs(each.drawn - each.difference) / each.error for each in bins if each.error > 0]
    if not deviations:
        return 0.0
    return float(np.nanquantile(np.fmax.reduce(deviations), LEVEL))


def _by_bins(rows: JudgedRows, settings: GateSettings) -> Iterator[Condition]:
    """One condition a grouping: in no bin worse than a rival beyond tolerance and interval."""
    bins = list(_bins(rows, settings))
    widening = _widening(bins)

    def span(each: _Bin) -> Span:
        reach = widening * each.error
        return each.difference - reach, each.difference, each.difference + reach

    def worse(each: _Bin) -> bool:
        return each.difference < -settings.auc_tolerance and span(each)[2] < 0.0

    for name in (SIZE, DEGREE):
        mine = [each for each in bins if each.by == name]
        if not mine:
            continue
        worst = min(mine, key=lambda each: span(each)[2])
        basis = next(grouping.basis for grouping in rows.groupings if grouping.name == name)
        yield Condition(
            f"no worse by {name}",
            f"{difference_text(span(worst))} against {worst.rival} at {worst.label} ({basis})",
            f"no bin worse by {settings.auc_tolerance:g} and its interval",
            not any(map(worse, mine)),
            {
                "basis": basis,
                "bins": [
                    {
                        "bin": each.label, "rival": each.rival, "n": each.n, "positives": each.positives,
                        "auc": list(span(each)), "worse": worse(each),
                    }
                    for each in mine
                ],
            },
        )  # fmt: skip


def judge(
    rows: JudgedRows,
    *,
    uses_links: bool,
    champion: str | None = None,
    incomparable: str | None = None,
    notes: tuple[str, ...] = (),
    settings: GateSettings | None = None,
) -> Gate:
    """The gate's verdict on the candidate of ``rows``.

    ``uses_links``: whether the candidate has inherited parts; without them it need not beat the model
    without a graph. ``champion``: sha of the model behind ``rows.z["champion"]``; ``incomparable``: why it is
    not among them.
    """
    asked = settings or GateSettings()
    enough = _cases(rows, asked)
    conditions = [enough]
    if enough.met:
        conditions += _rankings(rows, asked, uses_links)
        conditions += _calibration(rows, asked)
        conditions += _by_bins(rows, asked)
    if incomparable is not None:
        required = "a readable champion of the same task"
        conditions.append(Condition("comparable champion", incomparable, required, False, {}))
    if not uses_links:
        notes = ("the candidate uses no links: they bring nothing, or there are none", *notes)
    return Gate(champion, len(rows.labels), int(rows.labels.sum()), asked, tuple(conditions), notes)
