"""The command line: each command calls a room and shows what came back."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor, wait
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from io import StringIO
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import pyarrow.parquet as pq
import typer
from rich.box import SIMPLE, SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from graph.errors import BadInput, EcoriskError, Refused, StoreUnavailable
from graph.store import EMBEDDED, LOCAL_SERVER, EcosystemStore
from graph.workspace import Workspace

if TYPE_CHECKING:
    from graph.neo4j.session import Neo4jSettings

#: Exit codes by error, the most special class first; anything else of ours is 3.
EXIT_CODES: tuple[tuple[type[EcoriskError], int], ...] = (
    (StoreUnavailable, 4),
    (Refused, 5),
    (EcoriskError, 3),
)
#: Options that may stand anywhere on the line; True: they take a value.
GLOBAL_OPTIONS = {"--workspace": True, "--store": True, "--purpose": True, "--json": False}

app = typer.Typer(
    name="ecorisk",
    help="Graph-based ecosystem risk: load, train, score, explain, serve. "
    "--workspace, --store, --purpose and --json may stand anywhere on the line.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
neo4j_app = typer.Typer(
    help="A local Neo4j server, without Docker or Java on the machine.", no_args_is_help=True
)
app.add_typer(neo4j_app, name="neo4j")

#: People read here; with --json stdout belongs to the one object that is printed.
console = Console(stderr=True)


@dataclass(frozen=True)
class Session:
    """What the global options said."""

    folder: Path
    store_uri: str
    purpose: str | None
    as_json: bool

    def workspace(self) -> Workspace:
        return Workspace.open(self.folder)

    def store(self, tell: Tell = lambda what, share=None: None) -> EcosystemStore:
        """The store named by ``--store``: the workspace's DuckDB file, or a Neo4j server."""
        workspace = self.workspace()
        currency = workspace.settings.base_currency
        if self.store_uri == EMBEDDED:
            from graph.duckdb_store import DuckDBStore

            return DuckDBStore(workspace.database, currency)
        from graph.neo4j.store import Neo4jStore

        return Neo4jStore(self.server(), currency, tell)

    def server(self) -> Neo4jSettings:
        """How to reach the Neo4j server named by ``--store``: the workspace's local one where none is."""
        from graph.neo4j.server import LocalServer
        from graph.neo4j.session import Neo4jSettings

        local, uri = LocalServer(self.workspace().neo4j), self.store_uri
        if uri in (EMBEDDED, LOCAL_SERVER):
            return local.settings()
        if "://" not in uri:
            raise BadInput(
                f"--store {uri!r}: expected {EMBEDDED!r}, {LOCAL_SERVER!r} (this workspace's local server), "
                "or a neo4j:// or bolt:// address"
            )
        user, password = os.environ.get("ECORISK_NEO4J_USER"), os.environ.get("ECORISK_NEO4J_PASSWORD")
        if password is None and local.password_file.exists() and local.settings().uri == uri:
            return local.settings()
        return Neo4jSettings(uri, user or "neo4j", password or "")

    def show(self, body: Mapping[str, Any], *renderables: Any) -> None:
        """One JSON object for machines, or renderables for people."""
        if self.as_json:
            print(json.dumps(body, default=str, ensure_ascii=False))
        else:
            for renderable in renderables:
                Console().print(renderable)


@app.callback()
def options(
    context: typer.Context,
    workspace: Annotated[
        Path, typer.Option(envvar="ECORISK_WORKSPACE", help="folder of data, models and runs")
    ] = Path("workspace"),
    store: Annotated[
        str,
        typer.Option(
            envvar="ECORISK_STORE",
            help="duckdb, neo4j (this workspace's local server), or a neo4j:// / bolt:// address",
        ),
    ] = EMBEDDED,
    purpose: Annotated[
        str | None, typer.Option(help="use only rows whose consent permits this purpose")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object to stdout")] = False,
) -> None:
    """Graph-based ecosystem risk."""
    context.obj = Session(workspace, store, purpose, as_json)


class Tell(Protocol):
    """Is told what is being done and, where known, how much of it is done (0 to 1)."""

    def __call__(self, what: str, share: float | None = None) -> None: ...


@contextmanager
def progress_bar(label: str) -> Iterator[Tell]:
    """A bar on stderr while something runs."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task(label, total=None)

        def tell(what: str, share: float | None = None) -> None:
            progress.update(
                bar,
                description=f"{label}: {what}",
                total=None if share is None else 1.0,
                completed=share or 0.0,
            )

        yield tell


def parse_day(text: str) -> date:
    """An ISO day, for ``--as-of``."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no day; expected YYYY-MM-DD, such as 2019-12-31") from None


