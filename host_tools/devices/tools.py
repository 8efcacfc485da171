"""The programs that write firmware to chips, behind one interface.

They run as programs of their own: one that fails or is interrupted takes nothing of this one along.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from host_tools.boards import ST_VENDOR, Board, Hardware
from host_tools.build import DEFAULT_FIRMWARE, Firmware, run_platformio
from host_tools.devices.plugged import Kind, Plugged
from host_tools.emulator import end_with_parent
from host_tools.errors import EXIT_CHECK_FAILED, SottoError
from host_tools.progress import Task
from host_tools.toolchains import TOOLCHAINS

_CHUNK_BYTES = 4096
_END_TIMEOUT_S = 5.0
_LAST_LINES = 12
_PERCENT = re.compile(rb"(\d{1,3})(?:\.\d+)? ?%")
_ESPTOOL_BAUD = 460_800
_PARTITION_TABLE_AT = 0x8000
"""Where ESP-IDF puts it unless its configuration says otherwise (CONFIG_PARTITION_TABLE_OFFSET)."""


@dataclass(frozen=True)
class Image:
    """What a build has left for a board, and what it was built from."""

    board: Board
    elf: Path
    generated: Path
    root: Path
    firmware: Firmware = DEFAULT_FIRMWARE

    @property
    def hardware(self) -> Hardware:
        """How the board is written to."""
        assert self.board.hardware is not None  # `place_of` has asked
        return self.board.hardware


class ToolFailedError(SottoError):
    """A tool ended with an error; the message holds its last words."""


class Tool(Protocol):
    """Writes firmware to boards of one kind.

    Attributes:
        name: as --tool takes it.
        kind: by what it reaches the chip.
    """

    name: str
    kind: Kind

    def serves(self, hardware: Hardware) -> bool:
        """Whether it can write to such a board."""

    def missing(self, hardware: Hardware) -> SottoError | None:
        """What it lacks on this computer to do so; None when nothing."""

    def read_word(self, address: int, hardware: Hardware, at: Plugged, task: Task) -> int | None:
        """The 32 bits at an address of the chip; None for a tool that tells chips apart itself.

        Raises:
            ToolFailedError: the chip does not answer.
        """

    def write(self, image: Image, at: Plugged, task: Task) -> None:
        """Write the firmware and start it.

        Raises:
            ToolFailedError: it could not.
        """


class PyOcd:
    """pyOCD: ST-Link and CMSIS-DAP probes, with flash routines of its own or of a CMSIS pack."""

    name = "pyocd"
    kind: Kind = "debug probe"
    _COMMAND = (sys.executable, "-m", "pyocd")

    def serves(self, hardware: Hardware) -> bool:
        """See Tool."""
        return bool(hardware.pyocd_target)

    def missing(self, hardware: Hardware) -> SottoError | None:
        """See Tool."""
        listed = subprocess.run(
            [*self._COMMAND, "json", "--targets"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if listed.returncode != 0:
            return SottoError(f"pyOCD does not start: {listed.stderr}", "Run `make -B setup`.")
        names = {target["name"] for target in json.loads(listed.stdout)["targets"]}
        if hardware.pyocd_target in names:
            return None
        return SottoError(
            f"pyOCD has no flash routine for {hardware.pyocd_target}",
            f"Install its pack once, with internet: `pyocd pack install {hardware.pyocd_target}`.",
        )

    def read_word(self, address: int, hardware: Hardware, at: Plugged, task: Task) -> int | None:
        """See Tool."""
        # Any Cortex-M lets its bus be read, so nothing of the chip need be known before.
        words = _run([*self._command("commander", "cortex_m", at), "-c", f"read32 {address}"], task)
        return _dumped(address, words)

    def write(self, image: Image, at: Plugged, task: Task) -> None:
        """See Tool."""
        target = image.hardware.pyocd_target
        _run([*self._command("flash", target, at), "--format", "elf", str(image.elf)], task)

    def _command(self, verb: str, target: str, at: Plugged) -> list[str]:
        uid = ("--uid", at.serial) if at.serial else ()
        return [*self._COMMAND, verb, "--no-wait", *uid, "--target", target]


class OpenOcd:
    """OpenOCD: the same probes, and the flash of every STM32."""

    name = "openocd"
    kind: Kind = "debug probe"

    def serves(self, hardware: Hardware) -> bool:
        """See Tool."""
        return bool(hardware.openocd_target)

    def missing(self, hardware: Hardware) -> SottoError | None:
        """See Tool."""
        return _not_on_path("openocd")

    def read_word(self, address: int, hardware: Hardware, at: Plugged, task: Task) -> int | None:
        """See Tool."""
        script = f"init; echo [mdw {address}]; exit"  # alone, mdw's answer would be dropped
        return _dumped(address, _run([*self._command(hardware, at), "-c", script], task))

    def write(self, image: Image, at: Plugged, task: Task) -> None:
        """See Tool."""
        script = f"program {{{image.elf}}} verify reset exit"
        _run([*self._command(image.hardware, at), "-c", script], task)

    def _command(self, hardware: Hardware, at: Plugged) -> list[str]:
        of_st = at.usb is not None and at.usb.vendor == ST_VENDOR
        command = ["openocd", "-f", f"interface/{'stlink' if of_st else 'cmsis-dap'}.cfg"]
        command += ["-c", f"adapter serial {at.serial}"] if at.serial else []
        return [*command, "-f", f"target/{hardware.openocd_target}.cfg"]


class DfuUtil:
    """dfu-util: the boot loader in the ROM of an STM32, over USB, without a probe."""

    name = "dfu"
    kind: Kind = "boot loader"
    _DONE = "File downloaded successfully"

    def serves(self, hardware: Hardware) -> bool:
        """See Tool."""
        return hardware.dfu is not None

    def missing(self, hardware: Hardware) -> SottoError | None:
        """See Tool."""
        return _not_on_path("dfu-util")

    def read_word(self, address: int, hardware: Hardware, at: Plugged, task: Task) -> int | None:
        """See Tool. The boot loader reads flash only, not the register that tells the chip."""
        return None

    def write(self, image: Image, at: Plugged, task: Task) -> None:
        """See Tool."""
        binary = image.elf.with_suffix(".bin")
        objcopy = f"{TOOLCHAINS[image.board.compile_target].prefix}objcopy"
        _run([objcopy, "-O", "binary", str(image.elf), str(binary)], task)
        serial = ("--serial", at.serial) if at.serial else ()
        place = f"{image.hardware.flash_base:#010x}:leave"
        command = ["dfu-util", "--device", str(at.usb), *serial, "--alt", "0"]
        try:
            _run([*command, "--dfuse-address", place, "--download", str(binary)], task)
        except ToolFailedError as error:
            # A chip that has left its boot loader, as it was told to, no longer gives its status.
            if self._DONE not in error.message:
                raise


class EspTool:
    """esptool: the boot loader in the ROM of an Espressif chip, over its serial line."""

    name = "esptool"
    kind: Kind = "serial port"

    def serves(self, hardware: Hardware) -> bool:
        """See Tool."""
        return bool(hardware.esptool_chip)

    def missing(self, hardware: Hardware) -> SottoError | None:
        """See Tool. It is a package that sotto depends on."""
        return None

    def read_word(self, address: int, hardware: Hardware, at: Plugged, task: Task) -> int | None:
        """See Tool. esptool refuses a chip of another name by itself."""
        return None

    def write(self, image: Image, at: Plugged, task: Task) -> None:
        """See Tool."""
        hardware, folder = image.hardware, image.elf.parent
        parts = (
            (hardware.boot_loader_at, folder / "bootloader.bin"),
            (_PARTITION_TABLE_AT, folder / "partitions.bin"),
            (hardware.flash_base, folder / "firmware.bin"),
        )
        command = [sys.executable, "-m", "esptool", "--chip", hardware.esptool_chip]
        command += ["--port", at.name, "--baud", str(_ESPTOOL_BAUD), "write-flash"]
        for address, part in parts:
            command += [f"{address:#x}", str(part)]
        _run(command, task)


class PlatformIo:
    """PlatformIO's upload, which knows the boot loader of each board of its platforms."""

    name = "platformio"
    kind: Kind = "serial port"

    def serves(self, hardware: Hardware) -> bool:
        """See Tool. What another tool serves need not have a platform that uploads."""
        return not any(tool.serves(hardware) for tool in TOOLS if tool.name != self.name)

    def missing(self, hardware: Hardware) -> SottoError | None:
        """See Tool. Its platforms are downloaded when they build."""
        return None

    def read_word(self, address: int, hardware: Hardware, at: Plugged, task: Task) -> int | None:
        """See Tool."""
        return None

    def write(self, image: Image, at: Plugged, task: Task) -> None:
        """See Tool."""
        arguments = ("--target", "upload", "--upload-port", at.name)
        try:
            run_platformio(image.board, image.generated, image.root, arguments, image.firmware)
        except SottoError as error:
            raise ToolFailedError(error.message, error.remedy, error.exit_code) from error


