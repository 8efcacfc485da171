"""What a recipe says about compression: a list of steps, each with its own settings.

A step stands in a recipe as `[[compress]]` with `step = "prune"` and what else it takes; on the
command line as `--steps "prune share=0.5 importance=taylor; low_rank energy=0.95"`.
docs/compression.md says what each one does.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass

from training.errors import UserError
from training.recipe_reader import Section, choice, ranged, read_text

SPARSE_KERNELS = "kernels for zeros that are not in blocks of four"
PACKED_KERNELS = "kernels for weights of 5 to 8 bits"
"""What the engine lacks: a model that needs them is measured, and refused by the export."""
PACKED_BITS, PACKED_VALUES = 4, 16
"""Most bits of a weight that the engine unpacks, and most values in a codebook."""
SPARSE_BLOCK = 4
"""Inputs of one output that the engine leaves out together where all their weights are zero."""
TUNING_EPOCHS, TUNING_RATE = 30, 1e-3
MOST_EPOCHS = 100_000


@dataclass(frozen=True)
class StepSection(Section):
    """One step."""

    @property
    def needs(self) -> str:
        """Kernels without which what the step makes cannot be deployed; empty where there are."""
        return ""


@dataclass(frozen=True)
class Tuning(StepSection):
    """How a network is trained on after it was changed; on the student's lessons and batches."""

    epochs: int = ranged(TUNING_EPOCHS, 0, MOST_EPOCHS)
    """Of each fine-tuning; 0 leaves it out."""
    learning_rate: float = ranged(TUNING_RATE, 1e-7, 1.0)


@dataclass(frozen=True)
class FineTuneConfig(Tuning):
    """Train on, in the form that the steps before gave the weights."""

    step: str = choice("fine_tune", ("fine_tune",))
    l1: float = ranged(0.0, 0.0, 10.0)
    """Penalty of the magnitude of each weight: many become small, ready to be pruned."""
    group_lasso: float = ranged(0.0, 0.0, 10.0)
    """Penalty of the norm of each channel's weights: whole channels become small."""


@dataclass(frozen=True)
class PruneConfig(Tuning):
    """Take out what matters least."""

    step: str = choice("prune", ("prune",))
    granularity: str = choice("channels", ("channels", "blocks", "weights"))
    """Channels shrink every tensor that has them. Zeros in blocks of four shrink weights, and take
    fewer instructions on cores with DSP instructions. Single zeros gain nothing."""
    importance: str = choice(
        "magnitude", ("magnitude", "gradient", "taylor", "fisher", "median", "random")
    )
    scope: str = choice("global", ("global", "layer"))
    """Whether layers compete with each other, or each one gives the same share."""
    share: float = ranged(0.5, 0.0, 0.99)
    """Part of the channels (of the weights) that leaves in the end."""
    rounds: int = ranged(1, 1, 100)
    """The share leaves in so many parts, with a fine-tuning after each."""
    least_accuracy: float = ranged(0.0, 0.0, 1.0)
    """Of the validation clips: where a round ends below it, the network before it is kept."""
    multiple: int = ranged(4, 1, 32)
    """Channels that stay are a multiple of this, as kernels compute four at once."""
    block: int = ranged(4, 2, 32)
    """Neighbouring inputs of one output that leave together, where blocks are pruned."""
    clips: int = ranged(256, 1, 100_000)
    """Training clips on which gradients are taken."""

    @property
    def needs(self) -> str:
        """Single zeros gain nothing."""
        whole = self.granularity == "blocks" and self.block % SPARSE_BLOCK == 0
        return "" if self.granularity == "channels" or whole else SPARSE_KERNELS


@dataclass(frozen=True)
class LowRankConfig(Tuning):
    """Split dense and pointwise layers into two thinner ones."""

    step: str = choice("low_rank", ("low_rank",))
    energy: float = ranged(0.95, 0.01, 1.0)
    """Part of the squared singular values that stays, of every layer."""
    budget: float = ranged(0.0, 0.0, 1.0)
    """Part of the weights of these layers that may stay, shared out by energy; 0: as `energy`."""
    multiple: int = ranged(4, 1, 32)
    """Ranks are multiples of this."""


@dataclass(frozen=True)
class TensorSplitConfig(Tuning):
    """Split convolutions over time and frequency into chains of smaller ones."""

    step: str = choice("tensor_split", ("tensor_split",))
    method: str = choice("tucker", ("tucker", "cp"))
    energy: float = ranged(0.9, 0.01, 1.0)
    """Part of the squared entries that a factor (of CP, the whole) keeps."""
    multiple: int = ranged(4, 1, 32)
    """Ranks that CP tries are multiples of this."""