AsOf = Annotated[
    date, typer.Option(parser=parse_day, metavar="YYYY-MM-DD", help="what was known on this day")
]
Task = Annotated[str | None, typer.Option(help="the task, where a source declares several")]


@app.command("load")
def load_command(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help="a shipped mapping's name, or a YAML file of yours")],
    path: Annotated[Path, typer.Argument(help="the source's folder, or one file of it")],
) -> None:
    """Read a source, check every row, append the good ones; the others go to quarantine/."""
    from loaders import load

    session: Session = context.obj
    workspace = session.workspace()
    with progress_bar("load") as tell:
        report = load(source, path, session.store(tell), workspace.folder, tell)
    session.show(report.to_json(), report.table())


@app.command()
def synth(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="a new folder for the tables")],
    parties: Annotated[int, typer.Option(help="number of parties")] = 20_000,
    seed: Annotated[int, typer.Option(help="same seed, same bytes")] = 1,
    contagion: Annotated[float, typer.Option(help="strength X of inherited risk; 0: none")] = 1.0,
    rings: Annotated[int, typer.Option(help="planted rings of each typology, with benign look-alikes")] = 0,
    missing_links: Annotated[float, typer.Option(help="share of relations that leave no rows")] = 0.0,
    false_links: Annotated[float, typer.Option(help="share of relations that name somebody else")] = 0.0,
    outcome_delay_days: Annotated[int, typer.Option(help="outcomes are known up to so many days late")] = 60,
) -> None:
    """Write a synthetic ecosystem with known truth, to be loaded as 'canonical'."""
    from loaders.synthetic import EcosystemSettings, generate

    session: Session = context.obj
    settings = EcosystemSettings(
        parties=parties, seed=seed, contagion=contagion, rings=rings,
        missing_links=missing_links, false_links=false_links, outcome_delay_days=outcome_delay_days,
    )  # fmt: skip
    with progress_bar("synth") as tell:
        generate(settings, folder, tell)
    asked = ("parties", "seed", "contagion", "rings", "missing_links", "false_links", "outcome_delay_days")
    body = {"folder": str(folder), **{name: getattr(settings, name) for name in asked}}
    session.show(body, f"{parties:,} parties in {folder}; next: ecorisk load canonical {folder}")


def _facts_table(title: str) -> Table:
    return Table("", "", title=title, title_justify="left", show_header=False, box=SIMPLE)


@app.command()
def snapshot(context: typer.Context, as_of: AsOf) -> None:
    """Show what could be known on a day: parties, rows, relations, and the sha of it all."""
    session: Session = context.obj
    with progress_bar("snapshot") as tell:
        tell(f"reading {as_of}", None)
        taken = session.store(tell).read(as_of, session.purpose)
    body = {
        "as_of": as_of,
        "snapshot_sha": taken.sha256,
        "parties": taken.n_parties,
        "tables": {name: table.num_rows for name, table in taken.tables.items()},
        "relations": {name: relation.n_pairs for name, relation in taken.relations.items()},
    }
    table = _facts_table(f"As of {as_of}: {taken.n_parties:,} parties, sha {taken.sha256[:12]}")
    for name, rows in taken.tables.items():
        table.add_row(name, f"{rows.num_rows:,} rows")
    for name, relation in taken.relations.items():
        table.add_row(name, f"{relation.n_pairs:,} pairs")
    session.show(body, table)


@app.command()
def train(
    context: typer.Context,
    task: Task = None,
    rings: Annotated[
        bool, typer.Option("--rings", help="membership in rings is an indicator: searched on every day")
    ] = False,
) -> None:
    """Learn from past days and compare with the challengers; the first model becomes champion."""
    from gnn.champion.candidate import make_candidate

    session: Session = context.obj
    with progress_bar("train") as tell:
        candidate = make_candidate(
            session.store(tell), session.workspace(), task, session.purpose, tell, rings=rings
        )
    tables = (candidate.evaluation.table(), candidate.gate.table())
    session.show(candidate.to_json(), *tables, *candidate.notes, candidate.sentence())


