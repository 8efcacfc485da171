"""What the documents name is there: files, verbs with their options, make targets, boards."""

from __future__ import annotations

import itertools
import re
import shlex
from pathlib import Path

import pytest
import typer.main
from typer.core import TyperCommand, TyperGroup

from host_tools.boards import BOARDS
from host_tools.cli import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "generated/README.md",
    ROOT / "firmware/lib/sotto/README.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"```[a-z]*\n(.*?)```|`([^`\n]+)`", re.DOTALL)
PROJECT_FILE = re.compile(
    r"(?:firmware|generated|host_tools|tests|training|docs|\.ci)/[\w./*-]*[\w*]"
)

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def verbs() -> TyperGroup:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    return group


def code_lines(page: Path) -> list[str]:
    """The lines of code blocks and the code inside of lines, without comments."""
    found = CODE.findall(page.read_text(encoding="utf-8"))
    lines = [line for block, inline in found for line in (block or inline).splitlines()]
    return [re.sub(r"\s#.*", "", line).strip() for line in lines]


def verb_and_arguments(line: str) -> tuple[TyperCommand | TyperGroup, list[str]]:
    """The command that a line `sotto VERB ...` runs, and what is left for it."""
    command: TyperCommand | TyperGroup = verbs()
    words = shlex.split(line)[1:]
    while isinstance(command, TyperGroup) and words:
        name = words.pop(0)
        assert name in command.commands, f"{line!r}: there is no {name!r}"
        found = command.commands[name]
        assert isinstance(found, TyperCommand | TyperGroup)
        command = found
    return command, words


@pages
def test_links_resolve(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (page.parent / link.partition("#")[0]).exists()] == []


@pages
def test_named_files_are_there(page: Path) -> None:
    named = {name for line in code_lines(page) for name in PROJECT_FILE.findall(line)}
    assert sorted(name for name in named if not list(ROOT.glob(name))) == []


@pages
def test_named_verbs_and_options_exist(page: Path) -> None:
    for line in code_lines(page):
        if not line.startswith("sotto ") or "VERB" in line:
            continue
        command, words = verb_and_arguments(line)
        options = {text for option in command.params for text in (*option.opts, "--help")}
        assert [word for word in words if word.startswith("-") and word not in options] == [], line
        for flag, name in itertools.pairwise(words):
            assert flag not in {"-b", "--board"} or name in {*BOARDS, "NAME"}, line


@pages
def test_named_make_targets_exist(page: Path) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for line in code_lines(page):
        if line.startswith("make "):
            assert line.split()[1] in targets, line


@pages
def test_named_modules_run(page: Path) -> None:
    for line in code_lines(page):
        module = re.match(r"python -m ((?:training|host_tools)[\w.]*)", line)
        if module:
            path = ROOT / module[1].replace(".", "/")
            source = path / "__main__.py" if path.is_dir() else path.with_suffix(".py")
            assert '__name__ == "__main__"' in source.read_text(), line


def test_page_of_the_generated_folder_names_every_file() -> None:
    page = (ROOT / "generated/README.md").read_text()
    named = re.sub(r"`(\w+)\.h`, `\.c`", r"`\1.h`, `\1.c`", page)
    files = [path.name for path in (ROOT / "generated").iterdir() if path.name != "README.md"]
    assert [name for name in sorted(files) if f"`{name}`" not in named] == []


def test_board_tables_name_every_board() -> None:
    for page in (ROOT / "README.md", ROOT / "docs/boards.md"):
        assert [name for name in BOARDS if f"`{name}`" not in page.read_text()] == []
