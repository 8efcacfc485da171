"""Facts to HTML."""

from __future__ import annotations

import base64
from typing import Any

from host_tools.evaluation.ablation import verdict
from host_tools.report import figures
from host_tools.report.facts import Facts
from host_tools.report.plan_picture import draw_plan
from host_tools.report.templates import environment


def render(facts: Facts) -> str:
    """The page as text: style and plots inside, nothing loaded from elsewhere."""
    pages = environment()
    pages.filters["percent"] = lambda share: f"{share:.2%}"
    pages.filters["points"] = lambda share: f"{100 * share:+.2f}"
    pages.filters["grouped"] = lambda number: f"{number:,.0f}"
    return pages.get_template("page.html.j2").render(
        facts=facts,
        results=facts.results,
        boards=facts.boards,
        engines=engines(facts),
        verdict=verdict,
        plots={name: _data_url(svg) for name, svg in _plots(facts).items()},
    )


def engines(facts: Facts) -> list[dict[str, Any]]:
    """What the network costs on each core, once however many boards have it, with their names."""
    found: dict[str, dict[str, Any]] = {}
    for name, board in facts.boards.items():
        if (engine := board.get("engine")) is not None:
            found.setdefault(engine["core"], engine | {"boards": []})["boards"].append(name)
    return list(found.values())


def _data_url(svg: str) -> str:
    """An image of its own, so that the ids inside one plot cannot meet those of another."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def _plots(facts: Facts) -> dict[str, str]:
    from host_tools.evaluation.figures import plots as evaluation_plots  # which draws by this style

    plots = {}
    if facts.ladder:
        plots["ladder"] = figures.accuracy_ladder(facts.ladder)
    if facts.results.get("curves"):
        plots["curves"] = figures.training_curves(facts.results["curves"])
    for name, board in facts.boards.items():
        figures_of_board = board["validation"]
        plots[f"confusion {name}"] = figures.confusion_matrix(
            figures_of_board["labels"], figures_of_board["confusion"]
        )
    for engine in engines(facts):
        plots[f"plan {engine['core']}"] = draw_plan(engine)
    if facts.evaluation is not None:
        plots |= {f"room {name}": svg for name, svg in evaluation_plots(facts.evaluation).items()}
    if facts.ablation is not None:
        plots["ablation"] = figures.ablation_intervals(facts.ablation["arms"])
    built = [(name, memory(board)) for name, board in facts.boards.items() if "sizes" in board]
    if built:
        plots["memory"] = figures.memory_bars(built)
    return plots


def memory(board: dict[str, Any]) -> dict[str, int]:
    """Bytes by kind: from the linked binary, and the stack's peak as the board measured it."""
    sizes = board["sizes"]
    kinds = {
        "flash": sizes["flash_bytes"],
        "RAM": sizes["ram_bytes"],
        "stack, reserved": sizes["stack_reserved_bytes"],
        "stack, peak": board["validation"]["device"]["stack_peak_bytes"],
    }
    return {kind: size for kind, size in kinds.items() if size}
