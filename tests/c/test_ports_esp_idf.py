"""The port to ESP-IDF against a model of what it calls, and what its build files name.

Its headers and tools are no part of this repository. The model's declarations are those of ESP-IDF
5.5.3, against whose own headers the port was compiled by hand (docs/boards.md).
"""

from __future__ import annotations

import ctypes
import itertools
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import LIB, ROOT

from host_tools.boards import BOARDS, ESP_IDF_PROJECT
from host_tools.toolchains import TOOLCHAINS

PORT = ROOT / ESP_IDF_PROJECT
MODEL = Path(__file__).with_name("esp_idf_model.c")
SHARED = ("port.c", "inmp441.c")
LINES = ("line_uart.c", "line_usb.c")
BOARDS_HERE = [name for name, board in BOARDS.items() if board.project == ESP_IDF_PROJECT]
OVERRUNS, CAUSE, PEAK, STACK, WATCHDOG, HZ, SPARE, CHANNELS, ENABLED, LOST, RATE, FED = range(12)
FIFO_BYTES = 128
POWER_ON, PIN, SOFTWARE, WATCH, FAULT, BROWN_OUT = 1, 2, 3, 4, 5, 6
CAUSES = (0, POWER_ON, PIN, SOFTWARE, FAULT, WATCH, WATCH, WATCH, 0, BROWN_OUT)
CAUSES += (0, 0, 0, 0, 0, FAULT, 0)
DEFINES = (
    *(
        "-DCONFIG_ESP_TASK_WDT_TIMEOUT_S=5u",
        '-DCONFIG_IDF_TARGET="esp32c3"',
        "-DSOTTO_BAUD=921600u",
    ),
    *("-DCONFIG_SOTTO_I2S_SCK_GPIO=4", "-DCONFIG_SOTTO_I2S_WS_GPIO=5"),
    "-DCONFIG_SOTTO_I2S_SD_GPIO=6",
)
_INCLUDE = re.compile(r'#include "((?:driver|freertos)/\w+\.h|esp_\w+\.h)"')


