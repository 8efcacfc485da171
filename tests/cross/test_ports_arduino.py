"""The port to Arduino cores, with the whole firmware behind it, built as PlatformIO builds it.

Arduino's cores are no part of this repository: what the port calls of them is declared here as
ArduinoCore-API 1.5.2 and the PDM library of ArduinoCore-mbed declare it. The port was compiled
against those themselves by hand (docs/boards.md).
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from conftest import LIB, ROOT
from platformio.project.config import ProjectConfig

from host_tools.boards import BOARDS
from host_tools.toolchains import TOOLCHAINS

FIRMWARE = ROOT / "firmware"
ARDUINO_H = """
#pragma once
#include <stddef.h>
#include <stdint.h>
namespace arduino {
struct HardwareSerial {
  void begin(unsigned long baud);
  int available();
  int read();
  size_t write(const uint8_t *buffer, size_t size);
  void flush();
};
}
extern arduino::HardwareSerial Serial;
extern "C" unsigned long micros(void);
extern "C" void delay(unsigned long milliseconds);
extern "C" void NVIC_SystemReset(void) __attribute__((noreturn));
void setup();
void loop();
"""
PDM_H = """
#pragma once
#include <Arduino.h>
struct PDMClass {
  int begin(int channels, int sample_rate);
  void end();
  int read(void *buffer, size_t size);
  void onReceive(void (*function)(void));
  void setGain(int gain);
  void setBufferSize(int size);
};
extern PDMClass PDM;
"""
CORE = """
#include <Arduino.h>
arduino::HardwareSerial Serial;
void arduino::HardwareSerial::begin(unsigned long) {}
int arduino::HardwareSerial::available() { return 0; }
int arduino::HardwareSerial::read() { return -1; }
size_t arduino::HardwareSerial::write(const uint8_t *, size_t size) { return size; }
void arduino::HardwareSerial::flush() {}
unsigned long micros(void) { return 0; }
void delay(unsigned long) {}
void NVIC_SystemReset(void) { for (;;) {} }
int main() { setup(); for (;;) loop(); }
"""
PDM_LIBRARY = """
#include <PDM.h>
PDMClass PDM;
int PDMClass::begin(int, int) { return 1; }
void PDMClass::end() {}
int PDMClass::read(void *, size_t) { return 0; }
void PDMClass::onReceive(void (*)(void)) {}
void PDMClass::setGain(int) {}
void PDMClass::setBufferSize(int) {}
"""


def run(command: Sequence[str | Path], folder: Path) -> str:
    done = subprocess.run(
        [str(word) for word in command], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def compile_apart(command: Sequence[str | Path], sources: Sequence[Path], folder: Path) -> None:
    folder.mkdir()
    run([*command, "-c", *sources], folder)


@pytest.mark.parametrize(("board", "has_microphone"), [("nano33ble", True), ("pico", False)])
def test_firmware_links_with_an_arduino_core(
    board: str, has_microphone: bool, tmp_path: Path
) -> None:
    options = ProjectConfig(str(ROOT / "platformio.ini")).items(env=board, as_dict=True)
    filters = " ".join(options["build_src_filter"])
    folders = [FIRMWARE / "src"]
    folders += [FIRMWARE / "ports" / p for p in ("arduino", "arduino_pdm") if f"/{p}/" in filters]
    core = tmp_path / "core"
    core.mkdir()
    (core / "Arduino.h").write_text(ARDUINO_H)
    (core / "core.cpp").write_text(CORE)
    if has_microphone:
        (core / "PDM.h").write_text(PDM_H)
        (core / "pdm.cpp").write_text(PDM_LIBRARY)
    toolchain = TOOLCHAINS[BOARDS[board].compile_target]
    own = shlex.split(" ".join(options["build_src_flags"]).replace("-D ", "-D"))
    shared = [*toolchain.flags, *toolchain.c_library, "-Os", "-ffunction-sections", "-Werror"]
    shared += [f"-I{folder}" for folder in (LIB / "include", FIRMWARE / "src", ROOT / "generated")]
    c = [toolchain.gcc, *shared, "-std=gnu11"]
    cpp = [f"{toolchain.prefix}g++", *shared, "-std=gnu++14", "-fno-exceptions", "-fno-rtti"]
    cpp += [f"-I{core}", "-DF_CPU=64000000L", f'-DSOTTO_BOARD_NAME="{board}"']
    in_c = [path for folder in folders for path in folder.glob("*.c")]
    in_cpp = [path for folder in folders for path in folder.glob("*.cpp")]
    compile_apart([*c, *own], in_c, tmp_path / "own")
    compile_apart([*cpp, *own], in_cpp, tmp_path / "own_cpp")
    compile_apart(cpp, sorted(core.glob("*.cpp")), tmp_path / "core_objects")
    library = [*(LIB / "src").rglob("*.c"), *(ROOT / "generated").glob("*.c")]
    assert len({path.name for path in library}) == len(library)
    compile_apart(c, library, tmp_path / "library")
    elf = tmp_path / "firmware.elf"
    link = ["-nostartfiles", "-Wl,-e,main", "-Wl,--gc-sections", "-Wl,--fatal-warnings"]
    run([*c, *link, *sorted(tmp_path.rglob("*.o")), "-o", elf], tmp_path)
    symbols = run([f"{toolchain.prefix}nm", elf], tmp_path)
    assert " T sotto_main" in symbols
    assert ("microphone_start" in symbols) == has_microphone
