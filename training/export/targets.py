"""Which kernels a kind of core gets: passes from program to program, chosen by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from training.errors import UserError
from training.export.dsp.choose import choose_dsp_kernels
from training.export.mve.choose import choose_mve_kernels
from training.export.portable.choose import choose_portable_kernels
from training.export.program import Program


@dataclass(frozen=True)
class Target:
    """A kind of core.

    Attributes:
        name: lower case, as users write it.
        choose: replaces kernel calls by faster ones that compute the same bytes.
        suffix: what its file's name has more than the portable one's.
        headers: of its kernels, beside sotto/nn.h.
    """

    name: str
    choose: Callable[[Program], Program]
    suffix: str = ""
    headers: tuple[str, ...] = ()

    @property
    def macro(self) -> str:
        """Its number in sotto/target.h."""
        return f"SOTTO_TARGET_{self.name.upper()}"

    @property
    def condition(self) -> str:
        """Preprocessor condition under which a build takes this target's file."""
        return f"SOTTO_TARGET == {self.macro}"


REFERENCE = Target("reference", lambda program: program, "_reference")
"""The kernels of sotto/nn.h alone: what all others are compared with. Not in generated/."""
STEP = "sotto/nn_step.h"
"""Kernels for every kind of core."""
PACKED = "sotto/nn_packed.h"
"""Of models with packed weights, for every kind of core."""
PORTABLE = Target("portable", choose_portable_kernels, headers=("sotto/nn_portable.h", STEP))
DSP = Target("dsp", choose_dsp_kernels, "_dsp", ("sotto/nn_dsp.h", STEP))
MVE = Target("mve", choose_mve_kernels, "_mve", ("sotto/nn_mve.h", STEP))
TARGETS = (PORTABLE, DSP, MVE)
"""Those of generated/. Exactly one condition holds in a build; see sotto/target.h."""


def find_target(name: str) -> Target:
    """The target of that name.

    Raises:
        UserError: there is none.
    """
    every = (REFERENCE, *TARGETS)
    for target in every:
        if target.name == name:
            return target
    names = ", ".join(target.name for target in every)
    raise UserError(f"there is no target '{name}'", f"Choose one of {names}.")