@app.command("promote")
def promote_command(
    context: typer.Context,
    model_sha: Annotated[
        str | None,
        typer.Argument(metavar="[MODEL_SHA]", show_default=False, help="default: the model trained last"),
    ] = None,
    override: Annotated[bool, typer.Option("--override", help="promote it though the gate refuses")] = False,
    because: Annotated[str | None, typer.Option(help="why; is logged")] = None,
) -> None:
    """Make the candidate champion if it passes the gate; without it the champion stays."""
    from gnn.champion.promotion import promote

    session: Session = context.obj
    if override != bool(because and because.strip()):
        raise typer.BadParameter("--override and --because 'a reason' go together")
    with progress_bar("promote") as tell:
        found = promote(session.store(tell), session.workspace(), model_sha, because, tell)
    tables = () if found.gate is None else (found.gate.table(),)
    if found.decision == "refused":
        if not session.as_json:
            session.show({}, *tables)
        raise found.refusal()
    session.show(found.to_json(), *tables, found.sentence())


@app.command()
def evaluate(
    context: typer.Context,
    with_slices: Annotated[
        bool, typer.Option("--slices", help="also by size, counterparties and thickness of the file")
    ] = False,
) -> None:
    """The champion against its challengers on days (or the part) it has not seen."""
    from gnn.champion.candidate import evaluate_champion
    from gnn.champion.slices import slices_table

    session: Session = context.obj
    with progress_bar("evaluate") as tell:
        found = evaluate_champion(session.store(tell), session.workspace(), session.purpose, tell)
    if with_slices:
        session.show(found.to_file(), found.table(), slices_table(found.slices))
    else:
        session.show(found.to_json(), found.table())


@app.command()
def score(context: typer.Context, as_of: AsOf) -> None:
    """Score everybody as of a day and publish the run, here and in the store."""
    from gnn.runs.scoring_job import score_and_publish

    session: Session = context.obj
    with progress_bar("score") as tell:
        run = score_and_publish(session.store(tell), session.workspace(), as_of, session.purpose, tell)
    session.show(run.to_json(), run.table())


@app.command()
def explain(
    context: typer.Context,
    party_id: Annotated[str | None, typer.Argument(metavar="PARTY_ID", show_default=False)] = None,
    riskiest: Annotated[bool, typer.Option("--riskiest", help="the party with the lowest score")] = False,
    most_inherited: Annotated[
        bool, typer.Option("--most-inherited", help="the party that its counterparties cost most points")
    ] = False,
) -> None:
    """Why a party has its score: the split, the counterparties, the reasons and the rows behind them."""
    from gnn.runs.reader import open_current_run
    from gnn.runs.rendering import explanation_panel

    session: Session = context.obj
    if (party_id is not None) + riskiest + most_inherited != 1:
        raise typer.BadParameter("give one of PARTY_ID, --riskiest, --most-inherited")
    run = open_current_run(session.workspace())
    if party_id is None:
        party_id = run.most_inherited() if most_inherited else run.riskiest()
    found = run.explanation(party_id)
    session.show(found, explanation_panel(found))


@app.command("rings")
def rings_command(
    context: typer.Context,
    as_of: AsOf,
    typology: Annotated[
        list[str] | None, typer.Option(help="search this one alone (may be repeated), and publish nothing")
    ] = None,
    export: Annotated[
        Path | None, typer.Option(help="also write them to FILE.graphml, FILE.csv or FILE.ftm.json")
    ] = None,
) -> None:
    """Search for rings as of a day (circular trading, guarantee circles, ...) and publish what is found."""
    from graph.rings.cases.exports import export as export_report
    from graph.rings.cases.job import search_and_publish
    from graph.rings.cases.rendering import rings_renderables

    session: Session = context.obj
    with progress_bar("rings") as tell:
        tell(f"reading {as_of}")
        store = session.store(tell)
        snapshot = store.read(as_of, session.purpose)
        found = search_and_publish(store, session.workspace(), snapshot, typology or (), tell)
    if export is not None:
        export_report(found, export)
    session.show(found.to_json(), *rings_renderables(found))


