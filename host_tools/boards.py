"""The boards that sotto builds for: their names, how they run, which environment builds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["emulated", "host", "hardware"]


@dataclass(frozen=True)
class UsbId:
    """What a plugged-in thing says of itself on the bus: its maker's number and the product's."""

    vendor: int
    product: int

    def __str__(self) -> str:
        """As `lsusb` writes it."""
        return f"{self.vendor:04x}:{self.product:04x}"


@dataclass(frozen=True)
class ChipId:
    """What a probe reads of a chip to know which one it is on.

    Attributes:
        address: of the register; DBGMCU_IDCODE of an STM32.
        device: its lowest twelve bits, DEV_ID in ST's reference manuals.
    """

    address: int
    device: int


@dataclass(frozen=True)
class Hardware:
    """How a real board is found and written to. A tool whose fact is empty does not serve it.

    Attributes:
        usb: what the board's USB socket may show while the firmware runs: its probe, its bridge
            from USB to serial, or the chip itself.
        serial_over_usb: the link comes over that cable; otherwise it needs an adapter on the pins
            that docs/boards.md names.
        flash_base: address of the first byte of the firmware.
        pyocd_target: the chip, as `pyocd --target` takes it.
        openocd_target: the chip, as the name of OpenOCD's script in `target/`.
        dfu: what the chip shows while its own boot loader takes firmware over USB (DfuSe).
        esptool_chip: the chip, as `esptool --chip` takes it.
        boot_loader_at: address of the boot loader that an Espressif chip's ROM starts.
        chip_id: tells the chip from others that take the same probe; None where the tool looks.
    """

    usb: tuple[UsbId, ...]
    serial_over_usb: bool
    flash_base: int
    pyocd_target: str = ""
    openocd_target: str = ""
    dfu: UsbId | None = None
    esptool_chip: str = ""
    boot_loader_at: int = 0
    chip_id: ChipId | None = None

    @property
    def by_probe(self) -> bool:
        """Whether a debug probe can write to it."""
        return bool(self.pyocd_target or self.openocd_target)


@dataclass(frozen=True)
class Board:
    """One row of the support table.

    Attributes:
        name: what the user types and what the firmware reports.
        environment: section `[env:...]` of platformio.ini.
        project: folder of that platformio.ini, below the root of sotto.
        kind: "emulated" (QEMU), "host" (a process of this computer) or "hardware".
        core: the processor core, as people call it.
        compile_target: the same, as `sotto compile --target` takes it.
        machine: QEMU's name of the machine; empty unless emulated.
        emulator: the program that emulates it.
        emulator_options: more of its command line.
        title: one line for lists.
        hardware: of a real board, None for the others.
    """

    name: str
    environment: str
    kind: Kind
    core: str
    compile_target: str
    title: str
    machine: str = ""
    emulator: str = "qemu-system-arm"
    emulator_options: tuple[str, ...] = ()
    project: str = ""
    hardware: Hardware | None = None


def _by_name(*boards: Board) -> dict[str, Board]:
    return {board.name: board for board in boards}


def _emulated(name: str, machine: str, core: str, compile_target: str, title: str) -> Board:
    return Board(name, name, "emulated", core, compile_target, title, machine)


ST_VENDOR = 0x0483
ST_LINK_V2 = UsbId(ST_VENDOR, 0x3748)
"""Has no serial line."""
ST_LINK_V2_1 = (UsbId(ST_VENDOR, 0x374B), UsbId(ST_VENDOR, 0x3752))
"""With and without its disk."""
ST_LINK_V3 = (UsbId(ST_VENDOR, 0x374E), UsbId(ST_VENDOR, 0x3754))
"""With and without its disk."""
STM32_DFU = UsbId(ST_VENDOR, 0xDF11)
STM32_FLASH_BASE = 0x0800_0000
_DBGMCU_IDCODE = 0xE004_2000
"""Of STM32F4 and L4 (RM0090, RM0351)."""
_STM32H7_IDCODE = 0x5C00_1000
"""Of STM32H7 (RM0433)."""


def _stm32(
    name: str,
    core: str,
    compile_target: str,
    title: str,
    probes: tuple[UsbId, ...],
    pyocd_target: str,
    openocd_target: str,
    device_id: int,
    *,
    device_id_at: int = _DBGMCU_IDCODE,
    serial_over_usb: bool = True,
    dfu: UsbId | None = None,
) -> Board:
    hardware = Hardware(
        probes,
        serial_over_usb,
        STM32_FLASH_BASE,
        pyocd_target,
        openocd_target,
        dfu,
        chip_id=ChipId(device_id_at, device_id),
    )
    return Board(name, name, "hardware", core, compile_target, title, hardware=hardware)


ESP_IDF_PROJECT = "firmware/ports/esp32"
"""Has a platformio.ini of its own, and what `idf.py` takes."""
ESP_APPLICATION_AT = 0x1_0000
"""Where ESP-IDF's partition table for a single application has it."""
ESP_USB = UsbId(0x303A, 0x1001)
"""The chips' own USB Serial/JTAG controller."""
USB_BRIDGES = (UsbId(0x10C4, 0xEA60), UsbId(0x1A86, 0x7523), UsbId(0x1A86, 0x55D4))
"""CP210x, CH340, CH9102: from USB to a UART, on boards of many makers."""


