"""Where the pages' templates are, and how they are filled."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined


def environment() -> Environment:
    """Templates of `host_tools/report`; text is escaped, and a name that is not given an error."""
    return Environment(
        loader=PackageLoader("host_tools.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
