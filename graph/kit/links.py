"""Lines for ``neo4j.conf``, and the page of all links."""

from __future__ import annotations

from html import escape
from itertools import groupby
from urllib.parse import urlsplit

from graph.kit.addresses import Addresses
from graph.kit.favourites import PARAMETERS, favourites


def parameters_command() -> str:
    """Browser's command that sets every parameter to null."""
    return f":params {{{', '.join(f'{name}: null' for name in PARAMETERS)}}}"


def browser_settings(addresses: Addresses) -> str:
    """Lines for ``neo4j.conf``: after every log-in, parameters are set and the tour is opened.

    Colours are not: Browser keeps them, and would show the whole style sheet on top of the tour.
    """
    commands = (parameters_command().removeprefix(":"), f"play {addresses.guide('tour')}")
    hosts = dict.fromkeys(("localhost", "127.0.0.1", urlsplit(addresses.kit).hostname or "localhost"))
    return (
        "# Lines for neo4j.conf. For the local server: copy this file to extra.conf in the workspace's\n"
        "# folder neo4j/, then 'ecorisk neo4j stop' and 'ecorisk neo4j start'.\n"
        f"browser.post_connect_cmd={'; '.join(commands)}\n"
        f"browser.remote_content_hostname_whitelist={','.join(hosts)}\n"
    )


def page(addresses: Addresses, guides: dict[str, str]) -> str:
    """The page of the kit. ``guides``: title by name."""
    parts = [_SETUP.format(**{name: escape(text) for name, text in _setup_texts(addresses).items()})]
    parts.append("<h2>Guides</h2><ul>")
    for name, title in guides.items():
        parts.append(_item(addresses.deep_link("guide", addresses.guide(name)), title))
    parts.append("</ul><h2>Queries</h2><p>Each link puts the query into Browser's editor.</p>")
    for folder, queries in groupby(favourites(), key=lambda one: one.folder):
        parts.append(f"<h3>{escape(folder)}</h3><ul>")
        parts += [_item(addresses.deep_link("edit", one.text), one.about) for one in queries]
        parts.append("</ul>")
    return _PAGE.format(body="\n".join(parts))


def _setup_texts(addresses: Addresses) -> dict[str, str]:
    return {
        "browser": addresses.browser,
        "settings": browser_settings(addresses),
        "parameters": parameters_command(),
        "style": f":style {addresses.style}",
        "tour": f":play {addresses.guide('tour')}",
        "alert": addresses.deep_link("param", "party => 'PARTY_ID'"),
    }


def _item(address: str, text: str) -> str:
    return f'<li><a href="{escape(address)}">{escape(text)}</a></li>'


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>ecorisk: analysts' kit</title><style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; color: #222; }}
pre {{ background: #f2f2f4; padding: .6rem .8rem; white-space: pre-wrap; overflow-wrap: anywhere; }}
h2 {{ margin-top: 2rem; }} li {{ margin: .15rem 0; }} a {{ color: #2166ac; }}
</style></head><body>
<h1>Analysts' kit for Neo4j Browser</h1>
{body}
</body></html>
"""
_SETUP = """<h2>Set up</h2>
<p>Lines for <a href="neo4j.conf">neo4j.conf</a>; with them every log-in sets the parameters and opens the
tour:</p>
<pre>{settings}</pre>
<p>Without them, in <a href="{browser}">Neo4j Browser</a>, after every log-in, one line at a time:</p>
<pre>{parameters}
{tour}</pre>
<p>Once in every browser: colours that mean risk,</p>
<pre>{style}</pre>
<p>and ready queries: download <a href="favourites.zip">favourites.zip</a> and drop it on Browser's pane of
favourites (the star).</p>
<p>From another system's alert, a link that asks for one party:</p>
<pre>{alert}</pre>"""