@dataclass(frozen=True)
class LowBitsConfig(Tuning):
    """Few bits for the weights, with training through the rounding."""

    step: str = choice("low_bits", ("low_bits",))
    grid: str = choice("uniform", ("uniform", "powers_of_two"))
    bits: int = ranged(4, 2, 8)
    """Of a weight."""
    flash_bytes: int = ranged(0, 0, 100_000_000)
    """Bits per layer (8, 4 or 2) are chosen so that the packed weights take no more; 0: `bits`."""
    clips: int = ranged(256, 1, 100_000)
    """Training clips by which layers are judged."""

    @property
    def needs(self) -> str:
        """The engine unpacks a grid of few values; eight bits are no grid."""
        few = self.flash_bytes > 0 or self.bits <= PACKED_BITS or self.grid != "uniform"
        return "" if few else PACKED_KERNELS


@dataclass(frozen=True)
class ClusterConfig(Tuning):
    """Few values for the weights: a codebook a layer or a channel."""

    step: str = choice("cluster", ("cluster",))
    values: int = ranged(16, 2, 256)
    """Entries of a codebook."""
    codebook: str = choice("tensor", ("tensor", "channel"))

    @property
    def needs(self) -> str:
        """The engine unpacks small codebooks."""
        return "" if self.values <= PACKED_VALUES else PACKED_KERNELS


@dataclass(frozen=True)
class BranchesConfig(Tuning):
    """Train with several branches in the place of each convolution, then merge them."""

    step: str = choice("branches", ("branches",))
    branches: int = ranged(2, 1, 8)
    """Further layers beside each one."""


@dataclass(frozen=True)
class SubnetworkConfig(Tuning):
    """Train many widths at once, then take the best network within a budget."""

    step: str = choice("subnetwork", ("subnetwork",))
    flash_bytes: int = ranged(0, 0, 100_000_000)
    """Constants of the int8 model; 0 for no bound."""
    instructions: int = ranged(0, 0, 1_000_000_000)
    """Estimate of one inference; 0 for no bound."""
    least_share: float = ranged(0.25, 0.05, 1.0)
    """Narrowest width of a group of channels, as a part of what it has."""
    candidates: int = ranged(32, 1, 10_000)
    """Networks that are tried."""
    multiple: int = ranged(4, 1, 32)
    """Widths are multiples of this."""
    clips: int = ranged(512, 1, 100_000)
    """Training clips that a candidate's normalisation is taken from."""


@dataclass(frozen=True)
class CalibrateConfig(StepSection):
    """How the ranges of activations are found when the network becomes int8."""

    step: str = choice("calibrate", ("calibrate",))
    method: str = choice("min_max", ("min_max", "percentile", "mse", "kl"))
    percentile: float = ranged(99.99, 50.0, 100.0)
    """Part of the values inside the range, where the method is percentile."""
    symmetric: bool = False
    """Ranges around zero, so that the zero point is 0."""
    per_channel: bool = True
    """A scale for each channel of the weights, not one a tensor."""
    clips: int = ranged(300, 1, 100_000)
    """Augmented training clips that are heard."""


@dataclass(frozen=True)
class EqualiseConfig(StepSection):
    """Cross-layer equalisation: channels of neighbouring layers get like ranges."""

    step: str = choice("equalise", ("equalise",))
    rounds: int = ranged(10, 1, 1_000)


@dataclass(frozen=True)
class CorrectBiasConfig(StepSection):
    """Take the mean error that int8 makes out of each layer's bias."""

    step: str = choice("correct_bias", ("correct_bias",))
    clips: int = ranged(300, 1, 100_000)


StepConfig = (
    FineTuneConfig
    | PruneConfig
    | LowRankConfig
    | TensorSplitConfig
    | LowBitsConfig
    | ClusterConfig
    | BranchesConfig
    | SubnetworkConfig
    | CalibrateConfig
    | EqualiseConfig
    | CorrectBiasConfig
)
"""The settings of one step; `step` says which."""


@dataclass(frozen=True)
class _Steps(Section):
    compress: tuple[StepConfig, ...] = ()


def read_steps(text: str) -> tuple[StepConfig, ...]:
    """Steps as the command line has them: `name key=value key=value; name ...`.

    Raises:
        UserError: an unknown step or key, or a value that it does not take.
    """
    lines = []
    for part in text.split(";"):
        name, *settings = part.split() or [""]
        lines += ["[[compress]]", f"step = {_toml(name)}"]
        for setting in settings:
            key, sign, value = setting.partition("=")
            if not sign or not key or not value:
                raise UserError(
                    f"--steps: {setting!r} of the step {name!r} is no setting",
                    "Write key=value without spaces around the sign; ';' ends a step.",
                )
            lines.append(f"{key} = {_toml(value)}")
    return read_text(_Steps, "\n".join(lines) + "\n", "--steps").compress


def _toml(value: str) -> str:
    """A value as TOML has it: numbers and truth as they are, anything else as a text."""
    try:
        tomllib.loads(f"x = {value}")
    except tomllib.TOMLDecodeError:
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return value
