"""The page of `sotto data check`: every doubtful clip with a player."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from host_tools.files import write_atomically
from host_tools.report.templates import environment

PAGE_NAME = "check.html"
DATA_NAME = "check.json"


def write_check(found: Mapping[str, Any], out: Path) -> Path:
    """Write `check.html` and `check.json` into `out`; players play the clips where they lie.

    Args:
        found: fields of a `training.check.CheckResult`.
        out: folder; made when missing.

    Returns:
        Path of the page.
    """
    pages = environment()
    pages.filters["percent"] = "{:.1%}".format
    here = out.resolve()
    page = pages.get_template("label_check.html.j2").render(
        found=found,
        link=lambda path: quote(Path(os.path.relpath(Path(path).resolve(), here)).as_posix()),
    )
    write_atomically(out / DATA_NAME, json.dumps(found, indent=1).encode())
    write_atomically(out / PAGE_NAME, page.encode())
    return out / PAGE_NAME
