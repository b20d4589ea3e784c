"""A party's own and environment columns: indicators, the source's features, degrees, rates of its milieu."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gnn.threads import by_chunks, side_by_side
from graph.asof import code_column, party_columns
from graph.contract import TABLES
from graph.digest import folds_of
from graph.indicators import CATALOGUE, compute
from graph.snapshot import Snapshot

OWN, ENVIRONMENT = "own", "environment"

#: Rows of a party are in the same fold on every prediction day.
FOLDS = 5

#: Columns of ``parties`` whose values stand for a milieu.
MILIEU_COLUMNS = ("industry", "region", "country", "size_band")

#: Tables whose rows tell nothing of a party's dealings.
_NOT_DEALINGS = ("parties", "identifiers", "splits")

#: A milieu's rate is drawn to the population's with the weight of so many cases.
MILIEU_PRIOR_CASES = 20.0


@dataclass(frozen=True)
class FeatureMatrix:
    """Columns for some rows: ``groups`` says per column "own", "environment" or a relation's name.

    ``values`` float32 [rows, columns], NaN where unknown.
    """

    names: tuple[str, ...]
    groups: tuple[str, ...]
    values: NDArray[np.float32]

    def of(self, *groups: str) -> FeatureMatrix:
        """The columns of the given groups, their values row by row in memory."""
        kept = [position for position, group in enumerate(self.groups) if group in groups]
        names = tuple(self.names[position] for position in kept)
        return FeatureMatrix(names, tuple(self.groups[p] for p in kept), self.values.take(kept, axis=1))


class Stacked:
    """Rows of matrices with the same columns, one after the other; nothing is held twice."""

    def __init__(self, rows: int) -> None:
        self._rows, self._filled = rows, 0
        self._matrix = FeatureMatrix((), (), np.empty((rows, 0), np.float32))

    def add(self, part: FeatureMatrix) -> None:
        """The next rows."""
        if not self._filled:
            values = np.empty((self._rows, len(part.names)), np.float32)
            self._matrix = FeatureMatrix(part.names, part.groups, values)
        self._matrix.values[self._filled : self._filled + len(part.values)] = part.values
        self._filled += len(part.values)

    def matrix(self) -> FeatureMatrix:
        """All rows that were added."""
        return self._matrix


@dataclass(frozen=True)
class Encoding:
    """Bad rates of the values of one milieu column among the training rows.

    ``rates``: per value, ``FOLDS`` rates without the rows of one fold, then the rate of all rows.
    ``prior``: the same for a value never seen.
    """

    column: str
    rates: Mapping[str, tuple[float, ...]]
    prior: tuple[float, ...]


@dataclass(frozen=True)
class Schema:
    """Column names in the model's order; ``caused``: counterparty-caused indicators by relation."""

    own: tuple[str, ...]
    environment: tuple[str, ...]
    caused: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class RawColumns:
    """All columns a snapshot offers, float32 [n_parties] by name, before a model's schema picks its own.

    ``rows``: see ``rows_on_record``; no column of a model.
    """

    own: Mapping[str, NDArray[np.float32]]
    environment: Mapping[str, NDArray[np.float32]]
    caused: Mapping[str, Mapping[str, NDArray[np.float32]]]
    rows: NDArray[np.int32]


def fold_of(party_ids: pa.StringArray, folds: int = FOLDS) -> NDArray[np.int8]:
    """Fold of each party by a hash of its id, int8 [n]."""
    return folds_of(party_ids, folds)


def _float32(column: pa.ChunkedArray | pa.Array) -> NDArray[np.float32]:
    return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float32)


#: A snapshot's columns, made once and gone with it: training, challengers and evaluation share them.
_MADE: WeakKeyDictionary[Snapshot, RawColumns] = WeakKeyDictionary()


def raw_columns(snapshot: Snapshot) -> RawColumns:
    """Indicators, ``x_*`` features and log degrees of every party; milieu rates are a model's matter."""
    if snapshot not in _MADE:
        _MADE[snapshot] = _make_columns(snapshot)
    return _MADE[snapshot]


#: Measures of pairs that no column of a model is made from.
_UNREAD = ("count", "first_on", "last_on", "strength")


