"""Plugin: the host firmware around the fake model, and a device that talks to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from firmware_build import build_host_firmware, running, write_fake_generated

from host_tools.link.device import Device


@pytest.fixture(scope="session")
def fake_firmware(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Program with ASan and UBSan."""
    folder = tmp_path_factory.mktemp("fake_firmware")
    write_fake_generated(folder / "generated")
    return build_host_firmware(folder / "generated", folder / "firmware")


@pytest.fixture
def board_url(fake_firmware: Path) -> Iterator[str]:
    """A fresh board."""
    with running(fake_firmware) as url:
        yield url


@pytest.fixture
def device(board_url: str) -> Iterator[Device]:
    """A device that has answered."""
    with Device.open(board_url) as opened:
        yield opened


@pytest.fixture(scope="session")
def listening_firmware(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `fake_firmware`, with a model that may run without a reset, as a stream's does."""
    folder = tmp_path_factory.mktemp("listening_firmware")
    write_fake_generated(folder / "generated", past_allowed=True)
    return build_host_firmware(folder / "generated", folder / "firmware")


@pytest.fixture
def listener_url(listening_firmware: Path) -> Iterator[str]:
    """A fresh board that listens."""
    with running(listening_firmware) as url:
        yield url


@pytest.fixture
def listener(listener_url: str) -> Iterator[Device]:
    """A device of it."""
    with Device.open(listener_url) as opened:
        yield opened