@app.command()
def cases(
    context: typer.Context,
    precision: Annotated[bool, typer.Option("--precision", help="verdicts by typology and month")] = False,
    most: Annotated[int, typer.Option(help="cases to show at most")] = 30,
) -> None:
    """Cases: overlapping rings of the last search, with what analysts decided about them."""
    from graph.rings.cases.job import judged_report, verdicts_of
    from graph.rings.cases.rendering import cases_table, precision_table
    from graph.rings.cases.verdicts import precision_by_typology

    session: Session = context.obj
    if precision:
        rates = precision_by_typology(verdicts_of(session.store()))
        session.show({"precision": [asdict(one) for one in rates]}, precision_table(rates))
        return
    report = judged_report(session.workspace(), session.store())
    body = {"as_of": report.as_of, "run_id": report.run_id, "cases": [asdict(c) for c in report.cases]}
    session.show(body, cases_table(report, most))


@app.command()
def verdict(
    context: typer.Context,
    case_id: Annotated[str, typer.Argument(metavar="CASE_ID", show_default=False)],
    decision: Annotated[str, typer.Argument(help="confirmed, dismissed or watch", show_default=False)],
    note: Annotated[str, typer.Option(help="why, for whoever looks at the case next")] = "",
) -> None:
    """Decide about a case. A dismissed one stays dismissed until there is evidence that was not there."""
    from graph.rings.cases.job import give_verdict

    session: Session = context.obj
    given = give_verdict(session.store(), session.workspace(), case_id, decision, note)
    session.show(given.to_json(), f"{given.case_id}: {given.decision}")


@app.command()
def replay(
    context: typer.Context,
    run_id: Annotated[str, typer.Argument(metavar="RUN", show_default=False, help="id of a published run")],
    party_id: Annotated[str, typer.Argument(metavar="PARTY_ID", show_default=False)],
) -> None:
    """Make an old decision again from the store, and compare it with what was published; 5: it differs."""
    from gnn.runs.replay import replay as replay_decision

    session: Session = context.obj
    with progress_bar("replay") as tell:
        found = replay_decision(session.store(tell), session.workspace(), run_id, party_id, tell)
    session.show(found.to_json(), found.renderable())
    if not found.same:
        raise typer.Exit(5)


@app.command()
def card(
    context: typer.Context,
    out: Annotated[Path | None, typer.Option(help="write it here instead of to stdout")] = None,
) -> None:
    """The champion's model card, as Markdown."""
    from gnn.champion.model_card import card_of

    session: Session = context.obj
    text = card_of(session.workspace().require_champion())
    if out is not None:
        out.write_text(text, "utf-8")
    if session.as_json:
        session.show({"card": text, "file": out})
    elif out is None:
        print(text, end="")
    else:
        console.print(f"written to {out}", markup=False, highlight=False)


@app.command()
def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="port to listen on")] = 8000,
) -> None:
    """Serve the published run over HTTP; it needs no store and keeps answering while jobs run."""
    from api.server import run

    session: Session = context.obj
    run(session.workspace(), host=host, port=port, addresses=_kit_addresses(session))


def _kit_addresses(session: Session) -> Any:
    """Where analysts find Neo4j: the server named by ``--store``, or this workspace's own."""
    from graph.kit.addresses import Addresses

    if "://" in session.store_uri:
        return Addresses().of_server(session.store_uri)
    return Addresses().of_local_server(Workspace(session.folder).neo4j)


@app.command()
def kit(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="a folder for the files")],
    url: Annotated[
        str, typer.Option(help="where a web server shows that folder; ecorisk serve has them under /kit/")
    ] = "http://localhost:8000/kit",
) -> None:
    """Write the analysts' kit for Neo4j Browser: ready queries, colours that mean risk, guides, links."""
    from graph.kit.files import write_kit

    session: Session = context.obj
    written = write_kit(folder, replace(_kit_addresses(session), kit=url.rstrip("/")))
    session.show(
        {"folder": folder, "files": written}, f"{len(written)} files in {folder}; begin with index.html"
    )


def _server_body(session: Session) -> dict[str, Any]:
    from graph.neo4j.server import LocalServer

    status = LocalServer(session.workspace().neo4j).status()
    return {
        "running": status.running,
        "answers": status.answers,
        "uri": status.bolt_uri,
        "browser": status.browser_url,
        "user": "neo4j",
        "password_file": status.password_file,
    }


def _server_table(body: Mapping[str, Any]) -> Table:
    table = _facts_table("Local Neo4j")
    for name, value in body.items():
        table.add_row(name, str(value))
    return table


