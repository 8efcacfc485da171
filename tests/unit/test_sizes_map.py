"""Sizes come from the linker's map, whole and by part."""

from __future__ import annotations

from pathlib import Path

import pytest

from host_tools.errors import SottoError
from host_tools.sizes import ALIGNMENT, Part, measure

# Cut from a map of GNU ld 2.40: broken lines, fill, discarded sections, debug sections.
MAP = """\
Archive member included to satisfy reference by file (symbol)

Discarded input sections

 .text          0x00000000       0x99 .pio/build/stm32f405/src/main.o

Linker script and memory map

LOAD .pio/build/stm32f405/src/main.o
                0x00002000                        stack_bytes = 0x2000

.text           0x08000000      0x200
 *(.vectors)
 .vectors       0x08000000       0x20 .pio/build/stm32f405/ports/stm32f4/port.o
 *(.text .text.*)
 .text.sotto_model_invoke
                0x08000020       0x30 .pio/build/stm32f405/generated/sotto_model_aot.o
                0x08000020                sotto_model_invoke
 .text.startup.main
                0x08000050       0x40 .pio/build/stm32f405/src/main.o
 .text.sotto_conv2d_s8
                0x08000090       0x50 .pio/build/stm32f405/lib1/libsotto.a(conv2d_s8.o)
 .text          0x080000e0       0x10 /usr/lib/libc_nano.a(lib_a-memcpy.o)
 *fill*         0x080000f0        0x4
 *(.rodata .rodata.*)
 .rodata.weights0
                0x080000f4       0x80 .pio/build/stm32f405/generated/sotto_model_aot.o
 .rodata        0x08000174       0x70 .pio/build/stm32f405/generated/sotto_frontend_tables.o
 .rodata        0x080001e4       0x18 .pio/build/stm32f405/generated/sotto_labels.o
 *fill*         0x080001fc        0x4

.ARM.exidx
 *(.ARM.exidx .ARM.exidx.*)

.stack          0x20000000     0x2000
                0x20000000                        . = ALIGN (0x8)

.data           0x20002000       0x10 load address 0x08000200
 .data.port     0x20002000       0x10 .pio/build/stm32f405/ports/stm32f4/port.o

.bss            0x20002010      0x110 load address 0x08000210
 *(.bss .bss.* COMMON)
 .bss.ring      0x20002010      0x10c .pio/build/stm32f405/ports/cortex_m/received.o
 *fill*         0x2000211c        0x4

.debug_info     0x00000000     0x1890
 .debug_info    0x00000000      0x8e8 .pio/build/stm32f405/src/main.o
"""


@pytest.fixture
def map_file(tmp_path: Path) -> Path:
    path = tmp_path / "firmware.map"
    path.write_text(MAP)
    return path


def test_totals(map_file: Path) -> None:
    sizes = measure(map_file)
    assert sizes.flash_bytes == 0x200 + 0x10
    assert sizes.ram_bytes == 0x10 + 0x110
    assert sizes.stack_reserved_bytes == 0x2000


def test_parts(map_file: Path) -> None:
    assert set(measure(map_file).parts) == {
        Part("weights", 0x80, 0),
        Part("front-end tables", 0x70, 0),
        Part("library", 0x50, 0),
        Part("application", 0x40, 0),
        Part("port", 0x20 + 0x10, 0x10 + 0x10C),
        Part("model code", 0x30, 0),
        Part("labels and self-test data", 0x18, 0),
        Part("C library", 0x10, 0),
        Part(ALIGNMENT, 8, 4),
    }


def test_parts_do_not_depend_on_the_target(map_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "dsp.map"
    path.write_text(MAP.replace("sotto_model_aot.o", "sotto_model_aot_dsp.o"))
    assert measure(path).parts == measure(map_file).parts


def test_parts_sum_up_and_are_sorted(map_file: Path) -> None:
    sizes = measure(map_file)
    assert sum(part.flash_bytes for part in sizes.parts) == sizes.flash_bytes
    assert sum(part.ram_bytes for part in sizes.parts) == sizes.ram_bytes
    assert [p.flash_bytes for p in sizes.parts] == sorted(
        (p.flash_bytes for p in sizes.parts), reverse=True
    )


def test_missing_map(tmp_path: Path) -> None:
    with pytest.raises(SottoError, match="No such file") as caught:
        measure(tmp_path / "firmware.map")
    assert "Build" in caught.value.remedy


def test_a_file_that_is_no_map(tmp_path: Path) -> None:
    path = tmp_path / "firmware.map"
    path.write_bytes(b"\x7fELF")
    with pytest.raises(SottoError, match="no linker map"):
        measure(path)


def test_sections_of_esp_idf_are_counted_where_they_lie(tmp_path: Path) -> None:
    """In the order of its linker script; what only takes addresses counts for nothing."""
    path = tmp_path / "esp.map"
    path.write_text(
        """\
Linker script and memory map

.iram0.text     0x40380000     0x1000
.dram0.dummy    0x3fc80000     0x1000
.dram0.data     0x3fc81000      0x200
.dram0.bss      0x3fc81200     0x4000
.flash.text     0x42000020    0x20000
.flash_rodata_dummy
                0x3c000020    0x20000
.flash.rodata   0x3c020120     0x8000
"""
    )
    sizes = measure(path)
    assert sizes.flash_bytes == 0x1000 + 0x200 + 0x20000 + 0x8000
    assert sizes.ram_bytes == 0x1000 + 0x200 + 0x4000
