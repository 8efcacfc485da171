"""What platformio.ini says of a board's environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from platformio.project.config import ProjectConfig

from host_tools.boards import Board

INI = "platformio.ini"
OWN_PLATFORM = "symlink://"
"""How a platform of this project begins: its compiler is the one on PATH."""


def options_of(board: Board, root: Path) -> dict[str, Any]:
    """The options of a board's environment, those that it extends included.

    Args:
        root: the project, which holds platformio.ini or the folder with the board's own.
    """
    ini = ProjectConfig(str(root / board.project / INI))
    return dict(ini.items(env=board.environment, as_dict=True))