@neo4j_app.command("start")
def neo4j_start(context: typer.Context) -> None:
    """Start the local server of this workspace (the first time fetches about 140 MB)."""
    from graph.neo4j.server import LocalServer

    session: Session = context.obj
    with progress_bar("neo4j") as tell:
        LocalServer(session.workspace().neo4j).start(
            lambda done, total: tell(f"jars {done}/{total}", done / max(total, 1))
        )
    body = _server_body(session)
    session.show(body, _server_table(body))


@neo4j_app.command("stop")
def neo4j_stop(context: typer.Context) -> None:
    """Stop the local server of this workspace."""
    from graph.neo4j.server import LocalServer

    session: Session = context.obj
    stopped = LocalServer(session.workspace().neo4j).stop()
    session.show({"stopped": stopped}, "stopped" if stopped else "no server was running")


@neo4j_app.command("status")
def neo4j_status(context: typer.Context) -> None:
    """Whether the local server of this workspace runs and answers."""
    session: Session = context.obj
    body = _server_body(session)
    session.show(body, _server_table(body))


@neo4j_app.command("import")
def neo4j_import(
    context: typer.Context,
    files_only: Annotated[
        Path | None,
        typer.Option("--files-only", metavar="DIR", help="only write files for a server of your own"),
    ] = None,
) -> None:
    """First load of the workspace's own store into its empty local server, fast, by neo4j-admin."""
    from graph.neo4j.first_load import import_store, require_local
    from graph.neo4j.import_graph import write_import_files
    from graph.neo4j.server import LocalServer

    session: Session = context.obj
    workspace = session.workspace()
    server = LocalServer(workspace.neo4j)
    with progress_bar("neo4j import") as tell:
        if files_only is not None:
            found = write_import_files(workspace.database, files_only, tell)
        else:
            require_local(server, session.store_uri)
            found = import_store(server, workspace.database, tell)
    lines = () if files_only is None else ("Next, where the server is stopped:", found.command)
    session.show(found.to_json(), found.sentence(), *lines)


@neo4j_app.command("doctor")
def neo4j_doctor(
    context: typer.Context,
    as_of: Annotated[
        date | None,
        typer.Option(parser=parse_day, metavar="YYYY-MM-DD", help="also compare snapshots of this day"),
    ] = None,
) -> None:
    """Is the Neo4j store well, and the same as the workspace's own? 4: unreachable, 5: something is wrong."""
    from graph.neo4j.doctor import Workplace, examine

    session: Session = context.obj
    workspace = session.workspace()
    with progress_bar("neo4j doctor") as tell:
        own = Workplace(workspace.database, workspace.settings.base_currency)
        found = examine(session.server(), own, as_of, tell)
    session.show(found.to_json(), found.table())
    if not found.well:
        raise typer.Exit(5)


#: Where the demo writes its synthetic ecosystem, in its folder.
DEMO_TABLES = "synthetic-tables"
#: The day of which the demo searches rings there.
RINGS_AS_OF = "2025-03-01"


