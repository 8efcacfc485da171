"""Prints a compiled model as C. Decides nothing: all numbers come from the program and the plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.export import c_text, fetching_c
from training.export.compile import CompiledModel
from training.export.layers import constants, layer_of, shown_layers
from training.export.plan import ALIGNMENT_BYTES
from training.export.program import KernelParams
from training.export.targets import PACKED, Target
from training.export.tflm import Resolver, resolver_of
from training.export.version import ABI, TOOL_VERSION

GOLDEN_FEATURES = "int8_t features[SOTTO_MODEL_WINDOW_FRAMES * SOTTO_MODEL_BINS];"
"""Features of a clip in sotto_golden.h."""
TFLM_INTERPRETER_BYTES = 512
"""For TFLite-Micro's interpreter and the frame of its resolver: 424 on a 64-bit host, 220 on
Cortex-M. The back-end refuses to compile where its objects are larger."""
TFLM_OPERATOR_BYTES = 80
"""For an operator in the resolver: 72 on a 64-bit host, 36 on Cortex-M. A multiple of 16."""
INCLUDE_MODEL = '\n#include "sotto_model.h"\n'


@dataclass(frozen=True)
class Golden:
    """Vectors that the board checks itself with.

    Attributes:
        pcm: int16[samples], input of the front-end.
        frames: int8[frames, bins], its features.
        features: int8[cases, window frames, bins] of whole clips.
        scores: int8[cases, classes], by LiteRT's reference kernels.
    """

    pcm: np.ndarray
    frames: np.ndarray
    features: np.ndarray
    scores: np.ndarray


@dataclass(frozen=True)
class Identity:
    """Names that all files of one export share.

    Attributes:
        model_hash: 64 hexadecimal digits.
        verb: of the command line, which writes the files anew.
    """

    name: str
    model_hash: str
    verb: str = "export"

    @property
    def banner(self) -> str:
        """First lines of every file."""
        return c_text.banner(TOOL_VERSION, self.verb, self.name, self.model_hash)

    @property
    def hash_32(self) -> str:
        """First 32 bits of the hash as a C constant: what the preprocessor can compare."""
        return f"0x{self.model_hash[:8]}u"

    @property
    def include_model(self) -> str:
        """Includes sotto_model.h and refuses that of another model."""
        return (
            f"{INCLUDE_MODEL}\n#if SOTTO_MODEL_HASH_32 != {self.hash_32}\n"
            f'#error "Regenerate: sotto_model.h is of another model; run `sotto {self.verb}`"\n'
            "#endif\n"
        )


def arena_bytes(model: CompiledModel) -> int:
    """Size of the arena that firmware declares; never 0, since C has no empty arrays."""
    return max(model.plan.arena_bytes, ALIGNMENT_BYTES)


def _arena_macro(models: Sequence[CompiledModel]) -> str:
    """Arena and state of each target; other cores get an error that says why."""
    sizes = "".join(
        f"#if {model.target.condition}\n"
        f"#define SOTTO_MODEL_ARENA_BYTES {arena_bytes(model)}\n"
        f"#define SOTTO_MODEL_STATE_BYTES {model.summary.state_bytes}\n"
        f"{fetching_c.storage_macro(model.program.fetching)}#endif\n"
        for model in models
    )
    names = " and ".join(model.target.macro for model in models)
    return (
        f"{sizes}#ifndef SOTTO_MODEL_ARENA_BYTES\n"
        f'#error "This folder holds the model for {names} only; see sotto/target.h"\n#endif\n'
    )


def _step_macros(model: CompiledModel, frames: int) -> str:
    """What a step of `frames` frames takes."""
    frame_bytes = model.input.bytes // model.frames_bins[0]
    return c_text.defines(
        [
            ("SOTTO_MODEL_FRAMES", str(frames)),
            ("SOTTO_MODEL_STEPS", str(model.window_frames // frames)),
            ("SOTTO_MODEL_INPUT_BYTES", str(frames * frame_bytes)),
        ]
    )


def _tflm_macros(model: CompiledModel, tflm_arena_bytes: int) -> str:
    """Step and memory where TFLite-Micro runs the network: a window, where ours takes a hop."""
    operators = len(resolver_of(model.tflite, model.name).operators)
    objects = TFLM_INTERPRETER_BYTES + operators * TFLM_OPERATOR_BYTES
    streamed = model.frames_bins[0] < model.window_frames
    return _step_macros(model, model.window_frames) + c_text.defines(
        [
            ("SOTTO_MODEL_TFLM_OBJECTS_BYTES", str(objects)),
            ("SOTTO_MODEL_ARENA_BYTES", str(objects + tflm_arena_bytes)),
            ("SOTTO_MODEL_STATE_BYTES", str(0 if streamed else model.summary.state_bytes)),
        ]
    )


def _network_macros(models: Sequence[CompiledModel], tflm_arena_bytes: int | None) -> str:
    """Steps and arenas, by back-end and kind of core."""
    ours = f"{_step_macros(models[0], models[0].frames_bins[0])}\n{_arena_macro(models)}"
    if tflm_arena_bytes is None:
        return (
            "#if SOTTO_BACKEND != SOTTO_BACKEND_AOT\n"
            '#error "This folder holds nothing for TFLite-Micro: use the ahead-of-time back-end"\n'
            f"#endif\n{ours}"
        )
    theirs = _tflm_macros(models[0], tflm_arena_bytes)
    return f"#if SOTTO_BACKEND == SOTTO_BACKEND_TFLM\n{theirs}#else\n{ours}#endif\n"


def model_header(
    models: Sequence[CompiledModel], identity: Identity, tflm_arena_bytes: int | None
) -> str:
    """sotto_model.h, for one network compiled for each target.

    `tflm_arena_bytes` is None where the folder holds nothing for TFLite-Micro.
    """
    model = models[0]
    digits = identity.model_hash
    hash_bytes = ", ".join(f"0x{digits[i : i + 2]}" for i in range(0, len(digits), 2))
    macros = c_text.defines(
        [
            ("SOTTO_TOOL_VERSION", c_text.string(TOOL_VERSION)),
            ("SOTTO_MODEL_NAME", c_text.string(identity.name)),
            ("SOTTO_MODEL_HASH_HEX", c_text.string(digits)),
            ("SOTTO_MODEL_HASH_BYTES", f"{{{hash_bytes}}}"),
            ("SOTTO_MODEL_HASH_32", identity.hash_32),
            ("SOTTO_MODEL_WINDOW_FRAMES", str(model.window_frames)),
            ("SOTTO_MODEL_BINS", str(model.frames_bins[1])),
            ("SOTTO_MODEL_CLASSES", str(model.output.elements)),
            ("SOTTO_MODEL_INPUT_TYPE", c_text.C_TYPES[model.input.dtype]),
            ("SOTTO_MODEL_OUTPUT_TYPE", c_text.C_TYPES[model.output.dtype]),
            ("SOTTO_MODEL_OUTPUT_BYTES", str(model.output.bytes)),
        ]
    )
    if tflm_arena_bytes is not None:
        macros += c_text.defines([("SOTTO_MODEL_TFLM_ARENA_BYTES", str(tflm_arena_bytes))])
    return (
        f"{identity.banner}#ifndef SOTTO_GENERATED_MODEL_H\n#define SOTTO_GENERATED_MODEL_H\n\n"
        '#include "sotto/abi.h"\n#include "sotto/backend.h"\n#include "sotto/target.h"\n\n'
        f"#if SOTTO_ABI != {ABI}\n"
        f'#error "Regenerate: this folder was generated for SOTTO_ABI {ABI}; '
        f'run `sotto {identity.verb}`"\n'
        f"#endif\n\n{macros}\n{_network_macros(models, tflm_arena_bytes)}\n"
        '#ifdef __cplusplus\nextern "C" {\n#endif\n\n'
        "/* Names of the classes, in the order of the scores. */\n"
        "extern const char *const sotto_labels[SOTTO_MODEL_CLASSES];\n\n"
        f"{fetching_c.storage_declaration(model.program.fetching)}"
        "#ifdef __cplusplus\n}\n#endif\n#endif\n"
    )


def _pointer(model: CompiledModel, buffer: int, more_bytes: int = 0) -> str:
    """How the printed code reaches a buffer, or the byte `more_bytes` after its first."""
    program, place = model.program, model.program.place(buffer)
    start_byte = place.start_byte + more_bytes
    if place.buffer in model.plan.offsets:
        return f"tensors + {model.plan.offsets[place.buffer] + start_byte}"
    name = f"constant_{place.buffer}"
    if place.buffer == program.inputs[0]:
        name = "features_s8"
    elif place.buffer == program.outputs[0]:
        name = "scores_s8"
    return f"{name} + {start_byte}" if start_byte else name


def _calls(model: CompiledModel) -> str:
    text, layers = "", {one.call: (n, one) for n, one in enumerate(shown_layers(model.program))}
    for position, call in enumerate(model.program.calls):
        macs = f", {call.macs} MACs" if call.macs else ""
        description = f"{position} {call.operator} {call.shapes}{macs}"
        name = f"{call.params.kernel}_{position}"
        fetch = fetching_c.before_call(model, position)
        arguments = [f"&{fetching_c.parameters(name) if fetch else name}"]
        arguments += [_pointer(model, b) for b in call.buffers]
        text += f"  {c_text.comment(description)}\n"
        run = f"  {call.params.function}({', '.join(arguments)});\n"
        # In braces, so that copies of parameters share their place on the stack.
        text += f"  {{\n{fetch}{run}  }}\n" if fetch else run
        if position in layers:
            layer, shown = layers[position]
            data = _pointer(model, call.output, shown.start_byte)
            text += f"  if (tap) tap->see(tap->context, {layer}, {data}, {shown.bytes});\n"
    return text


def _initial_states(model: CompiledModel) -> tuple[str, str]:
    """Constant arrays of the states' initial values, and the statements that set them."""
    arrays = statements = ""
    for buffer in model.program.states:
        initial = np.ascontiguousarray(model.program.buffers[buffer].initial).view(np.int8)
        target, value = _pointer(model, buffer), int(initial.flat[0])
        if (initial == value).all():
            statements += f"  memset({target}, {value}, {initial.size});\n"
        else:
            arrays += c_text.array(f"initial_{buffer}", initial) + "\n"
            statements += f"  memcpy({target}, initial_{buffer}, sizeof initial_{buffer});\n"
    return arrays, statements


