"""The doctor finds what is missing and names the command that mends it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from host_tools import cli, diagnosis
from host_tools.diagnosis import Finding, examine

ROOT = Path(__file__).resolve().parents[2]


def by_name(root: Path = ROOT) -> dict[str, Finding]:
    return {finding.what: finding for finding in examine(root)}


def test_this_machine_has_every_python_package() -> None:
    found = by_name()
    for name in ("Python", "numpy", "pyserial", "platformio", "typer"):
        assert found[name].good, found[name]


def test_missing_programs_are_named_with_the_command_that_installs_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = by_name()
    for name, package in (
        ("gcc", "gcc"),
        ("arm-none-eabi-gcc", "gcc-arm-none-eabi"),
        ("qemu-system-arm", "qemu-system-arm"),
        ("newlib for arm-none-eabi", "libnewlib-arm-none-eabi"),
    ):
        assert not found[name].good
        assert found[name].needed
        assert found[name].remedy == f"sudo apt-get install -y {package}"


def test_program_that_does_not_start_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "qemu-system-arm"
    broken.write_text("#!/bin/sh\nexit 127\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert not by_name()["qemu-system-arm"].good


def test_packages_are_held_against_the_lock_file(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "x"\ndependencies = ["numpy>=2", "no_such_package", "typer"]\n'
    )
    (tmp_path / "requirements.lock").write_text("numpy==0.0.1 \\\n    --hash=sha256:00\n")
    found = by_name(tmp_path)
    assert "0.0.1" in found["numpy"].found
    assert (found["numpy"].good, found["numpy"].needed) == (False, False)
    assert (found["no_such_package"].good, found["no_such_package"].needed) == (False, True)
    assert found["typer"].good


def test_missing_native_extension_and_speech(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_module(name: str) -> None:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(diagnosis.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(diagnosis.importlib, "import_module", no_module)
    found = by_name()
    assert "pip install" in found["front-end extension"].remedy
    assert "espeakng_loader" in found["espeak-ng library"].found
    assert not found["espeak-ng library"].good


@pytest.mark.parametrize(("good", "exit_code"), [(True, 0), (False, 1)])
def test_exit_code_and_json(monkeypatch: pytest.MonkeyPatch, good: bool, exit_code: int) -> None:
    findings = [
        Finding("tool", good, "1.0", "" if good else "install tool"),
        Finding("extra", False, "none", "plug in", needed=False),
    ]
    monkeypatch.setattr(diagnosis, "examine", lambda root: findings)
    result = CliRunner().invoke(cli.app, ["doctor", "--json"])
    assert result.exit_code == exit_code
    document = json.loads(result.stdout)
    assert document["good"] is good
    assert document["findings"][0]["what"] == "tool"
    text = CliRunner().invoke(cli.app, ["doctor"])
    assert text.exit_code == exit_code
    assert ("MISSING" in text.stdout) is not good
    assert ("install tool" in text.stdout) is not good