@pytest.fixture(scope="module")
def flags(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Compiler flags: each header of ESP-IDF that the port names is the model's."""
    folder = tmp_path_factory.mktemp("esp_idf")
    texts = [path.read_text() for path in PORT.glob("*.[ch]")]
    names = {name for text in texts for name in _INCLUDE.findall(text)}
    assert {"driver/uart.h", "freertos/task.h", "esp_system.h"} <= names
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(f'#include "{MODEL.with_suffix(".h")}"\n')
    return [*DEFINES, "-I", str(folder), "-I", str(ROOT / "firmware/src")]


@pytest.fixture(params=LINES)
def port(
    request: pytest.FixtureRequest, flags: list[str], build_shared: Callable[..., ctypes.CDLL]
) -> ctypes.CDLL:
    """The port on the model, with one of its lines; each test has its own variables."""
    sources = [MODEL, *(PORT / name for name in (*SHARED, request.param))]
    own = f"-DTEST_NAME={re.sub('[^a-z0-9]', '_', request.node.name)}"
    library = build_shared(sources, [*flags, own, f"-I{MODEL.parent}"])
    library.test_fact.restype = ctypes.c_uint32
    return library


def receive(port: ctypes.CDLL, data: bytes, overflows: int = 0) -> None:
    port.test_receive(data, len(data), overflows)


def read(port: ctypes.CDLL, capacity: int) -> bytes:
    buffer = ctypes.create_string_buffer(capacity)
    count = port.test_read(buffer, capacity)
    return buffer.raw[:count]


def test_bytes_come_in_order_also_the_one_that_ended_a_sleep(port: ctypes.CDLL) -> None:
    port.test_start(1, 0)
    assert port.test_fact(SPARE) >= FIFO_BYTES  # the driver holds the window, and what comes late
    data = bytes(range(256)) * 3
    receive(port, data)
    port.test_idle()
    port.test_idle()
    assert read(port, 1) == data[:1]
    assert read(port, 100) == data[1:101]
    port.test_idle()
    assert read(port, 2000) == data[101:]
    assert read(port, 10) == b""


def test_sleep_ends_before_the_watchdog_and_soon_while_the_microphone_runs(
    port: ctypes.CDLL,
) -> None:
    port.test_start(1, 0)
    assert 0 < port.test_idle() < port.test_fact(WATCHDOG) == 5000
    assert port.test_microphone_start()
    assert port.test_idle() == 1
    port.test_microphone_stop()
    assert port.test_idle() > 1


def test_reading_feeds_the_watchdog_whatever_the_program(port: ctypes.CDLL) -> None:
    """The benchmark's firmware and those of `sotto new` have main loops of their own."""
    port.test_start(1, 0)
    assert port.test_fact(FED) == 0
    assert read(port, 1) == b""
    assert port.test_fact(FED) == 1


def test_writing_ends_when_no_host_takes_the_bytes(port: ctypes.CDLL) -> None:
    port.test_start(1, 0)
    data = bytes(range(250)) * 8
    arrived = ctypes.create_string_buffer(1 << 16)
    assert port.test_write(data, len(data), len(data), arrived) == len(data)
    assert arrived.raw[: len(data)] == data
    count = port.test_write(data, len(data), 700, arrived)
    by_usb = port.test_fact(OVERRUNS) == 0 and count < len(data)
    assert count == (512 if by_usb else len(data))


@pytest.mark.parametrize("port", ["line_uart.c"], indirect=True)
def test_overflows_of_the_fifo_are_counted(port: ctypes.CDLL) -> None:
    port.test_start(1, 0)
    receive(port, b"abc", overflows=2)
    assert read(port, 10) == b"abc"
    assert port.test_fact(OVERRUNS) == 2 * FIFO_BYTES


def test_reset_causes_are_those_of_the_link(port: ctypes.CDLL) -> None:
    """By esp_reset_reason_t: reasons that the link has no word for are unknown."""
    for reason, cause in enumerate(CAUSES):
        port.test_start(reason, 0)
        assert port.test_fact(CAUSE) == cause
    assert port.test_fact(HZ) == 160_000_000
    assert port.test_fact(PEAK) == port.test_fact(STACK) - 9000


def test_samples_are_the_upper_half_of_the_words(port: ctypes.CDLL) -> None:
    port.test_start(1, 0)
    assert port.test_microphone_start()
    assert port.test_fact(RATE) == 16_000
    rng = np.random.default_rng(3)
    words = rng.integers(-(2**31), 2**31, 160, dtype=np.int32)
    samples = np.zeros(5000, np.int16)
    pointer = ctypes.c_void_p(samples.ctypes.data)
    port.test_words(ctypes.c_void_p(words.ctypes.data), len(words))
    assert port.test_samples(pointer, len(samples)) == len(words)
    np.testing.assert_array_equal(samples[: len(words)], words >> 16)
    for _ in range(30):  # 4,800 samples for a ring of 4,096
        port.test_words(ctypes.c_void_p(words.ctypes.data), len(words))
    assert port.test_samples(pointer, len(samples)) == 4096
    assert port.test_fact(LOST) == 4800 - 4096
    assert port.test_microphone_start()
    assert port.test_fact(LOST) == 0
    assert (port.test_fact(CHANNELS), port.test_fact(ENABLED)) == (1, 1)
    port.test_microphone_stop()
    assert (port.test_fact(CHANNELS), port.test_fact(ENABLED)) == (0, 0)


def test_a_microphone_that_does_not_start_leaves_nothing_behind(port: ctypes.CDLL) -> None:
    for step in (1, 2, 3, 4):
        port.test_start(1, step)
        assert not port.test_microphone_start()
        assert (port.test_fact(CHANNELS), port.test_fact(ENABLED)) == (0, 0)
        assert port.test_idle() > 1


@pytest.mark.parametrize("core", sorted({BOARDS[name].compile_target for name in BOARDS_HERE}))
def test_port_compiles_for_the_cores_of_its_boards(
    core: str, flags: list[str], tmp_path: Path
) -> None:
    toolchain = TOOLCHAINS[core]
    command = [toolchain.gcc, *toolchain.flags, *toolchain.c_library, "-std=gnu17", "-O2"]
    strict = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror", "-Wstack-usage=512"]
    sources = sorted(map(str, PORT.glob("*.c")))
    done = subprocess.run(
        [*command, *strict, *flags, "-c", *sources],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def sources_outside_the_project(program: str) -> list[Path]:
    folders = [ROOT / "firmware" / program, ROOT / "generated"]
    own = [path for folder in folders for path in folder.glob("*.c")]
    return [*own, *(LIB / "src").rglob("*.c")]


@pytest.mark.parametrize("program", ["src", "mlperf"])
def test_no_two_sources_outside_the_project_have_one_name(program: str) -> None:
    """PlatformIO names the objects of such sources by the file alone, for all of them together."""
    names = sorted(path.name for path in sources_outside_the_project(program))
    assert [a for a, b in itertools.pairwise(names) if a == b] == []


REGISTER = """
set(ESP_PLATFORM 1)
set(COMPONENT_LIB own)
{config}
function(target_compile_definitions)
endfunction()
function(idf_component_register)
  cmake_parse_arguments(own "" "" "SRCS;INCLUDE_DIRS;REQUIRES" ${{ARGN}})
  if(own_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "unknown: ${{own_UNPARSED_ARGUMENTS}}")
  endif()
  file(WRITE "{out}" "${{own_SRCS}}|${{own_INCLUDE_DIRS}}|${{own_REQUIRES}}")
endfunction()
include("{component}/CMakeLists.txt")
"""


@pytest.mark.parametrize(
    ("config", "line"), [("", "line_uart.c"), ("set(CONFIG_SOTTO_LINE_USB y)", "line_usb.c")]
)
def test_component_compiles_what_is_there(config: str, line: str, tmp_path: Path) -> None:
    """Asked of CMake where it is installed; what it would do is in the text in any case."""
    assert f"/{line}" in (PORT / "port.cmake").read_text()
    if shutil.which("cmake") is None:
        return
    script, out = tmp_path / "component.cmake", tmp_path / "component.txt"
    script.write_text(REGISTER.format(config=config, out=out, component=PORT / "main"))
    subprocess.run(["cmake", "-P", script], check=True, cwd=tmp_path)
    sources, includes, needed = (part.split(";") for part in out.read_text().split("|"))
    named = {Path(source).resolve() for source in sources}
    wanted = {PORT / name for name in (*SHARED, line)}
    wanted |= {path for path in sources_outside_the_project("src") if LIB not in path.parents}
    assert named == wanted
    assert {Path(folder) for folder in includes} == {ROOT / "firmware/src", ROOT / "generated"}
    assert "sotto" in needed