def _demo_acts(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """The demo is nothing but commands, shown in this order; each act has a workspace of its own."""
    samples = Path(__file__).parent / "loaders" / "samples"
    scms, h2, made = (_word(folder / name) for name in ("scms", "h2", "synthetic"))
    scms_source, h2_source = (_word(samples / name) for name in ("scms_delivery", "h2_labor_certification"))
    synth, load, *_ = _made_aside(folder)
    yield (
        "Health supply chain: vendors, sites, country programmes (real records)",
        [
            f"--workspace {scms} load scms_delivery {scms_source}",
            f"--workspace {scms} snapshot --as-of 2014-10-01",
            f"--workspace {scms} train",
            f"--workspace {scms} score --as-of 2015-06-30",
            f"--workspace {scms} explain --riskiest",
        ],
    )
    yield (
        "Labour certification: employers and the agents they file through (real records)",
        [
            f"--workspace {h2} load h2_labor_certification {h2_source}",
            f"--workspace {h2} train",
            f"--workspace {h2} score --as-of 2019-10-01",
            f"--workspace {h2} explain --most-inherited",
        ],
    )
    yield (
        "A synthetic ecosystem with planted contagion and planted rings",
        [
            synth,
            load,
            f"--workspace {made} train",
            f"--workspace {made} score --as-of 2024-01-01",
            f"--workspace {made} explain --most-inherited",
        ],
    )


def _made_aside(folder: Path) -> tuple[str, str, str, str, str]:
    """Commands that are run, in this order, beside those before: they wait for Neo4j and use one core."""
    made, tables = _word(folder / "synthetic"), _word(folder / DEMO_TABLES)
    return (
        f"synth {tables} --parties 5000 --seed 7 --rings 3",
        f"--workspace {made} load canonical {tables}",
        f"--workspace {made} neo4j start",
        f"--workspace {made} neo4j import",
        f"--workspace {made} --store neo4j rings --as-of {RINGS_AS_OF}",
    )


def _word(path: Path) -> str:
    """``path`` as one word of a command line."""
    return shlex.quote(str(path))


#: What a command that was run aside gave: its exit code and all that it said.
Aside = Mapping[str, Future[tuple[int, str]]]


def _run_aside(line: str, width: int) -> tuple[int, str]:
    os.environ["COLUMNS"] = str(width)
    _hush()
    with redirect_stdout(StringIO()) as said, redirect_stderr(said):
        code = run_command(shlex.split(line))
    return code, said.getvalue()


def _say_and_run(line: str, aside: Aside) -> int:
    shown = f"\n$ ecorisk {line}"
    console.print(shown, style="bold cyan", markup=False, highlight=False, soft_wrap=True)
    if line not in aside:
        return run_command(shlex.split(line))
    with console.status("begun beside the commands above"):
        code, said = aside[line].result()
    console.print(said, end="", markup=False, highlight=False, soft_wrap=True)
    return code


def _show_planted(folder: Path) -> None:
    """The counterparties that the generator planted for the party just explained."""
    from gnn.runs.reader import open_current_run

    party_id = open_current_run(Workspace.open(folder / "synthetic")).most_inherited()
    planted = pq.read_table(
        folder / DEMO_TABLES / "truth" / "inherited.parquet",
        filters=[("party_id", "=", party_id), ("as_of", "=", date(2024, 1, 1))],
    ).sort_by([("contribution", "descending")])
    table = Table("counterparty", "relation", "log-odds", title_justify="left", box=SIMPLE_HEAD)
    table.title = f"What was planted for {party_id}"
    table.caption = "No model saw it: compare it with who the explanation names."
    for row in planted.slice(0, 5).to_pylist():
        table.add_row(row["counterparty_id"], row["relation"], f"{row['contribution']:+.3f}")
    console.print(table)


def _demo_in_neo4j(folder: Path, aside: Aside) -> tuple[str, list[str]]:
    """Import into a local server and publish there. Returns the store's name and lines for the end."""
    workspace = _word(folder / "synthetic")
    console.rule("The same ecosystem in Neo4j, for those who explore", style="bold")
    *_, start, fill, _ = _made_aside(folder)
    if _say_and_run(start, aside):
        return EMBEDDED, ["Neo4j was left out: see the message above; everything else works without it."]
    for line in (fill, f"--workspace {workspace} --store neo4j score --as-of 2024-01-01"):
        if _say_and_run(line, aside):
            return EMBEDDED, ["Filling Neo4j failed: see the message above."]
    from graph.neo4j.server import LocalServer

    status = LocalServer(folder / "synthetic" / "neo4j").status()
    return LOCAL_SERVER, [
        f"Neo4j Browser   {status.browser_url}",
        f"login           neo4j / the password in {status.password_file}",
        "paste           MATCH p = (:Ring {typology: 'guarantee_circle'})-[:INVOLVES]->(:Party) RETURN p",
        f"queries, guides ecorisk --workspace {workspace} serve    # then http://localhost:8000/kit/",
        f"stop it         ecorisk --workspace {workspace} neo4j stop",
    ]


@app.command()
def demo(
    folder: Annotated[Path, typer.Option("--folder", help="a new folder for the demo's workspaces")] = Path(
        "demo-workspace"
    ),
) -> None:
    """The whole job: bundled real records, a synthetic ecosystem, and Neo4j."""
    started = time.monotonic()
    _clear_demo(folder)
    beside = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
    try:
        aside = {line: beside.submit(_run_aside, line, console.width) for line in _made_aside(folder)}
        neo4j_lines = _run_demo(folder, aside)
    finally:
        beside.shutdown(cancel_futures=True)
    console.rule(f"Done in {time.monotonic() - started:.0f} s", style="bold")
    for line in neo4j_lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    _demo_table(folder)


def _run_demo(folder: Path, aside: Aside) -> list[str]:
    """All acts. Returns lines for the end."""
    made = _word(folder / "synthetic")
    for title, lines in _demo_acts(folder):
        console.rule(title, style="bold")
        for line in lines:
            if line.startswith(f"--workspace {made} score"):
                wait(aside.values())  # a run is published to the store that the import still reads
            if code := _say_and_run(line, aside):
                raise typer.Exit(code)
    _show_planted(folder)
    store, neo4j_lines = _demo_in_neo4j(folder, aside)
    console.rule("Rings planted in the same ecosystem, found among all the rest", style="bold")
    for line in (f"rings --as-of {RINGS_AS_OF}", "cases --most 10"):
        if code := _say_and_run(f"--workspace {made} --store {store} {line}", aside):
            raise typer.Exit(code)
    return neo4j_lines


def _clear_demo(folder: Path) -> None:
    """Remove what an earlier demo left in ``folder``; anything else there is not ours to delete."""
    mark = folder / ".ecorisk-demo"
    if folder.exists() and any(folder.iterdir()) and not mark.exists():
        raise BadInput(f"{folder} is not empty and not a demo's: name another folder with --folder")
    for home in folder.glob("*/neo4j"):
        from graph.neo4j.server import LocalServer

        LocalServer(home).stop()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    mark.touch()


def _demo_table(folder: Path) -> None:
    """What the graph added on each set, against its absence, and where to go on."""
    table = Table(
        title="Test AUC out of time, and what the graph adds", title_justify="left", box=SIMPLE_HEAD
    )
    for column in ("workspace", "test cases", "bad", "no graph", "served", "difference [95 %]"):
        table.add_column(column)
    for name in ("scms", "h2", "synthetic"):
        champion = Workspace.open(folder / name).require_champion()
        found = json.loads((champion / "evaluation.json").read_text("utf-8"))
        low, mid, high = found["differences"]["gbdt_own"]["auc"]
        table.add_row(
            name,
            f"{found['test']['n']:,}",
            f"{found['test']['positives']:,}",
            f"{found['models']['gbdt_own']['auc']:.3f}",
            f"{found['models'][found['champion']]['auc']:.3f}",
            f"{mid:+.3f} [{low:+.3f}, {high:+.3f}]",
        )
    console.print(table)
    console.print("Next:", style="bold")
    for line in (
        f"ecorisk --workspace {_word(folder / 'h2')} serve    # then curl http://127.0.0.1:8000/v1/runs/current",
        f"ecorisk --workspace {_word(folder / 'h2')} explain --riskiest --json",
        "ecorisk load YOUR_MAPPING.yaml YOUR_FOLDER      # docs/mapping.md",
    ):
        console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)