def _espressif(
    name: str,
    core: str,
    compile_target: str,
    title: str,
    usb: tuple[UsbId, ...],
    *,
    boot_loader_at: int = 0,
) -> Board:
    hardware = Hardware(
        usb, True, ESP_APPLICATION_AT, esptool_chip=name, boot_loader_at=boot_loader_at
    )
    return Board(
        name,
        name,
        "hardware",
        core,
        compile_target,
        title,
        project=ESP_IDF_PROJECT,
        hardware=hardware,
    )


def _arduino(
    name: str, core: str, compile_target: str, title: str, usb: tuple[UsbId, ...], flash_base: int
) -> Board:
    hardware = Hardware(usb, serial_over_usb=True, flash_base=flash_base)
    return Board(name, name, "hardware", core, compile_target, title, hardware=hardware)


BOARDS: dict[str, Board] = _by_name(
    _emulated(
        "stm32f405",
        "netduinoplus2",
        "Cortex-M4F",
        "cortex-m4f",
        "STM32F405 (Netduino Plus 2) in QEMU",
    ),
    _emulated("mps2_m3", "mps2-an385", "Cortex-M3", "cortex-m3", "Arm MPS2 AN385 in QEMU"),
    _emulated("mps2_m4", "mps2-an386", "Cortex-M4F", "cortex-m4f", "Arm MPS2 AN386 in QEMU"),
    _emulated("mps2_m7", "mps2-an500", "Cortex-M7F", "cortex-m7", "Arm MPS2 AN500 in QEMU"),
    _emulated("mps3_m55", "mps3-an547", "Cortex-M55", "cortex-m55", "Arm MPS3 AN547 in QEMU"),
    Board(
        "riscv_virt",
        "riscv_virt",
        "emulated",
        "RV32IMC",
        "rv32imc",
        "RISC-V virt machine in QEMU",
        "virt,firmware=none",
        "qemu-system-riscv32",
    ),
    Board(
        "xtensa_lx60",
        "xtensa_lx60",
        "emulated",
        "Xtensa LX106",
        "xtensa",
        "LX60 board with an Xtensa core in QEMU",
        "lx60-nommu",
        "qemu-system-xtensa",
        ("-cpu", "lx106"),
    ),
    Board("host", "host", "host", "this computer", "host", "The same firmware as a process"),
    Board(
        "host_sanitized",
        "host_sanitized",
        "host",
        "this computer",
        "host",
        "As host, under address and undefined-behaviour sanitizers",
    ),
    _stm32(
        "disco_f407",
        "Cortex-M4F",
        "cortex-m4f",
        "STM32F4DISCOVERY (STM32F407)",
        (ST_LINK_V2, *ST_LINK_V2_1),
        "stm32f407vgtx",
        "stm32f4x",
        0x413,
        serial_over_usb=False,
    ),
    _stm32(
        "feather_f405",
        "Cortex-M4F",
        "cortex-m4f",
        "Adafruit Feather STM32F405 Express",
        (),
        "stm32f405rgtx",
        "stm32f4x",
        0x413,
        serial_over_usb=False,
        dfu=STM32_DFU,
    ),
    _stm32(
        "nucleo_f446re",
        "Cortex-M4F",
        "cortex-m4f",
        "NUCLEO-F446RE",
        ST_LINK_V2_1,
        "stm32f446retx",
        "stm32f4x",
        0x421,
    ),
    _stm32(
        "nucleo_f401re",
        "Cortex-M4F",
        "cortex-m4f",
        "NUCLEO-F401RE",
        ST_LINK_V2_1,
        "stm32f401retx",
        "stm32f4x",
        0x433,
    ),
    _stm32(
        "disco_l475",
        "Cortex-M4F",
        "cortex-m4f",
        "B-L475E-IOT01A (STM32L475)",
        ST_LINK_V2_1,
        "stm32l475xg",
        "stm32l4x",
        0x415,
    ),
    _stm32(
        "nucleo_l4r5zi",
        "Cortex-M4F",
        "cortex-m4f",
        "NUCLEO-L4R5ZI",
        ST_LINK_V2_1,
        "stm32l4r5zitx",
        "stm32l4x",
        0x470,
    ),
    _stm32(
        "nucleo_h743zi",
        "Cortex-M7F",
        "cortex-m7",
        "NUCLEO-H743ZI, H743ZI2",
        (*ST_LINK_V2_1, *ST_LINK_V3),
        "stm32h743xx",
        "stm32h7x",
        0x450,
        device_id_at=_STM32H7_IDCODE,
    ),
    _espressif(
        "esp32",
        "Xtensa LX6",
        "xtensa",
        "ESP32 development board",
        USB_BRIDGES,
        boot_loader_at=0x1000,
    ),
    _espressif("esp32s3", "Xtensa LX7", "xtensa", "ESP32-S3 board, by the chip's USB", (ESP_USB,)),
    _espressif("esp32c3", "RV32IMC", "rv32imc", "ESP32-C3 board, by the chip's USB", (ESP_USB,)),
    _arduino(
        "nano33ble",
        "Cortex-M4F",
        "cortex-m4f",
        "Arduino Nano 33 BLE Sense (nRF52840)",
        (UsbId(0x2341, 0x805A),),
        0x1_0000,
    ),
    _arduino(
        "pico",
        "Cortex-M0+",
        "cortex-m0plus",
        "Raspberry Pi Pico (RP2040)",
        (UsbId(0x2E8A, 0x00C0),),
        0x1000_0000,
    ),
)
"""All boards by name."""

DEFAULT_BOARD = "stm32f405"
