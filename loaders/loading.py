"""Load a source into a store: all of it that is right, none of it where too much is wrong."""

# ruff: noqa: S608  (identifiers are quoted or our own, texts are escaped literals)

from __future__ import annotations

import fcntl
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from graph.contract import TABLES
from graph.errors import LoadRefused, MappingError
from graph.source import SourceDeclaration
from graph.sql import quote
from graph.store import EcosystemStore, LoadTransaction
from loaders.checking import Checker
from loaders.declarations import declared_by
from loaders.entities import merge_entities
from loaders.feeding import FeedPlan, FeedQuery, plan_feed
from loaders.mapping import SourceMapping, matching
from loaders.parsing import read_mapping
from loaders.quarantine import example, note_malformed, write_quarantine
from loaders.references import missing_invoices
from loaders.report import LoadReport, TableCounts
from loaders.staging import Progress, Staging, offered
from loaders.typedtables import TypedTable, count, typed_table

MEMORY_LIMIT = "2GB"
#: File in a load's folder that is locked as long as its process lives.
_HELD = "held"


def load(
    source: str,
    path: Path,
    store: EcosystemStore,
    workspace: Path,
    progress: Callable[[str, float], None] | None = None,
) -> LoadReport:
    """Read ``path`` as the mapping ``source`` says, check every row, and append the good ones to ``store``.

    ``source``: a shipped mapping's name or the path of a YAML file. ``path``: the source's folder, or one
    file of it. ``progress(what, share)`` is told what is being done and how much is (0 to 1).

    Returns the account of every row. Raises ``MappingError`` where the mapping cannot be used,
    ``LoadRefused`` where a file cannot be read or more rows are bad than the mapping allows (the store is
    then as before, and the rejected rows are in the quarantine file named in the error), and
    ``StoreUnavailable`` where the store is held by another job.
    """
    mapping = read_mapping(source)
    tell = progress or (lambda what, share: None)
    if not path.exists():
        raise LoadRefused(f"{path}: no such file or folder; give the folder that holds the source's files")
    with _scratch(workspace) as (connection, folder):
        declaration = declared_by(mapping.declaration, mapping.declared_in, path)
        staging = Staging(connection, path, mapping, tell)
        job = _Job(mapping, declaration, staging, Checker(connection, folder), workspace)
        try:
            staging.stage_all()
            job.convert(tell)
        except (duckdb.DataError, duckdb.OperationalError, duckdb.InvalidInputException) as error:
            raise LoadRefused(
                f"{path}: a file cannot be read to its end, or the mapping asks what cannot be done: {error}"
            ) from error
        except duckdb.ProgrammingError as error:
            problem = str(error).partition("\n")[0]
            raise MappingError(f"{mapping.path}: types do not go together: {problem}") from error
        with store.begin(declaration) as transaction:
            report = job.settle(transaction)
            for name, rows in job.clean_files(tell):
                transaction.append(name, rows, first_versions=not job.counts[name].updated)
        return report


def _sweep(room: Path) -> None:
    """Remove the folders of loads that were killed: nobody holds the lock of theirs any more."""
    for lock in room.glob(f"load-*/{_HELD}"):
        with suppress(OSError), lock.open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.parent)