def hoist_global_options(arguments: list[str]) -> list[str]:
    """Global options first, wherever they stood, as Typer wants them. After ``--`` nothing is moved."""
    front: list[str] = []
    rest: list[str] = []
    waiting = iter(arguments)
    for argument in waiting:
        name, _, value = argument.partition("=")
        if argument == "--":
            rest += [argument, *waiting]
        elif name not in GLOBAL_OPTIONS:
            rest.append(argument)
        elif GLOBAL_OPTIONS[name] and not value:
            front += [argument, *(v for v in [next(waiting, None)] if v is not None)]
        else:
            front.append(argument)
    return front + rest


def run_command(arguments: list[str]) -> int:
    """Run one command line; returns its exit code. Errors of ours become one line and a code."""
    ordered = hoist_global_options(arguments)
    try:
        app(ordered)
    except EcoriskError as error:
        if "--json" in ordered:
            body = {"error": type(error).__name__, "message": error.message, "details": dict(error.details)}
            print(json.dumps(body, default=str, ensure_ascii=False))
        message = f"{type(error).__name__}: {error.message}"
        console.print(message, style="red", markup=False, highlight=False, soft_wrap=True)
        return next(code for kind, code in EXIT_CODES if isinstance(error, kind))
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
    return 0


def _hush() -> None:
    """No notices of libraries to their developers; ``python -W`` shows them."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")


def main() -> None:
    """Entry point of the ``ecorisk`` command."""
    _hush()
    sys.exit(run_command(sys.argv[1:]))


if __name__ == "__main__":
    main()
