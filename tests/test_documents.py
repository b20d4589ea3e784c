"""What the documents tell people to type: commands and options exist, and what is to be pasted runs.

The ``sh`` blocks of the README run as they stand; a line with an ellipsis shows
what a command line looks like.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import ecorisk

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# Typer brings its command classes with it, or click's, by its version.
COMMAND: Any = typer.main.get_command(ecorisk.app)

#: What stands for a value in the documents, and one of the kind that is meant.
STAND_INS = {
    "N": "7",
    "S": "7",
    "X": "0.5",
    "D": "2020-01-01",
    "DAY": "2020-01-01",
    "YYYY-MM-DD": "2020-01-01",
}


def blocks(document: Path, language: str) -> list[str]:
    """Fenced blocks of ``language``, each with its continued lines joined."""
    text = document.read_text(encoding="utf-8")
    found = re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.M | re.S)
    return [re.sub(r"\\\n\s*", " ", block) for block in found]


def lines_to_paste(document: Path) -> list[str]:
    """Command lines of the ``sh`` blocks."""
    lines = [line.strip() for block in blocks(document, "sh") for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def shown_lines(document: Path) -> Iterator[str]:
    """Every ``ecorisk …`` line of the document: in blocks, in indented ones, and within sentences."""
    text = document.read_text(encoding="utf-8")
    for match in re.finditer(r"^(?: {4}|\$ )?(?:\.venv/bin/)?ecorisk (.+)$", text, flags=re.M):
        # A sentence may begin with the word.
        if match[0].startswith((" ", "$", ".")) or in_fence(text, match.start()):
            yield match[1]
    for code in re.findall(r"`([^`\n]+)`", text.replace("```", "")):
        if code.startswith("ecorisk "):
            yield code.removeprefix("ecorisk ")
    for row in re.findall(r"^\| (`[a-z].*?) \|", text, flags=re.M):
        for code in re.findall(r"`([^`]+)`", row):
            if code.split()[0] in COMMAND.commands:
                yield code


def in_fence(text: str, position: int) -> bool:
    return text.count("```", 0, position) % 2 == 1


def complaint(line: str) -> str | None:
    """What the command line says to ``line``, None where it takes it; what is left out is not missed."""
    words = [STAND_INS.get(word, word) for word in shlex.split(line, comments=True)]
    words = [word for word in words if word != "…"]
    try:
        parse(COMMAND, "ecorisk", ecorisk.hoist_global_options(words), None)
    except typer.Exit:
        return None
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        return None if type(error).__name__ == "MissingParameter" else str(error.format_message())
    return None


def parse(command: Any, name: str, words: list[str], parent: Any) -> None:
    """Parse ``words`` as ``command`` would, and what is left as its subcommands would."""
    context = command.make_context(name, list(words), parent=parent)
    if hasattr(command, "commands"):
        rest = [*context._protected_args, *context.args]
        name_, found, rest = command.resolve_command(context, rest)
        assert found is not None
        parse(found, str(name_), rest, context)


def test_a_wrong_line_would_be_found() -> None:
    assert complaint("load scms_delivery loaders/samples/scms_delivery --json") is None
    assert complaint("score") is None
    for wrong in (
        "lode x y",
        "load x y --fast",
        "train x",
        "synth DIR --parties many",
        "score --as-of 1.1.2020",
    ):
        assert complaint(wrong) is not None, wrong


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_line_is_one(document: Path) -> None:
    assert {line: found for line in shown_lines(document) if (found := complaint(line))} == {}


def test_every_command_is_shown() -> None:
    """The README tells of each; a new command has its line there."""
    shown = " ".join(shown_lines(ROOT / "README.md")).split()
    assert {name for name in COMMAND.commands if name not in shown} - {"demo"} == set()


def test_make_targets_and_files_named_to_paste_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for document in DOCUMENTS:
        for line in lines_to_paste(document):
            words = shlex.split(line, comments=True)
            if words[0] == "make":
                assert re.search(rf"^{re.escape(words[1])}:", makefile, flags=re.M), line


@pytest.mark.slow
def test_the_readme_s_lines_run_as_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pasted in a folder like the repository's, one after the other; the server is started elsewhere."""
    (tmp_path / "loaders").mkdir()
    shutil.copytree(ROOT / "loaders" / "samples", tmp_path / "loaders" / "samples")
    monkeypatch.chdir(tmp_path)
    ran = []
    for line in lines_to_paste(ROOT / "README.md"):
        words = shlex.split(line, comments=True)
        if Path(words[0]).name != "ecorisk" or words[1] in ("serve", "demo"):
            continue
        done = subprocess.run(
            [str(ROOT / ".venv" / "bin" / "ecorisk"), *words[1:]], capture_output=True, text=True
        )
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        ran.append(words[1])
    assert ran == ["load", "snapshot", "train", "score", "explain"]