@contextmanager
def _scratch(workspace: Path) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    """A folder and a DuckDB database for one load, both gone afterwards."""
    _sweep(workspace / "tmp")
    folder = workspace / "tmp" / f"load-{uuid.uuid4().hex[:12]}"
    folder.mkdir(parents=True)
    held = (folder / _HELD).open("w")
    fcntl.flock(held, fcntl.LOCK_EX)
    connection = duckdb.connect(
        ":memory:",
        config={
            "memory_limit": MEMORY_LIMIT,
            "temp_directory": str(folder / "spill"),
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    try:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection, folder
    finally:
        connection.close()
        shutil.rmtree(folder, ignore_errors=True)
        held.close()


@dataclass
class _Job:
    """One load between its files and its store."""

    mapping: SourceMapping
    declaration: SourceDeclaration
    staging: Staging
    checker: Checker
    workspace: Path
    tables: dict[str, TypedTable] = field(default_factory=dict)
    counts: dict[str, TableCounts] = field(default_factory=dict)
    resolved: dict[str, int] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    plans: list[FeedPlan] = field(default_factory=list)

    def convert(self, tell: Progress) -> None:
        """Read every feed into typed tables and check what can be checked without the store."""
        self._plan()
        for name, typed in self.tables.items():
            self.staging.connection.execute(typed.create_sql())
            self.counts[name] = TableCounts()
        for plan in self.plans:
            tell(f"converting {plan.feed.table}", plan.number / len(self.plans))
            self._feed(plan)
        for position, (name, typed) in enumerate(self.tables.items()):
            tell(f"checking {name}", position / len(self.tables))
            self.checker.check_rules(typed, self.declaration)
            self._merge(name, typed)
            self.counts[name].unchanged += self.checker.check_duplicates(typed)

    def _plan(self) -> None:
        for number, feed in enumerate(self.mapping.feeds):
            file = self.staging.files.get(feed.file)
            if file is None:
                continue
            offer = offered(self.staging.connection, file, feed, number)
            self.plans.append(plan_feed(feed, number, offer, file, self.declaration.name))
        for name in TABLES:
            open_columns = {x for plan in self.plans if plan.feed.table == name for x in plan.open_columns}
            if any(plan.feed.table == name for plan in self.plans):
                self.tables[name] = typed_table(name, tuple(open_columns))

    def _feed(self, plan: FeedPlan) -> None:
        file, name = self.staging.files[plan.feed.file], plan.feed.table
        FeedQuery(self.staging.connection, plan).run()
        kept = count(
            self.staging.connection, f"SELECT count(*) FROM {quote(name)} WHERE _feed = {plan.number}"
        )
        note_malformed(self.staging.connection, name, plan.number, file.malformed)
        counts = self.counts[name]
        counts.read += file.rows * plan.width + len(file.malformed)
        counts.filtered += file.rows * plan.width - kept

    def _merge(self, name: str, typed: TypedTable) -> None:
        feeds = [plan for plan in self.plans if plan.feed.table == name and plan.feed.distinct]
        if not feeds or feeds[0].feed.distinct is None:
            return
        numbers = tuple(plan.number for plan in feeds)
        merged, differing = merge_entities(self.staging.connection, typed, feeds[0].feed.distinct, numbers)
        self.counts[name].merged += merged
        if differing:
            self.resolved[name] = differing

    def settle(self, transaction: LoadTransaction) -> LoadReport:
        """Check against the store and close the account; ``LoadRefused`` where too many rows are bad."""
        self.checker.check_references(self.tables.values(), transaction)
        self.missing = missing_invoices(
            self.staging.connection, self.tables, transaction, self.checker.folder
        )
        for name, typed in self.tables.items():
            unchanged, updated = self.checker.compare_with_store(typed, transaction)
            self.counts[name].unchanged += unchanged
            self.counts[name].updated = updated
        for name, counts in self.counts.items():
            counts.quarantined = count(
                self.staging.connection,
                f"SELECT count(*) FROM (SELECT DISTINCT _feed, _rid FROM faults WHERE tbl = '{name}')",
            )
            counts.accepted = count(self.staging.connection, f"SELECT count(*) FROM {quote(name)}")
        report = self._report(transaction.load_id)
        self._refuse_if_too_bad(report)
        return report

    def _report(self, load_id: str) -> LoadReport:
        reasons = self.staging.connection.execute(
            "SELECT reason, count(*) FROM faults GROUP BY reason ORDER BY reason"
        ).fetchall()
        quarantine = write_quarantine(
            self.staging, self.plans, self.workspace / "quarantine" / f"{load_id}.csv"
        )
        ignored, warnings = self._unused_columns()
        return LoadReport(
            load_id=load_id,
            source=self.declaration.name,
            tables=self.counts,
            reasons={str(reason): int(count) for reason, count in reasons},
            ignored_columns=ignored,
            warnings=(*warnings, *self.staging.warnings, *self.missing),
            resolved=self.resolved,
            quarantine=None if quarantine is None else str(quarantine),
        )

    def _unused_columns(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Columns of the files that no table uses, and a warning for each that is not listed as ignored."""
        unused: set[str] = set()
        warnings = []
        for name, file in self.staging.files.items():
            used = {column for plan in self.plans if plan.feed.file == name for column in plan.used}
            used |= {own for lookup in file.mapping.lookups for own, _ in lookup.on}
            for other in self.staging.files.values():
                for lookup in other.mapping.lookups:
                    if lookup.file == name:
                        used |= set(matching(lookup.columns, file.joined.names)) | {
                            key for _, key in lookup.on
                        }
            listed = set(matching(file.mapping.ignore, file.own.names))
            for column in file.own.names:
                if column not in used:
                    unused.add(column)
                    if column not in listed:
                        warnings.append(f"{file.paths[0].name}: column {column!r} is unmapped")
        return tuple(sorted(unused)), tuple(warnings)

    def _refuse_if_too_bad(self, report: LoadReport) -> None:
        allowed = self.mapping.reject_share
        for name, counts in report.tables.items():
            considered = counts.read - counts.filtered
            if counts.quarantined > allowed * considered:
                reasons = ", ".join(f"{reason} {count:,}" for reason, count in report.reasons.items())
                raise LoadRefused(
                    f"{name}: {counts.quarantined:,} of {considered:,} rows are bad, more than the "
                    f"allowed share {allowed:.2%} ({reasons}); nothing was loaded. "
                    f"For example {example(self.staging, name)}. See {report.quarantine}, then mend "
                    "the files, the mapping, or its reject_share",
                    table=name,
                    quarantine=report.quarantine,
                    report=report.to_json(),
                )

    def clean_files(self, tell: Progress) -> Iterator[tuple[str, Path]]:
        """The checked rows as Parquet files, by table, parties first."""
        for position, (name, typed) in enumerate(self.tables.items()):
            if self.counts[name].accepted:
                tell(f"storing {name}", position / len(self.tables))
                yield name, self.checker.clean_rows(typed)