_CHECK_INVOKE = (
    "  if (arena == NULL || features_s8 == NULL || scores_s8 == NULL) {\n"
    "    return SOTTO_E_ARGUMENT;\n  }\n"
    "  if (arena_bytes < SOTTO_MODEL_ARENA_BYTES) return SOTTO_E_SIZE;\n"
)


def _invoke(model: CompiledModel) -> str:
    """The layers, inlined twice: without a tap nothing of it is left."""
    tensors = "  (void)tensors;\n" if not model.plan.offsets else ""
    fetching = model.program.fetching
    # Only what is fetched before a layer can fail during an inference.
    fails = fetching is not None and not fetching.kept
    kind, status, done = "void", "", ""
    run, returned = "  run_layers({});\n", "  return SOTTO_OK;\n"
    if fails:
        kind, status, done = "int", "  int status;\n", "  return SOTTO_OK;\n"
        run, returned = "  return run_layers({});\n", ""
    untapped = run.format("arena, features_s8, scores_s8, NULL")
    tapped = run.format("arena, features_s8, scores_s8, tap")
    return (
        f"static inline __attribute__((always_inline)) {kind} run_layers(\n"
        "    int8_t *tensors, const int8_t *features_s8, int8_t *scores_s8,\n"
        "    const sotto_model_tap *tap) {\n"
        f"{tensors}{status}{_calls(model)}{done}}}\n\n"
        "int sotto_model_invoke(void *arena, size_t arena_bytes, const int8_t *features_s8,\n"
        "                       int8_t *scores_s8) {\n"
        f"{_CHECK_INVOKE}{untapped}{returned}}}\n\n"
        "int sotto_model_invoke_tapped(void *arena, size_t arena_bytes,\n"
        "                              const int8_t *features_s8, int8_t *scores_s8,\n"
        "                              const sotto_model_tap *tap) {\n"
        f"{_CHECK_INVOKE}  if (tap == NULL) return SOTTO_E_ARGUMENT;\n"
        f"{tapped}{returned}}}\n"
    )