def without_tables(snapshot: Snapshot) -> Snapshot:
    """``snapshot`` with its columns made and its tables gone, but for the parties, and what no model reads of
    its pairs."""
    made = raw_columns(snapshot)
    relations = {name: relation.without(*_UNREAD) for name, relation in snapshot.relations.items()}
    light = replace(snapshot, tables={"parties": snapshot.tables["parties"]}, relations=relations)
    _MADE[light] = made
    return light


def _make_columns(snapshot: Snapshot) -> RawColumns:
    own: dict[str, NDArray[np.float32]] = {}
    environment: dict[str, NDArray[np.float32]] = {}
    caused: dict[str, dict[str, NDArray[np.float32]]] = {}
    found = compute(snapshot).columns
    for indicator in CATALOGUE.values():
        values = found.get(indicator.name)
        if values is None:
            continue
        column = np.asarray(values, dtype=np.float32)
        if indicator.cause == "counterparty" and indicator.relation is not None:
            caused.setdefault(indicator.relation, {})[indicator.name] = column
        elif indicator.cause == "environment":
            environment[indicator.name] = column
        else:
            own[indicator.name] = column
    parties = snapshot.tables["parties"]
    for name in parties.column_names:
        if name.startswith("x_"):
            own[name] = _float32(parties.column(name).combine_chunks())
    for name, relation in snapshot.relations.items():
        own[f"log_degree:{name}"] = np.log1p(relation.degree()).astype(np.float32)
    return RawColumns(own, environment, caused, rows_on_record(snapshot))


def rows_on_record(snapshot: Snapshot) -> NDArray[np.int32]:
    """Rows of any table that name the party, int32 [n]."""
    rows = np.zeros(snapshot.n_parties, np.int32)
    for name, table in snapshot.tables.items():
        if name in _NOT_DEALINGS or name not in TABLES:
            continue
        for column in map(code_column, party_columns(TABLES[name])):
            codes = table[column].drop_null().to_numpy()
            rows += np.bincount(codes, minlength=len(rows)).astype(np.int32)
    return rows


def _informative(column: NDArray[np.float32]) -> bool:
    known = column[np.isfinite(column)]
    return bool(len(known) and known.min() < known.max())


def schema_of(
    origins: list[tuple[RawColumns, NDArray[np.int32]]], encodings: tuple[Encoding, ...], relations: set[str]
) -> Schema:
    """Columns that vary over the training rows (a column set and its rows per origin)."""

    def varying(columns: list[Mapping[str, NDArray[np.float32]]]) -> tuple[str, ...]:
        names: dict[str, list[NDArray[np.float32]]] = {}
        for found, (_, rows) in zip(columns, origins, strict=True):
            for name, values in found.items():
                names.setdefault(name, []).append(values[rows])
        return tuple(name for name, parts in names.items() if _informative(np.concatenate(parts)))

    milieu = tuple(f"rate:{encoding.column}" for encoding in encodings)
    caused = {r: varying([raw.caused.get(r, {}) for raw, _ in origins]) for r in sorted(relations)}
    return Schema(
        own=varying([raw.own for raw, _ in origins]),
        environment=varying([raw.environment for raw, _ in origins]) + milieu,
        caused={relation: names for relation, names in caused.items() if names},
    )


def milieu_values(snapshot: Snapshot, column: str) -> pa.DictionaryArray:
    """A milieu column of every party, dictionary-encoded."""
    values = snapshot.tables["parties"].column(column).combine_chunks()
    return values.cast(pa.string()).dictionary_encode()


def fit_encodings(
    origins: list[tuple[Snapshot, NDArray[np.int32], NDArray[np.int8]]],
) -> tuple[Encoding, ...]:
    """Rates by milieu over training rows (snapshot, codes, labels): by folds, so a row never sees itself.

    A rate is (Σ bad + 20·prior) / (n + 20). Columns with a single value are left out.
    """
    encodings = []
    for column in MILIEU_COLUMNS:
        counts: dict[str, NDArray[np.float64]] = {}
        for snapshot, codes, labels in origins:
            values = milieu_values(snapshot, column).take(pa.array(codes))
            fold = fold_of(snapshot.party_ids.take(pa.array(codes)))
            known = values.indices.is_valid().to_numpy(zero_copy_only=False)
            index = values.indices.fill_null(0).to_numpy(zero_copy_only=False)[known]
            table = np.zeros((len(values.dictionary), 2, FOLDS))
            np.add.at(table, (index, 0, fold[known]), 1.0)
            np.add.at(table, (index, 1, fold[known]), labels[known])
            for value, row in zip(values.dictionary.to_pylist(), table, strict=True):
                if row[0].any():
                    counts[value] = counts.get(value, 0.0) + row
        if len(counts) > 1:
            encodings.append(_encoding(column, counts))
    return tuple(encodings)


