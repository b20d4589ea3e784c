"""Figures by size, number of counterparties and thickness of the file: who is served well, and who not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import pyarrow.compute as pc
from babel.numbers import get_currency_precision
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.table import Table
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from gnn.champion.intervals import bootstrap_aucs, interval
from gnn.champion.metrics import expected_calibration_error
from gnn.champion.reliability import Calibration, Span, calibration_of, with_interval
from gnn.columns.features import raw_columns
from gnn.panels.panel import Origin
from graph.vocabulary import SIZE_BANDS

#: A file with fewer rows on record is thin.
THIN_ROWS = 5

#: What is flagged when false alarms are counted: the riskiest share of all cases.
FLAGGED_SHARE = 0.1

#: More rows than this are drawn from: thousands of resamples go over them.
MAX_ROWS = 100_000

SIZE, DEGREE, FILE = "size", "degree", "file"


@dataclass(frozen=True)
class Grouping:
    """Rows in bins, from the smallest on: ``bins`` int8 [rows], positions in ``labels``. ``basis``: what was
    measured."""

    name: str
    basis: str
    labels: tuple[str, ...]
    bins: NDArray[np.int8]


def _span(low: int, high: int) -> str:
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def quintiles(name: str, basis: str, values: NDArray[np.int64]) -> Grouping:
    """Rows in up to five bins of equal mass; equal values share a bin, so there may be fewer."""
    edges = np.unique(np.quantile(values, [0.2, 0.4, 0.6, 0.8], method="inverted_cdf"))
    _, bins = np.unique(np.searchsorted(edges, values, side="left"), return_inverse=True)
    spans = [values[bins == number] for number in range(int(bins.max()) + 1)]
    labels = tuple(_span(int(found.min()), int(found.max())) for found in spans)
    return Grouping(name, basis, labels, bins.astype(np.int8))


def _by_band(origins: Sequence[Origin]) -> Grouping | None:
    """By the stated size band, where most rows have one."""
    found = []
    for origin in origins:
        bands = origin.snapshot.tables["parties"]["size_band"].combine_chunks().cast("string")
        order = pc.index_in(bands, value_set=pc.cast(list(SIZE_BANDS), "string")).fill_null(len(SIZE_BANDS))
        found.append(order.to_numpy(zero_copy_only=False)[origin.codes])
    order = np.concatenate(found)
    if (order < len(SIZE_BANDS)).mean() < 0.5:
        return None
    present, bins = np.unique(order, return_inverse=True)
    names = (*SIZE_BANDS, "not stated")
    return Grouping(SIZE, "size band", tuple(names[number] for number in present), bins.astype(np.int8))


def _pair_sums(origin: Origin, measure: str) -> NDArray[np.int64]:
    """Sum over all pairs of each row's party of a relation's array ("one": the number of pairs)."""
    total = np.zeros(origin.snapshot.n_parties, np.int64)
    for relation in origin.snapshot.relations.values():
        if measure == "one":
            total += relation.degree()
        else:
            sums = np.concatenate([[0], np.cumsum(getattr(relation, measure), dtype=np.int64)])
            total += np.diff(sums[relation.indptr])
    return total[origin.codes]


def groupings(origins: Sequence[Origin]) -> tuple[Grouping, ...]:
    """Size (size band; else amount traded; else rows on record), counterparties, and thin or thick file.

    All as of each row's day; rows of several days are put together. A grouping with one bin is left out.
    """
    rows = np.concatenate([raw_columns(o.snapshot).rows[o.codes] for o in origins]).astype(np.int64)
    amounts = np.concatenate([_pair_sums(origin, "amount") for origin in origins])
    degrees = np.concatenate([_pair_sums(origin, "one") for origin in origins])
    size = _by_band(origins)
    if size is None and (amounts > 0).mean() >= 0.5:
        currency = origins[0].snapshot.base_currency
        size = quintiles(SIZE, f"{currency} traded", amounts // 10 ** get_currency_precision(currency))
    if size is None:
        size = quintiles(SIZE, "rows on record", rows)
    thickness = Grouping(
        FILE,
        "rows on record",
        (f"thin: under {THIN_ROWS}", f"thick: {THIN_ROWS} or more"),
        (rows >= THIN_ROWS).astype(np.int8),
    )
    found = (size, quintiles(DEGREE, "counterparties", degrees), thickness)
    return tuple(grouping for grouping in found if len(np.unique(grouping.bins)) > 1)


@dataclass(frozen=True)
class Slice:
    """Figures of one bin. ``auc`` with its 95 % interval over parties, None where a class is missing;
    ``false_alarms``: share of the bin's good ones that are among the riskiest tenth of all cases."""

    by: str
    basis: str
    label: str
    n: int
    positives: int
    auc: Span | None
    ece: float
    false_alarms: float | None
    calibration: Calibration

    def to_json(self) -> dict[str, object]:
        """Values by name, calibration among them."""
        flat = asdict(self)
        return {
            **{name: value for name, value in flat.items() if name != "calibration"},
            **flat["calibration"],
        }