def _constants(model: CompiledModel) -> str:
    """What the constant arrays must be, for a board that checks its flash."""
    found, shown = constants(model.program), shown_layers(model.program)
    if not found:
        return (
            "const sotto_model_constant *sotto_model_constants(size_t *count) {\n"
            "  *count = 0;\n  return NULL;\n}\n"
        )
    rows = "".join(
        f"{c_text.INDENT}{{{one.name}, sizeof {one.name}, 0x{one.crc32:08x}u, "
        f"{layer_of(shown, one.call)}}},\n"
        for one in found
    )
    return (
        "const sotto_model_constant *sotto_model_constants(size_t *count) {\n"
        f"  static const sotto_model_constant constants[{len(found)}] = {{\n{rows}  }};\n"
        f"  *count = {len(found)};\n  return constants;\n}}\n"
    )


def _printed(model: CompiledModel, position: int) -> KernelParams:
    """Parameters of a call as flash holds them."""
    params, fetching = model.program.calls[position].params, model.program.fetching
    return params if fetching is None else fetching.without(position, params)


def source_name(target: Target) -> str:
    """Name of the file that `model_source` prints for a target."""
    return f"sotto_model_aot{target.suffix}.c"


def model_source(model: CompiledModel, identity: Identity) -> str:
    """sotto_model_aot*.c: the model contract, one kernel call a layer, for one target."""
    constants = "".join(
        c_text.array(f"constant_{index}", buffer.data) + "\n"
        for index, buffer in enumerate(model.program.buffers)
        if buffer.data is not None
    )
    structs = "\n".join(
        c_text.struct(f"{call.params.kernel}_{position}", _printed(model, position))
        for position, call in enumerate(model.program.calls)
    )
    packed = any(call.weights is not None for call in model.program.calls)
    headers = (
        *model.target.headers,
        *((PACKED,) if packed else ()),
        *fetching_c.headers(model.program.fetching),
    )
    library = "".join(f'#include "{header}"\n' for header in headers)
    tensors = "  int8_t *const tensors = (int8_t *)arena;\n"
    initial, statements = _initial_states(model)
    decode = fetching_c.fetch_function(model)
    prepare = "  return sotto_model_reset(arena, arena_bytes);\n"
    if decode:
        prepare = (
            "  const int status = sotto_model_reset(arena, arena_bytes);\n"
            "  return status != SOTTO_OK ? status : decode_constants(arena);\n"
        )
    string_h = "\n#include <string.h>\n" if statements else ""
    return (
        f'{identity.banner}#include "sotto/model.h"\n{string_h}\n'
        f'#include "sotto/nn.h"\n{library}'
        f"{identity.include_model}\n"
        f"#if SOTTO_BACKEND == SOTTO_BACKEND_AOT && {model.target.condition}\n"
        f"{constants}{initial}{fetching_c.stored_arrays(model)}{structs}\n"
        'const char *sotto_model_backend(void) { return "aot"; }\n\n'
        "int sotto_model_reset(void *arena, size_t arena_bytes) {\n"
        f"  if (arena == NULL || (uintptr_t)arena % {ALIGNMENT_BYTES} != 0) "
        "return SOTTO_E_ARGUMENT;\n"
        "  if (arena_bytes < SOTTO_MODEL_ARENA_BYTES) return SOTTO_E_SIZE;\n"
        f"{tensors if statements else ''}{statements}  return SOTTO_OK;\n}}\n\n"
        f"{decode}int sotto_model_init(void *arena, size_t arena_bytes) {{\n"
        f"{prepare}}}\n\n"
        f"{_invoke(model)}\n{_constants(model)}#endif\n"
    )


