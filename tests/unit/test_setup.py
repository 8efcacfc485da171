"""`.ci/setup.sh` among fake commands that install nothing: what it asks for, leaves and answers."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BASH = shutil.which("bash") or "/bin/bash"
# What the script itself uses of a system.
TOOLS = ("bash", "cat", "cmp", "cp", "cut", "dirname", "env", "mkdir", "rm", "sh", "touch")
# Every package that it may ask for, in its order.
ALL_PACKAGES = [
    "git",
    "gcc",
    "libc6-dev",
    "python3.11-venv",
    "python3.11-dev",
    "gcc-arm-none-eabi",
    "libnewlib-arm-none-eabi",
    "qemu-system-arm",
    "gcc-riscv64-unknown-elf",
    "picolibc-riscv64-unknown-elf",
    "gcc-xtensa-lx106",
    "qemu-system-misc",
]
PYTHON = """
case "$1 $2" in
  "-c "*ensurepip*) printf '%s\\n' {version} "$0" {venv} {headers} ;;
  "-c "*) echo {version} ;;
  "-m venv") mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  "-m pip") {pip} ;;
esac
"""


class Machine:
    """A clone with nothing but the set-up, and a PATH of fakes that note how they are called."""

    def __init__(self, folder: Path) -> None:
        self.clone = folder / "clone"
        self.bin = folder / "bin"
        self.calls_file = folder / "calls"
        self.bin.mkdir()
        (self.clone / ".ci").mkdir(parents=True)
        for script in ("setup.sh", "setup_fuzz.sh", "install.sh"):
            shutil.copy(ROOT / ".ci" / script, self.clone / ".ci")
        (self.clone / "requirements.lock").write_text("numpy==2.0\n")
        for tool in TOOLS:
            path = shutil.which(tool)
            assert path
            (self.bin / tool).symlink_to(path)
        self.fake("uname", "echo Linux x86_64")
        self.user(0)
        self.fake("apt-get")
        self.fake("dpkg")

    @property
    def venv(self) -> Path:
        return self.clone / ".venv"

    def fake(self, name: str, body: str = "") -> None:
        path = self.bin / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >>"{self.calls_file}"\n{body}\n')
        path.chmod(0o755)

    def user(self, number: int) -> None:
        self.fake("id", f"echo {number}")

    def python(
        self,
        name: str = "python3.11",
        version: str = "3.11",
        venv: str = "venv",
        headers: str = "headers",
        pip: str = ":",
    ) -> None:
        self.fake(name, PYTHON.format(version=version, venv=venv, headers=headers, pip=pip))

    def complete(self) -> None:
        self.python()
        for name in (
            "git",
            "gcc",
            "qemu-system-arm",
            "qemu-system-riscv32",
            "xtensa-lx106-elf-gcc",
        ):
            self.fake(name)
        self.fake("riscv64-unknown-elf-gcc", "echo /usr/lib/picolibc.specs")
        self.fake("arm-none-eabi-gcc", "echo /usr/lib/arm-none-eabi/libc_nano.a")

    def run(self, script: str = "setup.sh", **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [BASH, str(self.clone / ".ci" / script)],
            env={"PATH": str(self.bin), **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def calls(self, name: str) -> list[str]:
        text = self.calls_file.read_text() if self.calls_file.exists() else ""
        return [line for line in text.splitlines() if line.startswith(f"{name} ")]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def installed(call: str) -> Sequence[str]:
    """Packages of an `apt-get install` command."""
    return [word for word in call.partition(" install ")[2].split() if word in ALL_PACKAGES]


def test_complete_machine_gets_a_locked_venv_and_asks_apt_for_nothing(machine: Machine) -> None:
    machine.complete()
    done = machine.run()
    assert done.returncode == 0, done.stderr
    assert not machine.calls("apt-get")
    assert "--require-hashes -r requirements.lock" in machine.calls("python3.11")[-2]
    assert "--editable ." in machine.calls("python3.11")[-1]
    assert sorted(p.name for p in machine.venv.iterdir()) == [".locked", "bin"]


def test_root_on_a_bare_machine_installs_every_package(machine: Machine) -> None:
    machine.python(venv="-", headers="-")
    done = machine.run()
    assert done.returncode == 0, done.stderr
    update, install = machine.calls("apt-get")
    assert "update" in update
    assert installed(install) == ALL_PACKAGES


def test_fuzzing_installs_the_compiler_and_its_own_fuzzer(machine: Machine) -> None:
    clang = "if [ $1 = -dumpversion ]; then echo 14.0.6; else echo ${1#*=}; fi"
    becomes = f"#!/bin/sh\n{clang}\n"
    machine.fake(
        "apt-get", f"printf '{becomes}' >{machine.bin}/clang; chmod +x {machine.bin}/clang"
    )
    machine.fake("chmod", f'{shutil.which("chmod")} "$@"')
    done = machine.run("setup_fuzz.sh")
    assert done.returncode == 0, done.stderr
    asked = [call.split()[-1] for call in machine.calls("apt-get") if " install " in call]
    assert asked == ["clang", "libclang-rt-14-dev"]


def test_user_with_sudo_installs_through_it(machine: Machine) -> None:
    machine.user(1000)
    machine.fake("sudo", 'test "$1" = -n || exec "$@"')
    machine.python(venv="-", headers="-")
    done = machine.run()
    assert done.returncode == 0, done.stderr
    assert all("apt-get" in call or "-n true" in call for call in machine.calls("sudo"))
    assert installed(machine.calls("apt-get")[-1]) == ALL_PACKAGES


@pytest.mark.parametrize("sudo", ["refuses", "absent"])
def test_user_without_rights_gets_the_exact_command(machine: Machine, sudo: str) -> None:
    machine.user(1000)
    if sudo == "refuses":
        machine.fake("sudo", "exit 1")
    machine.python(venv="-", headers="-")
    done = machine.run()
    assert done.returncode == 2
    command = f"apt-get install -y --no-install-recommends {' '.join(ALL_PACKAGES)}'"
    become = "sudo sh -c" if sudo == "refuses" else "su -c"
    assert f"next: {become} 'apt-get update && {command}\n" in done.stderr
    assert not machine.calls("apt-get")
    assert not machine.venv.exists()


@pytest.mark.parametrize(
    ("lacking", "package"),
    [
        ("git", "git"),
        ("qemu-system-arm", "qemu-system-arm"),
        ("libc", "libc6-dev"),
        ("newlib", "libnewlib-arm-none-eabi"),
        ("picolibc", "picolibc-riscv64-unknown-elf"),
        ("xtensa-lx106-elf-gcc", "gcc-xtensa-lx106"),
        ("qemu-system-riscv32", "qemu-system-misc"),
        ("venv", "python3.11-venv"),
        ("headers", "python3.11-dev"),
    ],
)
def test_only_what_lacks_is_installed(machine: Machine, lacking: str, package: str) -> None:
    machine.complete()
    match lacking:
        case "libc":
            machine.fake("gcc", "exit 1")
        case "newlib":
            machine.fake("arm-none-eabi-gcc", "echo libc_nano.a")
        case "picolibc":
            machine.fake("riscv64-unknown-elf-gcc", "echo picolibc.specs")
        case "venv" | "headers":
            machine.python(**{lacking: "-"})
        case _:
            (machine.bin / lacking).unlink()
    assert machine.run().returncode == 0
    assert installed(machine.calls("apt-get")[-1]) == [package]


def test_another_distribution_is_told_what_to_install(machine: Machine) -> None:
    machine.complete()
    (machine.bin / "apt-get").unlink()
    (machine.bin / "qemu-system-arm").unlink()
    done = machine.run()
    assert done.returncode == 2
    assert "missing: qemu-system-arm (Debian's names) and no apt-get here" in done.stderr


def test_sources_that_do_not_answer_do_not_stop_the_installation(machine: Machine) -> None:
    machine.complete()
    (machine.bin / "git").unlink()
    machine.fake("apt-get", 'test "$1" != update')
    assert machine.run().returncode == 0


def test_interrupted_dpkg_is_finished_first(machine: Machine) -> None:
    machine.complete()
    (machine.bin / "git").unlink()
    configured = machine.clone.parent / "configured"
    machine.fake("dpkg", f"touch {configured}")
    machine.fake("apt-get", f'test "$1" = update || test -e {configured}')
    assert machine.run().returncode == 0
    assert machine.calls("dpkg") == ["dpkg --configure -a"]


def test_failing_installation_ends_with_two_and_no_venv(machine: Machine) -> None:
    machine.complete()
    (machine.bin / "git").unlink()
    machine.fake("apt-get", "exit 100")
    done = machine.run()
    assert done.returncode == 2
    assert "apt-get did not install git" in done.stderr
    assert not machine.venv.exists()


@pytest.mark.parametrize("version", ["3.10", "3.13"])
@pytest.mark.parametrize("asked", [True, False])
def test_wrong_python_is_refused(machine: Machine, version: str, asked: bool) -> None:
    machine.complete()
    (machine.bin / "python3.11").unlink()
    machine.python("python3", version)
    done = machine.run(**({"PYTHON": "python3"} if asked else {}))
    assert done.returncode == 2
    assert f"Python {version} is not supported" in done.stderr
    assert "install Python 3.11 or 3.12" in done.stderr
    assert not machine.venv.exists()


@pytest.mark.parametrize("asked", ["", "/no/python3.11"])
def test_no_python_is_named(machine: Machine, asked: str) -> None:
    machine.complete()
    (machine.bin / "python3.11").unlink()
    done = machine.run(PYTHON=asked)
    assert done.returncode == 2
    assert (
        f"no Python found (looked for {asked or 'python3.11, python3.12, python3'})" in done.stderr
    )


def test_name_of_python_that_does_not_start_is_passed_over(machine: Machine) -> None:
    machine.complete()
    machine.fake("python3.11", "exit 127")  # pyenv has such names for versions that are not chosen
    machine.python("python3", "3.12")
    assert machine.run().returncode == 0
    assert "-m venv .venv" in machine.calls("python3")[-3]


def test_interrupted_installation_is_begun_anew(machine: Machine) -> None:
    machine.complete()
    machine.python(pip='touch .venv/half; kill -INT "$PPID"; exit 1')
    assert machine.run().returncode == 130
    assert (machine.venv / "half").exists()
    machine.complete()
    done = machine.run()
    assert done.returncode == 0, done.stderr
    assert "beginning .venv anew" in done.stderr
    assert not (machine.venv / "half").exists()


@pytest.mark.parametrize("system", ["Linux aarch64", "Darwin arm64"])
def test_machine_without_packages_is_told_at_once(machine: Machine, system: str) -> None:
    machine.complete()
    machine.fake("uname", f"echo {system}")
    done = machine.run()
    assert done.returncode == 2
    assert f"this is {system}" in done.stderr
    assert "container" in done.stderr
    assert not machine.venv.exists()


def test_second_set_up_at_the_same_time_touches_nothing(machine: Machine) -> None:
    machine.complete()
    machine.venv.mkdir()
    (machine.venv / ".begun").write_text(f"{os.getpid()}\n")
    done = machine.run()
    assert done.returncode == 2
    assert f"another set-up is at work here (process {os.getpid()})" in done.stderr
    assert [path.name for path in machine.venv.iterdir()] == [".begun"]


def test_failing_pip_ends_with_two_and_keeps_the_venv(machine: Machine) -> None:
    machine.complete()
    machine.python(pip="exit 1")
    done = machine.run()
    assert done.returncode == 2
    assert "pip did not install the locked packages" in done.stderr
    (machine.venv / "kept").touch()
    shutil.copy(machine.bin / "python3.11", machine.venv / "bin" / "python")
    machine.run()
    assert (machine.venv / "kept").exists()


def test_failing_extension_shows_the_words_of_the_compiler(machine: Machine) -> None:
    machine.complete()
    machine.python(pip='case "$*" in *editable*) echo "mel.c: oops" >&2; exit 1 ;; esac')
    done = machine.run()
    assert done.returncode == 2
    assert "mel.c: oops" in done.stderr


def test_second_run_is_quiet_until_the_lock_changes(machine: Machine) -> None:
    machine.complete()
    assert machine.run().returncode == 0
    machine.run()
    assert "--quiet" in machine.calls("python3.11")[-2]
    (machine.clone / "requirements.lock").write_text("numpy==2.1\n")
    machine.run()
    assert "--quiet" not in machine.calls("python3.11")[-2]


def test_venv_of_another_python_is_replaced_when_asked(machine: Machine) -> None:
    machine.complete()
    assert machine.run().returncode == 0
    (machine.venv / "old").touch()
    machine.python("python3.12", "3.12")
    assert machine.run().returncode == 0
    assert (machine.venv / "old").exists(), "a supported .venv stays, whatever PATH has first"
    done = machine.run(PYTHON="python3.12")
    assert done.returncode == 0, done.stderr
    assert not (machine.venv / "old").exists()
