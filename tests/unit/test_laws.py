"""The laws of docs/architecture.md that a reader could break without noticing."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIB = ROOT / "firmware" / "lib" / "sotto"
GENERATED = ROOT / "generated"
INCLUDES = ["-I", str(LIB / "include"), "-I", str(GENERATED)]
HEADERS = sorted([*(LIB / "include").rglob("*.h"), *GENERATED.glob("*.h")])
PORTABLE = sorted(
    p
    for folder in ("include", "src")
    for p in (LIB / folder).rglob("*")
    if p.suffix in {".c", ".h"}
)
TRAINING_VERBS = ROOT / "host_tools" / "commands"


def _python(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module


def _top(names: Iterator[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


@pytest.mark.parametrize("path", _python("training"), ids=str)
def test_training_never_imports_host_tools(path: Path) -> None:
    assert "host_tools" not in _top(_imports(ast.parse(path.read_text())))


@pytest.mark.parametrize("path", _python("host_tools"), ids=str)
def test_host_tools_import_training_only_lazily_in_verbs(path: Path) -> None:
    tree = ast.parse(path.read_text())
    forbidden = {"training", "tensorflow", "tf_keras"}
    if TRAINING_VERBS not in path.parents:
        assert not forbidden & _top(_imports(tree))
        return
    for node in tree.body:  # inside functions a training verb may import training
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.If):
            assert not forbidden & _top(_imports(node)), ast.unparse(node)


def test_command_line_starts_without_tensorflow() -> None:
    code = (
        "import sys, host_tools.cli; "
        "heavy = {'tensorflow', 'training', 'tf_keras'}; "
        "sys.exit(any(m.split('.')[0] in heavy for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT).returncode == 0


@pytest.mark.parametrize("path", PORTABLE, ids=lambda p: p.name)
def test_portable_c_knows_no_port_no_heap_no_float(path: Path) -> None:
    text = re.sub(r"/\*.*?\*/|//[^\n]*", "", path.read_text(), flags=re.S)
    assert not re.search(r'#include\s+["<]([^">]*/)?ports?[/.]', text)
    assert not re.search(r"\b(malloc|calloc|realloc|free)\s*\(", text)
    assert not re.search(r"\b(float|double)\b", text)
    # mutable state at file scope or hidden in a function: the caller owns all memory
    assert not re.search(r"^\s*static\s+(?!inline|const)(?![^;=(]*\()[^;]*[;=]", text, flags=re.M)


@pytest.mark.parametrize("path", sorted((ROOT / "firmware").rglob("*.c")), ids=lambda p: p.name)
def test_no_extern_in_c_sources(path: Path) -> None:
    assert not re.search(r"^\s*extern\b", path.read_text(), flags=re.M)


@pytest.mark.parametrize("language", ["gcc -std=c11 -x c", "arm-none-eabi-g++ -std=c++11 -x c++"])
@pytest.mark.parametrize("header", HEADERS, ids=lambda p: p.name)
def test_public_header_compiles_alone(header: Path, language: str) -> None:
    flags = ["-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-fsyntax-only"]
    including = f'#include "{header}"\nint used;\n'
    done = subprocess.run(
        [*language.split(), *flags, *INCLUDES, "-"],
        input=including,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_library_and_generated_files_are_plain_c11() -> None:
    """Without a firmware around them, as a user of the library alone builds them."""
    flags = ["-std=c11", "-pedantic-errors", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
    sources = sorted([*(LIB / "src").rglob("*.c"), *GENERATED.glob("*.c")])
    command = ["gcc", *flags, *INCLUDES, *map(str, sources)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("folder", ["training", "host_tools"])
def test_files_stay_short(folder: str) -> None:
    too_long = {
        str(p.relative_to(ROOT)): n
        for p in _python(folder)
        if (n := p.read_text().count("\n")) > 500
    }
    assert not too_long


def test_top_level_is_the_agreed_one() -> None:
    tracked = subprocess.run(
        ["git", "ls-files"], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout.split()
    folders = {name.split("/")[0] for name in tracked if "/" in name}
    assert folders == {".ci", "docs", "firmware", "generated", "host_tools", "tests", "training"}


def test_no_foreign_sources_are_tracked() -> None:
    tracked = subprocess.run(
        ["git", "ls-files"], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout
    assert not re.search(
        r"cmsis|tensorflow/lite/micro|esp-idf|third_party|vendor/", tracked, flags=re.I
    )