def labels_source(labels: Sequence[str], identity: Identity) -> str:
    """sotto_labels.c."""
    lines = "".join(f"{c_text.INDENT}{c_text.string(label)},\n" for label in labels)
    return (
        f"{identity.banner}{identity.include_model[1:]}\n"
        f"const char *const sotto_labels[SOTTO_MODEL_CLASSES] = {{\n{lines}}};\n"
    )


def _resolver(resolver: Resolver) -> str:
    """Macros from which C++ makes the operator resolver; C may read them, too."""
    calls = " ".join(f"ADD({operator})" for operator in resolver.operators)
    return (
        "/* What TFLite-Micro must know: ADD(X) for each MicroMutableOpResolver::AddX, as many\n"
        " * operators, and the resource variables of a model that keeps a state. */\n"
        f"#define SOTTO_TFLM_OPERATORS(ADD) {calls}\n"
        f"#define SOTTO_TFLM_OPERATOR_COUNT {len(resolver.operators)}\n"
        f"#define SOTTO_TFLM_VARIABLE_COUNT {resolver.variables}\n"
    )


def tflite_sources(tflite: bytes, identity: Identity) -> dict[str, str]:
    """sotto_model_tflite.h and .c: the flatbuffer as TFLite-Micro takes it."""
    header = (
        f"{identity.banner}#ifndef SOTTO_GENERATED_MODEL_TFLITE_H\n"
        "#define SOTTO_GENERATED_MODEL_TFLITE_H\n\n#include <stddef.h>\n#include <stdint.h>\n\n"
        '#ifdef __cplusplus\nextern "C" {\n#endif\n\n'
        f"#define SOTTO_MODEL_TFLITE_BYTES {len(tflite)}\n\n"
        f"{_resolver(resolver_of(tflite, identity.name))}\n"
        "extern const uint8_t sotto_model_tflite[SOTTO_MODEL_TFLITE_BYTES]; /* 16-byte aligned */\n"
        "extern const size_t sotto_model_tflite_bytes;\n\n"
        "#ifdef __cplusplus\n}\n#endif\n#endif\n"
    )
    source = (
        f'{identity.banner}#include "sotto_model_tflite.h"\n\n'
        + c_text.array(
            "sotto_model_tflite",
            np.frombuffer(tflite, np.uint8),
            f"_Alignas({ALIGNMENT_BYTES}) const",
            "SOTTO_MODEL_TFLITE_BYTES",
        )
        + "const size_t sotto_model_tflite_bytes = SOTTO_MODEL_TFLITE_BYTES;\n"
    )
    return {"sotto_model_tflite.h": header, "sotto_model_tflite.c": source}


