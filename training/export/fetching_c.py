"""Prints how constants come from where they are kept to where kernels read them."""

from __future__ import annotations

from training.export import c_text
from training.export.compile import CompiledModel
from training.export.fetching import Block, Fetching
from training.export.layers import CODE_LENGTHS, CODE_VALUES, coded_name

CODE = "huffman_code"
STORAGE = "sotto_model_storage"


def headers(fetching: Fetching | None) -> tuple[str, ...]:
    """Of the library."""
    if fetching is None:
        return ()
    return ("sotto/huffman.h",) if fetching.code is not None else ("sotto/storage.h",)


def storage_macro(fetching: Fetching | None) -> str:
    """Of sotto_model.h: how many bytes a port programs into its storage."""
    content = b"" if fetching is None else fetching.storage
    return c_text.defines([("SOTTO_MODEL_STORAGE_BYTES", str(len(content)))]) if content else ""


def storage_declaration(fetching: Fetching | None) -> str:
    """Of sotto_model.h: those bytes."""
    if not storage_macro(fetching):
        return ""
    return (
        "/* What sotto_storage_read reads. */\n"
        f"extern const uint8_t {STORAGE}[SOTTO_MODEL_STORAGE_BYTES];\n\n"
    )


def stored_arrays(model: CompiledModel) -> str:
    """The coded arrays with their code, or the content of the storage."""
    fetching = model.program.fetching
    if fetching is None:
        return ""
    if fetching.code is None:
        return (
            "/* For the port's storage: objcopy takes it out of the program by its section. */\n"
            '__attribute__((section(".sotto_storage")))\n'
            f"const uint8_t {STORAGE}[SOTTO_MODEL_STORAGE_BYTES] = {{\n"
            f"{c_text.wrap(map(str, fetching.storage))},\n}};\n\n"
        )
    code = fetching.code
    text = c_text.array(CODE_LENGTHS, code.codes_of_length)
    text += c_text.array(CODE_VALUES, code.values)
    text += (
        f"static const sotto_huffman_code {CODE} = {{\n"
        f"{c_text.INDENT}.codes_of_length = {CODE_LENGTHS},\n"
        f"{c_text.INDENT}.values = {CODE_VALUES},\n"
        f"{c_text.INDENT}.value_count = {len(code.values)},\n"
        f"{c_text.INDENT}.escape = {code.escape},\n}};\n\n"
    )
    for block in fetching.blocks:
        text += c_text.array(coded_name(block), block.stored) + "\n"
    return text


def fetch_function(model: CompiledModel) -> str:
    """What `sotto_model_init` calls for arrays that are brought once; empty for none."""
    fetching = model.program.fetching
    if fetching is None or not fetching.kept:
        return ""
    calls = " ".join(f"return {_fetch(model, block)};" for block in fetching.blocks)
    return f"static int decode_constants(int8_t *tensors) {{\n  {calls}\n}}\n\n"


def before_call(model: CompiledModel, position: int) -> str:
    """Parameters that point to where the arrays of a call are, and what brings them there."""
    program, fetching = model.program, model.program.fetching
    arrays = [] if fetching is None else fetching.of_call(position)
    if fetching is None or not arrays:
        return ""
    params, text = program.calls[position].params, ""
    block = fetching.before(position)
    if block is not None:
        text += f"  status = {_fetch(model, block)};\n  if (status != SOTTO_OK) return status;\n"
    name = f"{params.kernel}_{position}"
    text += f"  sotto_{params.struct}_params {parameters(name)} = {name};\n"
    for block, one in arrays:
        kind, place = c_text.C_TYPES[one.values.dtype.name], _place(model, block, one.start_byte)
        text += f"  {parameters(name)}.{one.field} = (const {kind} *)(const void *)({place});\n"
    return text


def parameters(name: str) -> str:
    """Of a call whose arrays are fetched."""
    return f"{name}_fetched"


def _fetch(model: CompiledModel, block: Block) -> str:
    place, size = _place(model, block), model.program.buffers[block.buffer].bytes
    if model.program.fetching is None or model.program.fetching.code is None:
        return f"sotto_storage_read({block.offset}, {place}, {size})"
    coded, place = coded_name(block), f"(uint8_t *)({place})"
    return f"sotto_huffman_decode(&{CODE}, {coded}, sizeof {coded}, {place}, {size})"


def _place(model: CompiledModel, block: Block, start_byte: int = 0) -> str:
    return f"tensors + {model.plan.offsets[block.buffer] + start_byte}"
