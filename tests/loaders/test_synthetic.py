"""The synthetic ecosystem: valid by contract, the same bytes, and what was planted is there."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import duckdb
import ibis
import numpy as np
import pytest

from graph.contract import TABLES
from graph.duckdb_store import DuckDBStore
from graph.errors import BadInput
from graph.rules import SCHEMAS
from loaders import load
from loaders.synthetic import EcosystemSettings, generate
from loaders.synthetic.settings import EXTRACTION_DELAY_DAYS, HORIZON_DAYS

SETTINGS = EcosystemSettings(parties=6_000, seed=3)
SMALL = EcosystemSettings(parties=400, seed=5, invoices_per_party=6)
NOT_WRITTEN = {"splits"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("synthetic") / "x1"
    generate(SETTINGS, out)
    return out


@pytest.fixture(scope="module")
def no_contagion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("synthetic") / "x0"
    generate(replace(SETTINGS, contagion=0.0), out)
    return out


def views(folder: Path) -> duckdb.DuckDBPyConnection:
    """Tables by name, truth files as truth_NAME."""
    con = duckdb.connect()
    for path in folder.glob("*.parquet"):
        con.read_parquet(str(path)).create_view(path.stem)
    for path in (folder / "truth").glob("*.parquet"):
        con.read_parquet(str(path)).create_view(f"truth_{path.stem}")
    return con


def one(con: duckdb.DuckDBPyConnection, query: str) -> float:
    found = con.execute(query).fetchone()
    assert found is not None
    return float(found[0])


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_every_table_of_the_contract_is_there(folder: Path) -> None:
    assert {path.stem for path in folder.glob("*.parquet")} == set(TABLES) - NOT_WRITTEN


# Ibis 12 asks pandas 3.1 for an option that pandas will drop.
@pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")
@pytest.mark.parametrize("name", sorted(set(TABLES) - NOT_WRITTEN))
def test_rows_keep_the_contract(folder: Path, name: str) -> None:
    backend = ibis.duckdb.connect()
    SCHEMAS[name].validate(backend.read_parquet(folder / f"{name}.parquet"))
    con, table = views(folder), TABLES[name]
    keys = ", ".join(f'"{column}"' for column in table.key)
    assert one(con, f"select count(*) from (select {keys} from {name} group by all having count(*) > 1)") == 0
    for column in table.columns:
        if column.references == "parties":
            orphans = f"select count(*) from {name} anti join parties p on {name}.{column.name} = p.party_id"
            assert one(con, f"{orphans} where {name}.{column.name} is not null") == 0


def test_it_loads_without_a_rejected_row(tmp_path: Path) -> None:
    generate(SMALL, tmp_path / "data")
    store = DuckDBStore(tmp_path / "ecosystem.duckdb")
    report = load("canonical", tmp_path / "data", store, tmp_path)
    assert sum(counts.quarantined for counts in report.tables.values()) == 0
    assert report.tables["parties"].accepted == SMALL.parties
    assert store.sources() == (SMALL.declaration(),)
    snapshot = store.read(date(2024, 1, 1), None)
    assert {"SUPPLIES.out", "GUARANTEES.in", "SHIPS_FOR.in", "FINANCES.out"} <= set(snapshot.relations)


def test_same_settings_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        generate(replace(SMALL, seed=seed), tmp_path / name)
    a, b, c = (bytes_of(tmp_path / name) for name in "abc")
    assert a == b
    assert a["invoices.parquet"] != c["invoices.parquet"]


def test_contagion_changes_neither_parties_nor_wiring(folder: Path, no_contagion: Path) -> None:
    for name in ("parties", "links", "context", "fx"):
        assert (folder / f"{name}.parquet").read_bytes() == (no_contagion / f"{name}.parquet").read_bytes()


@pytest.mark.parametrize("which", ["folder", "no_contagion"])
def test_base_rate_holds_in_every_year(which: str, request: pytest.FixtureRequest) -> None:
    con = views(request.getfixturevalue(which))
    rates = con.execute(
        """select year, count(distinct o.party_id) / count(distinct h.party_id)
        from range(2022, 2025) y(year) join truth_hazard h on year(h.as_of) in (2022, 2024)
        left join outcomes o on o.party_id = h.party_id and year(o.occurred_on) = year group by year"""
    ).fetchall()
    assert all(0.03 < rate < 0.055 for _, rate in rates), rates


def test_a_third_of_the_hazards_variance_is_inherited(folder: Path) -> None:
    share = one(
        views(folder),
        """select var_pop(inherited) / (var_pop(inherited) + var_pop(own) + var_pop(environment))
        from truth_hazard""",
    )
    assert 0.27 < share < 0.43


def test_without_contagion_nothing_is_inherited(no_contagion: Path) -> None:
    con = views(no_contagion)
    assert one(con, "select max(abs(inherited)) from truth_hazard") == 0
    assert one(con, "select count(*) from truth_inherited") == 0


def test_contributions_sum_to_what_a_party_inherits(folder: Path) -> None:
    worst = one(
        views(folder),
        """select max(abs(h.inherited - coalesce(c.total, 0))) from truth_hazard h left join (
          select party_id, as_of, sum(contribution) as total from truth_inherited group by all) c
        on c.party_id = h.party_id and c.as_of = h.as_of""",
    )
    assert worst < 0.01  # contributions under 1e-4 are left out


def test_wiring_ignores_stress(no_contagion: Path) -> None:
    """Partners' own log-odds do not correlate: what a neighbour's signs tell at X = 0 is nothing."""
    con = views(no_contagion)
    found = one(
        con,
        """select corr(s.own, b.own) from truth_relations r
        join truth_hazard s on s.party_id = supplier_id and s.as_of = '2024-01-01'
        join truth_hazard b on b.party_id = buyer_id and b.as_of = '2024-01-01'
        where r.valid_from <= '2024-01-01' and r.valid_to > '2024-01-01'""",
    )
    assert abs(found) < 0.05


def test_half_of_the_supply_relations_are_gone_after_13_months(folder: Path) -> None:
    """Of relations that had traded by a day, among parties that survive."""
    left = one(
        views(folder),
        """with traded as (select seller_id, buyer_id, min(issued_on) as since from invoices group by all)
        select avg((valid_to > '2024-02-01')::int) from truth_relations r
        join traded on seller_id = supplier_id and traded.buyer_id = r.buyer_id
        where not by_default and since < '2023-01-01' and valid_from < '2023-01-01'
        and valid_to > '2023-01-01'""",
    )
    assert 0.44 < left < 0.56


def test_degrees_have_a_long_but_bounded_tail(folder: Path) -> None:
    con = views(folder)
    largest, median, total = con.execute(
        """select max(n), median(n), sum(n) from (
        select seller_id, count(distinct buyer_id) as n from invoices group by 1)"""
    ).fetchone() or (0, 0, 0)
    assert largest > 10 * median
    assert largest < 0.03 * total


def test_payments_worsen_before_default(folder: Path) -> None:
    """The same parties pay later, more often in parts, in the half year before they fail."""
    rows = (
        views(folder)
        .execute(
            """with bills as (
          select i.*, o.occurred_on - i.due_on as before, (select count(*) from payments p
            where p.invoice_id = i.invoice_id) as parts
          from invoices i join outcomes o on o.party_id = i.buyer_id
          where status in ('open', 'paid') and due_on < o.occurred_on)
        select before < 120 as near, avg(coalesce(paid_on - due_on, 90)), avg((parts <> 1)::int)
        from bills where before < 120 or before between 500 and 900 group by 1 order by 1"""
        )
        .fetchall()
    )
    (_, usual_delay, usual_parts), (_, delay, parts) = rows
    assert delay > usual_delay + 20
    assert parts > usual_parts + 0.1


def test_nothing_is_known_before_it_happened_or_after_the_extract(folder: Path) -> None:
    con = views(folder)
    last = date(2025, 1, 1) + timedelta(days=EXTRACTION_DELAY_DAYS)
    for name in set(TABLES) - NOT_WRITTEN:
        table = TABLES[name]
        if table.event_column is not None:
            event = f'"{table.event_column}"'
            assert one(con, f"select count(*) from {name} where known_on < {event}") == 0, name
        for column in table.columns:
            if column.type == "date" and column.name not in ("due_on", "promised_on"):
                assert one(con, f"select count(*) from {name} where \"{column.name}\" > date '{last}'") == 0
    late = "select max(known_on - occurred_on) from outcomes"
    assert 50 < one(con, late) <= SETTINGS.outcome_delay_days


def test_a_failed_party_pays_and_trades_no_more(folder: Path) -> None:
    con = views(folder)
    failed = "(select party_id as failed, occurred_on from outcomes)"
    for table, party, day in (
        ("payments", "payer_id", "paid_on"),
        ("invoices", "seller_id", "issued_on"),
        ("invoices", "buyer_id", "issued_on"),
        ("events", "party_id", "t.occurred_on"),
    ):
        query = f"select count(*) from {table} t join {failed} o on o.failed = t.{party}"
        assert one(con, f"{query} where {day} > o.occurred_on and t.known_on > o.occurred_on + 45") == 0
    unpaid = "select count(*) from invoices join outcomes on party_id = buyer_id where status = 'open'"
    assert one(con, unpaid) > 0


def test_payments_add_up_to_the_invoice_less_what_was_returned(folder: Path) -> None:
    over = one(
        views(folder),
        """with paid as (select invoice_id, sum(amount) as paid from payments group by 1),
        returned as (
          select corrects_invoice_id as invoice_id, amount from invoices where status = 'credit_note')
        select count(*) from invoices i join paid using (invoice_id) left join returned r using (invoice_id)
        where paid + coalesce(r.amount, 0) > i.amount or i.status = 'void'""",
    )
    assert over == 0


def test_label_windows_are_over_and_known_before_the_test_day() -> None:
    task = SETTINGS.declaration().tasks[0]
    first_test = task.as_of["test"][0]
    late = timedelta(days=HORIZON_DAYS + SETTINGS.outcome_delay_days)
    assert len(task.as_of["train"]) >= 3
    for part in ("train", "valid"):
        assert all(day + late < first_test for day in task.as_of[part])  # type: ignore[index]
    assert first_test + timedelta(days=HORIZON_DAYS) <= date(2025, 1, 1)


def test_links_can_be_missing_or_false(tmp_path: Path) -> None:
    settings = replace(SMALL, parties=1_000)
    for name, changed in (
        ("all", settings),
        ("missing", replace(settings, missing_links=0.3)),
        ("false", replace(settings, false_links=0.1)),
    ):
        generate(changed, tmp_path / name)
    count = "select count(*) from invoices"
    complete, missing, false = (views(tmp_path / name) for name in ("all", "missing", "false"))
    assert 0.6 < one(missing, count) / one(complete, count) < 0.8
    truth = (tmp_path / "all" / "truth" / "hazard.parquet").read_bytes()
    assert (tmp_path / "missing" / "truth" / "hazard.parquet").read_bytes() == truth
    wrong = one(
        false,
        """select avg((r.supplier_id is null)::int) from invoices i
        left join (select distinct supplier_id, buyer_id from truth_relations) r
        on r.supplier_id = i.seller_id and r.buyer_id = i.buyer_id""",
    )
    assert 0.05 < wrong < 0.15


def test_bad_settings_and_a_folder_in_use_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="contagion is -1"):
        EcosystemSettings(contagion=-1)
    with pytest.raises(BadInput, match="first day of a month"):
        EcosystemSettings(start=date(2021, 1, 2))
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(BadInput, match="not empty"):
        generate(SMALL, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_progress_is_told_each_step_once(tmp_path: Path) -> None:
    told: list[tuple[str, float]] = []
    generate(SMALL, tmp_path / "data", lambda step, share: told.append((step, share)))
    shares = [share for _, share in told]
    assert len({step for step, _ in told}) == len(told)
    assert shares == sorted(shares)
    assert shares[0] == 0 < shares[-1] < 1


@pytest.mark.slow
@pytest.mark.parametrize("seed", [11, 12])
def test_models_find_what_was_planted(tmp_path: Path, seed: int) -> None:
    bench = pytest.importorskip("bench.synthetic")
    settings = EcosystemSettings(seed=seed)
    generate(settings, tmp_path / "x1")
    figures = bench.measure(settings, tmp_path / "x1")
    assert 0.70 <= figures["auc_own"] <= 0.78
    assert figures["auc_own_and_neighbours"] > figures["auc_own"] + 0.03
    assert figures["spearman_neighbours"] > 0.6
    assert 0.30 < figures["inherited_variance_share"] < 0.40
    settings = replace(settings, contagion=0.0)
    generate(settings, tmp_path / "x0")
    figures = bench.measure(settings, tmp_path / "x0")
    assert abs(figures["auc_own_and_neighbours"] - figures["auc_own"]) < 0.015
    assert abs(figures["auc_neighbours"] - 0.5) < 0.04


def test_declared_days_are_calendar_days(folder: Path) -> None:
    """Parquet holds real dates, whole numbers of money and no column outside the contract."""
    types = views(folder).execute("describe invoices").fetchall()
    assert {name: kind for name, kind, *_ in types}["issued_on"] == "DATE"
    assert {name: kind for name, kind, *_ in types}["amount"] == "BIGINT"
    assert tuple(name for name, *_ in types) == TABLES["invoices"].column_names
    assert np.isfinite(one(views(folder), "select avg(amount) from invoices"))