def _encoding(column: str, counts: dict[str, NDArray[np.float64]]) -> Encoding:
    """``counts``: by value, rows and bad rows by fold, [2, folds]."""

    def without_folds(by_fold: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.append(by_fold.sum() - by_fold, by_fold.sum())

    cases, bad = (without_folds(total) for total in np.sum(list(counts.values()), axis=0))
    prior = bad / np.maximum(cases, 1.0)
    rates = {}
    for value in sorted(counts):
        n, k = (without_folds(total) for total in counts[value])
        rates[value] = tuple((k + MILIEU_PRIOR_CASES * prior) / (n + MILIEU_PRIOR_CASES))
    return Encoding(column, rates, tuple(prior))


def encoded(snapshot: Snapshot, encoding: Encoding, folds: NDArray[np.int8] | None) -> NDArray[np.float32]:
    """The milieu's rate for every party, float32 [n]; ``folds``: leave out each party's own fold."""
    values = milieu_values(snapshot, encoding.column)
    index = values.indices.fill_null(len(values.dictionary)).to_numpy(zero_copy_only=False)
    table = np.array(
        [encoding.rates.get(value, encoding.prior) for value in values.dictionary.to_pylist()]
        + [(np.nan,) * (FOLDS + 1)]
    )
    which = np.full(len(index), FOLDS) if folds is None else folds
    values_of: NDArray[np.float32] = table[index, which].astype(np.float32)
    return values_of


#: Rows that are written at a time: so many stay in the processor's cache until all columns are there.
_BLOCK = 2_048


def _stacked(
    columns: Mapping[str, NDArray[np.float32]], names: Sequence[str], rows: NDArray[np.int32]
) -> NDArray[np.float32]:
    values = np.full((len(rows), len(names)), np.nan, np.float32)
    given = [(position, columns[name]) for position, name in enumerate(names) if name in columns]

    def fill(chunk: slice) -> None:
        for start in range(chunk.start, chunk.stop, _BLOCK):
            block = slice(start, min(start + _BLOCK, chunk.stop))
            places = rows[block].astype(np.intp)
            for position, column in given:
                values[block, position] = column.take(places)

    by_chunks(len(rows), fill)
    return values


@dataclass(frozen=True)
class PartyColumns:
    """A model's columns of n parties: ``names``, ``n_own`` own ones and then environment.

    ``by_name``: float32 [n], NaN where unknown; a name that is absent is unknown of all. ``caused``: float32
    [n, columns] by relation.
    """

    names: tuple[str, ...]
    n_own: int
    by_name: Mapping[str, NDArray[np.float32]]
    caused: Mapping[str, NDArray[np.float32]]

    def of(self, rows: NDArray[np.int32], names: Sequence[str] | None = None) -> NDArray[np.float32]:
        """Columns of some parties side by side, float32 [rows, columns]; ``names``: all where None."""
        return _stacked(self.by_name, self.names if names is None else names, rows)


def own_and_environment(
    snapshot: Snapshot,
    raw: RawColumns,
    schema: Schema,
    encodings: tuple[Encoding, ...],
    folds: NDArray[np.int8] | None,
) -> PartyColumns:
    """The schema's columns of every party; ``folds`` [n] on training days, None later."""
    made = side_by_side(lambda encoding: encoded(snapshot, encoding, folds), encodings)
    rates = {f"rate:{encoding.column}": rate for encoding, rate in zip(encodings, made, strict=True)}
    given = {**raw.own, **raw.environment, **rates}
    names = schema.own + schema.environment
    everyone = np.arange(snapshot.n_parties, dtype=np.int32)
    caused = {
        relation: _stacked(raw.caused.get(relation, {}), columns, everyone)
        for relation, columns in schema.caused.items()
    }
    by_name = {name: given[name] for name in names if name in given}
    return PartyColumns(names, len(schema.own), by_name, caused)