TOOLS: tuple[Tool, ...] = (PyOcd(), OpenOcd(), DfuUtil(), EspTool(), PlatformIo())
"""In the order in which they are tried."""


def _not_on_path(program: str) -> SottoError | None:
    if shutil.which(program):
        return None
    return SottoError(
        f"{program} is not on PATH", f"Install it: `sudo apt-get install -y {program}`."
    )


def _dumped(address: int, words: str) -> int:
    """The value that a tool printed after an address."""
    found = re.search(rf"\b(?:0x)?{address:08x}:\s+(?:0x)?([0-9a-f]{{8}})\b", words, re.IGNORECASE)
    if found is None:
        raise ToolFailedError(
            f"the chip did not say what it is: {_last_words(words)}",
            "Check power and cable of the board, then run the same command again.",
        )
    return int(found[1], 16)


def _run(command: Sequence[str], task: Task) -> str:
    """Run a tool, show how far it says it is, and return its words.

    Ctrl-C ends the tool and is raised again when it is gone.

    Raises:
        ToolFailedError: it ended with an error; with its last words.
    """
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | {"NO_COLOR": "1", "PYTHONUNBUFFERED": "1"},
        start_new_session=True,  # Ctrl-C in the terminal is for this program, which ends the tool
        preexec_fn=partial(end_with_parent, os.getpid()),
    )
    assert process.stdout is not None
    words = b""
    with process:
        try:
            while chunk := os.read(process.stdout.fileno(), _CHUNK_BYTES):
                words += chunk
                if percents := _PERCENT.findall(chunk):
                    task.advance(0, f"{percents[-1].decode()} %")
            process.wait()
        except BaseException:
            _end(process)
            raise
    text = words.decode(errors="replace")
    if process.returncode != 0:
        raise ToolFailedError(
            f"{_title(command)} ended with code {process.returncode}:\n{_last_words(text)}",
            "Repair what it names, then run the same command again.",
            EXIT_CHECK_FAILED,
        )
    return text


def _title(command: Sequence[str]) -> str:
    """The program, or the module that Python runs."""
    return command[2] if command[1] == "-m" else Path(command[0]).name


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a tool in order, so that it lets go of probe and chip; by force when it does not."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_END_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()


def _last_words(output: str) -> str:
    lines = [line.rstrip() for line in re.split(r"[\r\n]+", output) if line.strip()]
    return "\n".join(lines[-_LAST_LINES:])
