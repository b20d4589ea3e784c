"""The kit over HTTP: to be read from any page, while nothing else of the server is."""

from __future__ import annotations

import io
import zipfile

import httpx
import pytest

from graph.kit.favourites import favourites

ORIGIN = {"origin": "http://127.0.0.1:7474", "access-control-request-method": "GET"}
PATHS = ("", "favourites.zip", "risk.grass", "neo4j.conf", "guides/tour.html")


@pytest.mark.parametrize("path", PATHS)
def test_pages_of_other_origins_may_read_it(client: httpx.Client, path: str) -> None:
    asked = client.options(f"/kit/{path}", headers={**ORIGIN, "access-control-request-headers": "x-whatever"})
    assert asked.status_code == 204
    got = client.get(f"/kit/{path}", headers=ORIGIN).raise_for_status()
    for response in (asked, got):
        assert response.headers["access-control-allow-origin"] == "*"
        assert response.headers["access-control-allow-headers"] == "*"
    assert got.content
    assert client.head(f"/kit/{path}").raise_for_status().content == b""


@pytest.mark.parametrize("path", ["/v1/runs/current", "/v1/parties/P001/score", "/healthz", "/openapi.json"])
def test_nothing_else_may_be_read_by_them(client: httpx.Client, path: str) -> None:
    for response in (client.get(path, headers=ORIGIN), client.options(path, headers=ORIGIN)):
        assert not [name for name in response.headers if name.startswith("access-control")]


def test_its_addresses_are_those_that_were_asked(client: httpx.Client) -> None:
    port = client.base_url.port
    tour = client.get("/kit/guides/tour.html").raise_for_status()
    assert tour.headers["content-type"].startswith("text/html")
    assert f"http://localhost:{port}/kit/risk.grass" in tour.text
    settings = client.get("/kit/neo4j.conf").text
    assert f"play http://localhost:{port}/kit/guides/tour.html" in settings


def test_the_archive_is_whole(client: httpx.Client) -> None:
    content = client.get("/kit/favourites.zip").raise_for_status().content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert len(archive.namelist()) == len(favourites())


def test_other_files_are_a_problem(client: httpx.Client) -> None:
    for path in ("nothing.html", "..%2Fopenapi.json", "guides/", "guides/..%2F..%2Fetc%2Fpasswd"):
        response = client.get(f"/kit/{path}")
        assert response.status_code == 404, path
        assert response.headers["content-type"] == "application/problem+json"
    assert client.post("/kit/risk.grass").status_code == 405


def test_without_a_slash_it_is_the_same_page(client: httpx.Client) -> None:
    assert client.get("/kit", follow_redirects=True).text == client.get("/kit/").text


def test_other_names_of_the_server_are_refused(client: httpx.Client) -> None:
    for method in ("GET", "OPTIONS"):
        refused = client.request(method, "/kit/risk.grass", headers={"host": "evil.example"})
        assert refused.status_code == 421
        assert "access-control-allow-origin" not in refused.headers