def golden_sources(golden: Golden, identity: Identity) -> dict[str, str]:
    """sotto_golden.h and .c."""
    sizes = c_text.defines(
        [
            ("SOTTO_GOLDEN_PCM_SAMPLES", str(golden.pcm.size)),
            ("SOTTO_GOLDEN_FRAMES", str(golden.frames.shape[0])),
            ("SOTTO_GOLDEN_CASES", str(golden.features.shape[0])),
        ]
    )
    frames_size = "SOTTO_GOLDEN_FRAMES * SOTTO_MODEL_BINS"
    header = (
        f"{identity.banner}#ifndef SOTTO_GENERATED_GOLDEN_H\n#define SOTTO_GENERATED_GOLDEN_H\n\n"
        f"#include <stdint.h>\n{identity.include_model}\n"
        '#ifdef __cplusplus\nextern "C" {\n#endif\n\n'
        f"{sizes}\n"
        "/* Features of a clip and its scores by the reference interpreter. */\n"
        "typedef struct sotto_golden_case {\n"
        f"{c_text.INDENT}{GOLDEN_FEATURES}\n"
        f"{c_text.INDENT}int8_t scores[SOTTO_MODEL_CLASSES];\n}} sotto_golden_case;\n\n"
        "/* Speech and the features of each of its frames. */\n"
        "extern const int16_t sotto_golden_pcm[SOTTO_GOLDEN_PCM_SAMPLES];\n"
        f"extern const int8_t sotto_golden_frames[{frames_size}];\n"
        "extern const sotto_golden_case sotto_golden_cases[SOTTO_GOLDEN_CASES];\n\n"
        "#ifdef __cplusplus\n}\n#endif\n#endif\n"
    )
    cases = ""
    for features, scores in zip(golden.features, golden.scores, strict=True):
        deeper = c_text.INDENT * 3
        numbers = c_text.wrap((str(int(v)) for v in features.reshape(-1)), deeper)
        cases += f"{c_text.INDENT}{{\n{c_text.INDENT * 2}.features = {{\n{numbers},\n"
        cases += f"{c_text.INDENT * 2}}},\n{c_text.INDENT * 2}.scores = {{"
        cases += ", ".join(str(int(v)) for v in scores.reshape(-1))
        cases += f"}},\n{c_text.INDENT}}},\n"
    source = (
        f'{identity.banner}#include "sotto_golden.h"\n\n'
        + c_text.array("sotto_golden_pcm", golden.pcm, "const", "SOTTO_GOLDEN_PCM_SAMPLES")
        + c_text.array("sotto_golden_frames", golden.frames, "const", frames_size)
        + f"const sotto_golden_case sotto_golden_cases[SOTTO_GOLDEN_CASES] = {{\n{cases}}};\n"
    )
    return {"sotto_golden.h": header, "sotto_golden.c": source}
