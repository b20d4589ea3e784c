"""The kit as files: complete, the same every time, and its links lead where they say."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from graph.errors import BadInput
from graph.kit.addresses import Addresses
from graph.kit.favourites import favourites
from graph.kit.files import kit_files, write_kit
from graph.kit.guides import guides
from graph.kit.links import browser_settings
from graph.neo4j.home import ServerHome

ADDRESSES = Addresses(kit="http://kit.example:9000/kit", browser="http://db.example:7474/browser/")


def test_all_files_are_written_and_written_again(tmp_path: Path) -> None:
    written = write_kit(tmp_path / "kit", ADDRESSES)
    found = {str(path.relative_to(tmp_path / "kit")) for path in (tmp_path / "kit").rglob("*.*")}
    assert found == set(written) == set(kit_files(ADDRESSES))
    assert {"index.html", "favourites.zip", "risk.grass", "neo4j.conf"} < found
    assert len([path for path in found if path.startswith("guides/")]) == len(guides(ADDRESSES))
    assert write_kit(tmp_path / "kit", ADDRESSES) == written
    assert kit_files(ADDRESSES) == kit_files(ADDRESSES)


def test_a_folder_that_is_none_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="cannot be written"):
        write_kit(tmp_path / "file", ADDRESSES)


def test_every_link_carries_its_query() -> None:
    page = kit_files(ADDRESSES)["index.html"].decode()
    links = [urlsplit(unescape(one)) for one in re.findall(r'href="([^"]+\?[^"]+)"', page)]
    asked = [parse_qs(link.query, strict_parsing=True) for link in links]
    assert {link.netloc for link in links} == {"db.example:7474"}
    assert {one["dbms"][0] for one in asked} == {"bolt://neo4j@localhost:7687"}
    edited = [one["arg"][0] for one in asked if one["cmd"] == ["edit"]]
    assert edited == [one.text for one in favourites()]
    opened = [one["arg"][0] for one in asked if one["cmd"] == ["guide"]]
    assert opened == [f"{ADDRESSES.kit}/guides/{guide.name}.html" for guide in guides(ADDRESSES)]


def test_settings_are_lines_that_the_local_server_takes(tmp_path: Path) -> None:
    home = ServerHome(tmp_path)
    assert home.extra_settings() == {}
    (tmp_path / "extra.conf").write_text(browser_settings(ADDRESSES))
    home.write_settings(64, new_ports=True)
    lines = (tmp_path / "conf" / "neo4j.conf").read_text().splitlines()
    assert len({line.partition("=")[0] for line in lines}) == len(lines)
    (commands,) = (line for line in lines if line.startswith("browser.post_connect_cmd="))
    assert commands.endswith("asOf: null}; play http://kit.example:9000/kit/guides/tour.html")
    assert "browser.remote_content_hostname_whitelist=localhost,127.0.0.1,kit.example" in lines
    found = Addresses().of_local_server(tmp_path)
    assert found.bolt == f"bolt://127.0.0.1:{home.ports()['bolt']}"
    assert found.browser == f"http://127.0.0.1:{home.ports()['http']}/browser/"


def test_addresses_of_other_servers(tmp_path: Path) -> None:
    assert Addresses().of_local_server(tmp_path) == Addresses()
    (tmp_path / "ports.json").write_text("[]")
    assert Addresses().of_local_server(tmp_path) == Addresses()
    found = Addresses().of_server("neo4j+s://graph.example:7687")
    assert (found.bolt, found.browser) == (
        "neo4j+s://graph.example:7687",
        "http://graph.example:7474/browser/",
    )
    link = found.deep_link("edit", "RETURN 1 // a&b")
    assert parse_qs(urlsplit(link).query)["dbms"] == ["neo4j+s://neo4j@graph.example:7687"]
    assert parse_qs(urlsplit(link).query)["arg"] == ["RETURN 1 // a&b"]
