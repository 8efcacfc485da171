"""The rows of `make bench-compression`: compared clip by clip, and as a table for a document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from host_tools.evaluation.intervals import mcnemar_exact

Row = dict[str, Any]
HEADING = (
    "| | right of {clips} | accuracy, 95 % interval | against the baseline | against its rival "
    "| flash | coded | RAM | instructions |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
)


def compared(rows: Sequence[Row]) -> list[Row]:
    """The rows, each method with the clips that only it or only another one hears right, and the
    p-value of McNemar's exact test: against the baseline, and against its rival."""
    heard = {row["name"]: row["heard"] for row in rows if "heard" in row}
    found = []
    for row in rows:
        others = {"baseline": rows[0]["name"], "rival": row.get("rival")}
        against = {}
        for kind, other in others.items():
            if "heard" not in row or other is None or other == row["name"]:
                continue
            pairs = list(zip(row["heard"], heard[other], strict=True))
            won, lost = pairs.count(("1", "0")), pairs.count(("0", "1"))
            against[kind] = {"won": won, "lost": lost, "p": mcnemar_exact(won, lost)}
        found.append(row | {"against": against})
    return found


def told(comparison: Mapping[str, Any]) -> str:
    """Clips won and lost, and how often chance alone tells as many apart."""
    return f"+{comparison['won']} -{comparison['lost']}, p {comparison['p']:.2g}"


def markdown(rows: Sequence[Row]) -> str:
    """The rows of `compared` as a table; those without figures say why below it."""
    clips = rows[0]["figures"]["clips"]
    lines = [HEADING.format(clips=clips)]
    for row in rows:
        if "figures" not in row:
            continue
        found, against = row["figures"], row["against"]
        rival = told(against["rival"]) + f" ({row['rival']})" if "rival" in against else ""
        instructions = found["instructions"]
        cells = [
            row["name"],
            str(found["right"]),
            f"{found['accuracy']:.1%} ({found['low']:.1%} to {found['high']:.1%})",
            told(against["baseline"]) if "baseline" in against else "",
            rival,
            f"{found['flash_bytes']:,}",
            f"{found['coded_flash_bytes']:,}",
            f"{found['ram_bytes']:,}",
            "?" if instructions is None else f"{instructions:,}",
        ]
        lines.append("| " + " | ".join(cells) + " |\n")
    failed = [f"- {row['name']}: {row['failed']}\n" for row in rows if "failed" in row]
    return "".join(lines) + ("\n" + "".join(failed) if failed else "")