def _slice(
    grouping: Grouping,
    number: int,
    labels: NDArray[np.int8],
    party: NDArray[np.int32],
    z: NDArray[np.float64],
) -> Slice:
    mine, parties = grouping.bins == number, int(party.max()) + 1
    y, who, odds = labels[mine], party[mine], z[mine]
    positives, auc = int(y.sum()), None
    if 0 < positives < len(y):
        low, high = interval(bootstrap_aucs(y, who, {"": odds}, parties=parties)[""])
        auc = (low, float(roc_auc_score(y, odds)), high)
    flagged = odds >= np.quantile(z, 1.0 - FLAGGED_SHARE)
    return Slice(
        by=grouping.name,
        basis=grouping.basis,
        label=grouping.labels[number],
        n=len(y),
        positives=positives,
        auc=auc,
        ece=expected_calibration_error(y, expit(odds)),
        false_alarms=float(flagged[y == 0].mean()) if positives < len(y) else None,
        calibration=calibration_of(y, who, odds, parties=parties),
    )


def slices(
    labels: NDArray[np.int8],
    party: NDArray[np.int32],
    z: NDArray[np.float64],
    found: Sequence[Grouping],
) -> tuple[Slice, ...]:
    """Figures of log-odds ``z`` [rows] in every bin that holds rows; of ``MAX_ROWS`` drawn rows at most."""
    if len(labels) > MAX_ROWS:
        kept = np.sort(np.random.default_rng(11).permutation(len(labels))[:MAX_ROWS])
        labels, z, found = labels[kept], z[kept], [replace(each, bins=each.bins[kept]) for each in found]
        party = np.unique(party[kept], return_inverse=True)[1].astype(np.int32)
    return tuple(
        _slice(grouping, number, labels, party, z)
        for grouping in found
        for number in np.unique(grouping.bins).tolist()
    )


def slices_table(found: Sequence[Slice]) -> Table:
    """One row a bin, for people."""
    table = Table(
        title="By size, counterparties and thickness of the file",
        title_justify="left",
        caption="intervals: 95 %, over parties; false alarms: share of good ones in the riskiest tenth",
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("by")
    for heading in ("bin", "n", "bad", "AUC", "ECE", "predicted", "observed", "slope", "false alarms"):
        table.add_column(heading, justify="right")
    before = ""
    for each in found:
        by = f"{each.by} ({each.basis})"
        table.add_row(
            by if by != before else "",
            each.label,
            f"{each.n:,}",
            f"{each.positives:,}",
            with_interval(each.auc),
            f"{each.ece:.3f}",
            f"{each.calibration.predicted:.3f}",
            with_interval(each.calibration.observed, 3),
            with_interval(each.calibration.slope),
            "" if each.false_alarms is None else f"{each.false_alarms:.1%}",
        )
        before = by
    return table
