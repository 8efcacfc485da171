"""Which kernels a kind of core gets: passes from program to program, chosen by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from training.errors import UserError
from training.export.choose_dsp import choose_dsp_kernels
from training.export.program import Program


@dataclass(frozen=True)
class Target:
    """A kind of core.

    Attributes:
        choose: replaces kernel calls by faster ones that compute the same bytes.
        condition: preprocessor condition under which a build takes this target's file.
        suffix: what its file's name has more than the portable one's.
    """

    name: str
    choose: Callable[[Program], Program]
    condition: str
    suffix: str = ""


PORTABLE = Target("portable", lambda program: program, "!SOTTO_TARGET_DSP")
DSP = Target("dsp", choose_dsp_kernels, "SOTTO_TARGET_DSP", "_dsp")
TARGETS = (PORTABLE, DSP)
"""Exactly one condition holds in a build; see sotto/target.h."""


def find_target(name: str) -> Target:
    """The target of that name.

    Raises:
        UserError: there is none.
    """
    for target in TARGETS:
        if target.name == name:
            return target
    names = ", ".join(target.name for target in TARGETS)
    raise UserError(f"there is no target '{name}'", f"Choose one of {names}.")
