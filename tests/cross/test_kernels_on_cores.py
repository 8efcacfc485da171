"""Packed kernels on emulated cores, with their own instructions, against the reference kernels.

All cases of a core are one program, which says a digest of each case's outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from interpreters import NN_SOURCES, Kernels
from operator_cases import (
    add,
    average_pool,
    conv2d,
    depthwise_conv2d,
    depthwise_in_between,
    depthwise_of_width,
    ds_cnn_layer,
    fully_connected_per_channel,
    layer_of_one_window,
    layer_of_ties,
    layer_over_time,
    mean,
    one_window,
)

from host_tools.bench.build import MODEL, build
from host_tools.bench.cores import CORES, XTENSA, Core
from host_tools.bench.measure import LCG_INCREMENT, LCG_STEP
from host_tools.bench.trace import run
from training.export import c_text
from training.export.dsp import choose
from training.export.lower import lower
from training.export.packed.choose import UNPACK, pack_weights
from training.export.packed.codes import CODE_BITS
from training.export.packed.few_values import FORMS, with_few_values, with_zero_blocks
from training.export.packed.grid import GRID_BITS, GRID_KERNELS
from training.export.plan import ALIGNMENT_BYTES
from training.export.program import Program
from training.export.targets import DSP, PACKED, find_target

pytestmark = pytest.mark.emulator
BOARD = Path(__file__).with_name("kernel_cases_board.c")
CASES = (
    conv2d,
    depthwise_conv2d,
    depthwise_in_between,
    fully_connected_per_channel,
    layer_of_one_window,
    layer_over_time,
    layer_of_ties,
    add,
    average_pool,
    mean,
)
FEW_VALUES = (ds_cnn_layer, one_window, ds_cnn_layer, one_window)
"""Layers of each form of few values, which may be packed."""
LEAST_OF_FEW_VALUES = 10
"""Layers whose weights are codes of each width, on every core."""
MODELS_A_CASE, KEYWORD_LAYERS, ONE_WINDOWS = 6, 30, 24
WIDTHS = range(6, 14)
"""Some depthwise kernels take six columns at a time, then what is left."""
SEED = 34
INPUTS = 2
FNV_START, FNV_PRIME = 2_166_136_261, 16_777_619

HEADER = """#include <stdint.h>
#define KERNEL_CASES {count}
#define KERNEL_CASES_INPUTS {inputs}
typedef struct kernel_case {{
  void (*run)(void);
  int32_t input_bytes[KERNEL_CASES_INPUTS];
  int32_t output_bytes;
}} kernel_case;
extern const kernel_case kernel_cases[KERNEL_CASES];
extern int8_t kernel_cases_inputs[KERNEL_CASES_INPUTS][{input_bytes}];
extern int8_t kernel_cases_output[{output_bytes}];
"""


def _programs() -> list[Program]:
    """One layer each, or three, as the reference kernels compute it."""
    rng = np.random.default_rng(SEED)
    graphs = [case(rng) for case in CASES for _ in range(MODELS_A_CASE)]
    graphs += [ds_cnn_layer(rng) for _ in range(KEYWORD_LAYERS)]
    graphs += [one_window(rng) for _ in range(ONE_WINDOWS)]
    graphs += [depthwise_of_width(rng, width, rows) for width in WIDTHS for rows in (3, 5)]
    for values in FORMS.values():
        graphs += [with_few_values(case(rng), values) for case in FEW_VALUES]
    graphs += [with_zero_blocks(case(rng), 0.7, SEED) for case in 3 * FEW_VALUES]
    return [lower(g) for g in graphs]


def _sizes(program: Program) -> list[int]:
    """Bytes of each input; 0 for one that the layer does not have."""
    sizes = [program.buffers[i].bytes for i in program.inputs]
    return sizes + [0] * (INPUTS - len(sizes))


def _functions(program: Program) -> list[str]:
    return [call.params.function for call in program.calls]


def _homes(program: Program) -> tuple[dict[int, str], int]:
    """How C reaches each buffer, and the bytes of those in between, side by side."""
    homes = {b: f"kernel_cases_inputs[{i}]" for i, b in enumerate(program.inputs)}
    homes[program.outputs[0]] = "kernel_cases_output"
    end = 0
    for index, buffer in enumerate(program.buffers):
        if index not in homes:
            homes[index] = f"between + {end}"
            end += -(-buffer.bytes // ALIGNMENT_BYTES) * ALIGNMENT_BYTES
    return homes, end


def _case(index: int, program: Program) -> str:
    """The function run_<index>, with the parameters of its calls in front."""
    homes, _ = _homes(program)
    structs, calls = "", ""
    for number, call in enumerate(program.calls):
        places = [program.place(buffer) for buffer in call.buffers]
        pointers = [f"{homes[place.buffer]} + {place.start_byte}" for place in places]
        name = f"case_{index}_{number}"
        structs += c_text.struct(name, call.params)
        calls += f"  {call.params.function}({', '.join([f'&{name}', *pointers])});\n"
    return f"{structs}static void run_{index}(void) {{\n{calls}}}\n"


def _source(programs: Sequence[Program], headers: Sequence[str]) -> dict[str, str]:
    """C files that compute the cases with the kernels that `programs` chose."""
    sizes = [_sizes(p) for p in programs]
    outputs = [p.buffers[p.outputs[0]].bytes for p in programs]
    between = max(_homes(p)[1] for p in programs)
    header = HEADER.format(
        count=len(programs),
        inputs=INPUTS,
        input_bytes=max(map(max, sizes)),
        output_bytes=max(outputs),
    )
    text = "".join(f'#include "{name}"\n' for name in ("kernel_cases.h", "sotto/nn.h", *headers))
    text += "int8_t kernel_cases_inputs[KERNEL_CASES_INPUTS][sizeof *kernel_cases_inputs];\n"
    text += "int8_t kernel_cases_output[sizeof kernel_cases_output];\n"
    text += f"static _Alignas({ALIGNMENT_BYTES}) int8_t between[{between}];\n"
    rows = ""
    for index, (program, row, output) in enumerate(zip(programs, sizes, outputs, strict=True)):
        text += _case(index, program)
        rows += f"  {{run_{index}, {{{', '.join(map(str, row))}}}, {output}}},\n"
    text += f"const kernel_case kernel_cases[KERNEL_CASES] = {{\n{rows}}};\n"
    return {"kernel_cases.h": header, "kernel_cases.c": text}


def _inputs(program: Program, seed: int) -> list[list[np.ndarray]]:
    """What kernel_cases_board.c gives a case, round by round."""
    shapes = [program.buffers[i].shape for i in program.inputs]
    noise, state = [], seed
    for shape in shapes:
        values = bytearray()
        for _ in range(int(np.prod(shape))):
            state = (state * LCG_STEP + LCG_INCREMENT) % 2**32
            values.append(state >> 24)
        noise.append(np.frombuffer(bytes(values), np.int8).reshape(shape))
    return [noise, *([np.full(s, value, np.int8) for s in shapes] for value in (-128, 127))]


def _digest(outputs: Sequence[np.ndarray]) -> int:
    digest = FNV_START
    for byte in np.concatenate([output.reshape(-1) for output in outputs]).tobytes():
        digest = ((digest ^ byte) * FNV_PRIME) % 2**32
    return digest


@pytest.fixture(autouse=True)
def every_layer_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    """However small."""
    monkeypatch.setattr(choose, "EXACT_MACS", 0)
    monkeypatch.setattr(choose, "VECTOR_MACS", 0)


@pytest.fixture(scope="module")
def expected(build_shared: Callable) -> list[int]:
    """The digests of the reference kernels on this computer."""
    kernels = Kernels(build_shared(NN_SOURCES))
    programs = _programs()
    runs = (kernels.run(p, _inputs(p, seed)) for seed, p in enumerate(programs, start=1))
    return [_digest(outputs) for outputs in runs]


@pytest.mark.parametrize(
    ("core", "least_packed"),
    [
        (CORES["cortex-m55"], 84),
        (CORES["cortex-m4f"], 70),
        (CORES["cortex-m3"], 30),
        (XTENSA, 30),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_kernels_of_a_core_give_the_reference_bytes(
    core: Core, least_packed: int, expected: list[int], tmp_path: Path
) -> None:
    target = find_target(core.target)
    reference = _programs()
    chosen = [pack_weights(target.choose(program)) for program in reference]
    pairs = zip(chosen, reference, strict=True)
    packed = sum(_functions(c) != _functions(r) for c, r in pairs)
    assert packed >= least_packed, "hardly a layer got a kernel of its own"
    calls = [call for program in chosen for call in program.calls]
    grids = [call.params.kernel for call in calls if isinstance(call.params, GRID_KERNELS)]
    assert len(set(grids)) == (len(GRID_KERNELS) if target is DSP else 0)
    bits = [call.params.bits for call in calls if call.operator == UNPACK]
    bits += [GRID_BITS] * len(grids)
    few = {of: bits.count(of) for of in CODE_BITS}
    assert min(few.values()) >= LEAST_OF_FEW_VALUES, f"hardly a layer was packed: {few}"
    folder = tmp_path / MODEL
    folder.mkdir()
    for file, text in _source(chosen, (*target.headers, PACKED)).items():
        (folder / file).write_text(text, encoding="utf-8")
    elf = build(core, str(BOARD), tmp_path)
    digests = np.frombuffer(bytes.fromhex(run(core, elf).split()[-1]), "<u4").tolist()
    wrong = [p.calls for p, d, e in zip(chosen, digests, expected, strict=True) if d != e]
    assert not wrong
