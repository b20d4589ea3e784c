"""Everything in the kit, tried in a real Neo4j Browser in Chromium, on an ecosystem with planted rings.

The pictures of docs/kit.md are made here: ``ECORISK_REFRESH_PICTURES=1`` writes them there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from api.app import create_app
from graph.duckdb_store import DuckDBStore
from graph.kit.addresses import Addresses
from graph.kit.favourites import favourite, favourites
from graph.kit.files import kit_files
from graph.kit.guides import guides
from graph.kit.links import browser_settings
from graph.kit.style import BANDS, FINDINGS, grass
from graph.neo4j.first_load import import_store
from graph.neo4j.server import LocalServer
from graph.neo4j.store import Neo4jStore
from graph.rings.cases.job import search_and_publish
from graph.rings.cases.publication import published_rings
from graph.workspace import Workspace
from loaders import load
from loaders.synthetic import EcosystemSettings, generate
from tests.api.conftest import serving
from tests.graph.kit.chromium import Browser, answer, colors, opened
from tests.graph.kit.demo import AS_OF, drawn_scores

pytestmark = pytest.mark.slow

PICTURES = Path(__file__).parents[3] / "docs" / "pictures"
MOST_BYTES = 150_000
FOLDERS = tuple(dict.fromkeys(one.folder for one in favourites()))


@dataclass(frozen=True)
class Desk:
    """An analyst's: Browser, connected; ``found``: typologies of which rings were found."""

    browser: Browser
    addresses: Addresses
    found: frozenset[str]
    pictures: Path

    def picture(self, name: str) -> None:
        path = self.pictures / f"{name}.png"
        self.browser.picture(path)
        assert path.stat().st_size > 10_000
        assert self.pictures != PICTURES or path.stat().st_size < MOST_BYTES, "too large to be kept"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    if os.environ.get("ECORISK_TEST_NEO4J") == "off":
        pytest.skip("ECORISK_TEST_NEO4J=off")
    server = LocalServer(tmp_path_factory.mktemp("neo4j"), heap_mb=1024, page_cache_mb=256)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def desk(server: LocalServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("kit")
    pictures = PICTURES if os.environ.get("ECORISK_REFRESH_PICTURES") else folder / "pictures"
    pictures.mkdir(exist_ok=True)
    workspace = Workspace.open(folder / "workspace")
    known = Addresses().of_local_server(server.home)
    with opened(folder / "profile") as browser, serving(create_app(workspace, addresses=known)) as client:
        addresses = Addresses(f"http://localhost:{client.base_url.port}/kit", known.browser, known.bolt)
        (server.home / "extra.conf").write_text(browser_settings(addresses))
        found = make_demo(workspace, folder, server)
        browser.connect(addresses.browser, server.settings())
        yield Desk(browser, addresses, found, pictures)


def make_demo(workspace: Workspace, folder: Path, server: LocalServer) -> frozenset[str]:
    """Planted rings, searched for; imported into the server, which is started anew for it."""
    settings = EcosystemSettings(parties=4000, seed=5, invoices_per_party=6, rings=4)
    generate(settings, folder / "tables")
    store = DuckDBStore(workspace.database)
    load("canonical", folder / "tables", store, workspace.folder)
    snapshot = store.read(AS_OF, None)
    report = search_and_publish(store, workspace, snapshot)
    import_store(server, workspace.database, lambda what, share=None: None)
    shown = Neo4jStore(server.settings())
    shown.publish(drawn_scores(snapshot))
    shown.publish_rings(published_rings(report))
    return frozenset(ring.typology for ring in report.rings)


def test_after_logging_in_the_tour_is_open_and_leads_through_its_slides(desk: Desk) -> None:
    browser = desk.browser
    tour = browser.wait(lambda: [one for one in browser.frames() if "/guides/tour.html" in one.text])[0]
    assert "Welcome" in tour.text
    desk.picture("kit-tour")
    slides = guides(desk.addresses)[0].html.count("<slide ")
    for number in range(2, slides + 1):
        browser.part("nextSlide").click()
        browser.wait(lambda number=number: f"{number} / {slides}" in tour.text)  # type: ignore[misc]
    assert "/guides/from_alert_to_case.html" in tour.text
    browser.clear()


@pytest.mark.parametrize("name", [guide.name for guide in guides(Addresses())])
def test_every_guide_opens(desk: Desk, name: str) -> None:
    (guide,) = (one for one in guides(desk.addresses) if one.name == name)
    browser = desk.browser
    browser.type(f":play {desk.addresses.guide(name)}")
    browser.part("editor-Run").click()
    frame = browser.wait(lambda: browser.frames()[0])
    browser.wait(lambda: f"1 / {guide.html.count('<slide ')}" in frame.text)
    runnable = frame.find_elements("css selector", "pre.runnable")
    assert runnable
    browser.clear()


def imported(browser: Browser) -> set[str]:
    kept = json.loads(browser.driver.execute_script("return localStorage.getItem('neo4j.documents')"))
    return {one["content"].strip() for one in kept}


def test_favourites_come_in_folders_from_the_archive(desk: Desk) -> None:
    browser = desk.browser
    browser.part("navigationFavorites").click()
    browser.part("expandFolder-Basic Queries")
    browser.drop(kit_files(desk.addresses)["favourites.zip"], "favourites.zip")
    for folder in FOLDERS:
        browser.part(f"expandFolder-{folder}")
    browser.wait(lambda: imported(browser) >= {one.text.strip() for one in favourites()})


def test_the_style_is_applied(desk: Desk) -> None:
    browser = desk.browser
    browser.type(f":style {desk.addresses.style}")
    browser.part("editor-Run").click()
    browser.wait(lambda: "node.RiskE" in browser.frames()[0].text or "RiskE" in browser.part("stream").text)
    browser.clear()
    frame = browser.run(
        "MATCH (p:Party) WHERE p.riskBand IS NOT NULL WITH p.riskBand AS b, head(collect(p)) AS p RETURN p"
    )
    assert colors(frame) == {color for color, _, _ in BANDS.values()}
    browser.clear()


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_favourite_runs_and_finds_something(desk: Desk, folder: str) -> None:
    browser = desk.browser
    browser.part(f"expandFolder-{folder}").click()
    wrong = {}
    for one in (one for one in favourites() if one.folder == folder):
        browser.part(f"scriptTitle-{one.title}").click()
        browser.wait(lambda one=one: one.about[:20] in browser.editor_text())  # type: ignore[misc]
        found = answer(browser.run_editor())
        code = one.name.partition("/")[2]
        empty = one.folder == FOLDERS[2] and one.file[:2] >= "10" and code not in desk.found
        if found != ("done" if one.is_command else "nothing" if empty else "rows"):
            wrong[one.title] = found
        browser.clear()
    browser.part(f"expandFolder-{folder}").click()
    assert wrong == {}


def test_rings_are_shown_in_their_colours(desk: Desk) -> None:
    assert len(desk.found) >= 3
    browser = desk.browser
    browser.part("expandFolder-1 Start here").click()
    browser.part(f"scriptTitle-{favourite('start_here/severe_rings_picture').title}").click()
    frame = browser.run_editor()
    ring = next(look.color for look in FINDINGS if "Ring" in look.labels)
    assert ring in colors(frame)
    assert colors(frame) & {color for color, _, _ in BANDS.values()}
    assert colors(frame) <= {word.strip(";") for word in grass().split() if word.startswith("#")}
    browser.clear()
    browser.part(f"scriptTitle-{favourite('start_here/riskiest').title}").click()
    browser.run_editor()
    desk.picture("kit-favourites")
    browser.clear()
    browser.part("navigationFavorites").click()


@pytest.mark.parametrize(
    "name",
    ["rings_by_typology/guarantee_circle", "one_counterparty/ties", "paths_of_contagion/reached_by_failure"],
)
def test_pictures(desk: Desk, name: str) -> None:
    # Fewer rings than the query gives: of many, pictures get too large to be kept.
    text = favourite(name).text.replace("ring.ringId LIMIT 25", "ring.ringId LIMIT 1")
    desk.browser.open(desk.addresses.deep_link("edit", text))
    desk.browser.wait(lambda: favourite(name).about[:20] in desk.browser.editor_text())
    assert answer(desk.browser.run_editor()) == "rows"
    desk.picture(f"kit-{name.partition('/')[2].replace('_', '-')}")


def test_links_open_a_guide_in_the_drawer_and_set_a_parameter(desk: Desk) -> None:
    browser = desk.browser
    browser.driver.get(desk.addresses.deep_link("guide", desk.addresses.guide("from_alert_to_case")))
    browser.wait(lambda: "Cases wait here" in browser.part("guidesDrawer").text)
    desk.picture("kit-guide")
    link = desk.addresses.deep_link("param", "party => 'P0000001'")
    assert parse_qs(urlsplit(link).query)["cmd"] == ["param"]
    browser.open(link)
    browser.wait(lambda: ":param party =" in browser.editor_text())
    assert answer(browser.run_editor()) == "done"
    browser.clear()
