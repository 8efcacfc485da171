/* The contract of sotto/model.h by TFLite-Micro: its interpreter over generated/'s flatbuffer.
 *
 * The arena holds the objects of this file first, then all that TFLite-Micro allocates. Nothing is
 * ever destroyed: who prepares the arena anew builds over it.
 *
 * TFLite-Micro runs the network over whole windows, as it was converted, so SOTTO_MODEL_STEPS is 1
 * in this build, also where the ahead-of-time C of the same folder takes a hop a step. */
#include "sotto/backend.h"

#if SOTTO_BACKEND == SOTTO_BACKEND_TFLM

#if !__has_include("tensorflow/lite/micro/micro_interpreter.h")
#error "No TFLite-Micro among the libraries of this build: see docs/backends.md, or choose aot"
#endif

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <new>

/* There is no console to log to, and a library that was built without its log has no function for
 * it. */
#ifndef TF_LITE_STRIP_ERROR_STRINGS
#define TF_LITE_STRIP_ERROR_STRINGS
#endif

/* Its headers are not written for the warnings that are errors here. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include "tensorflow/lite/micro/micro_allocator.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/micro/micro_resource_variable.h"
#include "tensorflow/lite/schema/schema_generated.h"
#pragma GCC diagnostic pop

#include "sotto/model.h"
#include "sotto_model.h"
#include "sotto_model_tflite.h"

namespace {

constexpr size_t kAlignment = 16;
constexpr size_t kObjectsBytes = SOTTO_MODEL_TFLM_OBJECTS_BYTES;

struct Objects {
  Objects(tflite::MicroAllocator *allocator, tflite::MicroResourceVariables *variables)
      : interpreter(tflite::GetModel(sotto_model_tflite), operators, allocator, variables) {}

  tflite::MicroMutableOpResolver<SOTTO_TFLM_OPERATOR_COUNT> operators;
  tflite::MicroInterpreter interpreter;
};

static_assert(sizeof(Objects) <= kObjectsBytes, "this TFLite-Micro has larger objects");
static_assert(alignof(Objects) <= kAlignment && kObjectsBytes % kAlignment == 0,
              "the objects do not fit their place");

int check(const void *arena, size_t arena_bytes) {
  if (arena == nullptr || reinterpret_cast<uintptr_t>(arena) % kAlignment != 0) {
    return SOTTO_E_ARGUMENT;
  }
  return arena_bytes < SOTTO_MODEL_ARENA_BYTES ? SOTTO_E_SIZE : SOTTO_OK;
}

#define SOTTO_ADD_OPERATOR(name)             \
  if (operators->Add##name() != kTfLiteOk) { \
    return false;                            \
  }

/* Exactly the operators of the model: the linker drops the kernels of all others. */
bool add_operators(tflite::MicroMutableOpResolver<SOTTO_TFLM_OPERATOR_COUNT> *operators) {
  SOTTO_TFLM_OPERATORS(SOTTO_ADD_OPERATOR)
  return true;
}

bool fits(const TfLiteTensor *tensor, size_t bytes) {
  return tensor != nullptr && tensor->data.raw != nullptr && tensor->bytes == bytes;
}

/* A model without variables needs no table of them: `variables` stays null. */
bool make_variables(tflite::MicroAllocator *allocator, tflite::MicroResourceVariables **variables) {
  if (SOTTO_TFLM_VARIABLE_COUNT > 0) {
    *variables = tflite::MicroResourceVariables::Create(allocator, SOTTO_TFLM_VARIABLE_COUNT);
  }
  return SOTTO_TFLM_VARIABLE_COUNT == 0 || *variables != nullptr;
}

bool build(void *arena, size_t arena_bytes) {
  uint8_t *const tensors = static_cast<uint8_t *>(arena) + kObjectsBytes;
  tflite::MicroAllocator *const allocator =
      tflite::MicroAllocator::Create(tensors, arena_bytes - kObjectsBytes);
  tflite::MicroResourceVariables *variables = nullptr;
  if (allocator == nullptr || !make_variables(allocator, &variables)) {
    return false;
  }
  Objects *const objects = new (arena) Objects(allocator, variables);
  tflite::MicroInterpreter &interpreter = objects->interpreter;
  return add_operators(&objects->operators) && interpreter.AllocateTensors() == kTfLiteOk &&
         interpreter.inputs_size() == 1 && interpreter.outputs_size() == 1 &&
         fits(interpreter.input(0), SOTTO_MODEL_INPUT_BYTES) &&
         fits(interpreter.output(0), SOTTO_MODEL_OUTPUT_BYTES);
}

}  // namespace

const char *sotto_model_backend(void) {
  return "tflm";
}

int sotto_model_init(void *arena, size_t arena_bytes) {
  const int status = check(arena, arena_bytes);
  if (status != SOTTO_OK) {
    return status;
  }
  return build(arena, arena_bytes) ? SOTTO_OK : SOTTO_E_BACKEND;
}

/* The interpreter's own reset sets variables to their zero points and forgets that the model may
 * have told them other values at its first inference; built anew, it is told again. */
int sotto_model_reset(void *arena, size_t arena_bytes) {
  return SOTTO_TFLM_VARIABLE_COUNT > 0 ? sotto_model_init(arena, arena_bytes)
                                       : check(arena, arena_bytes);
}

int sotto_model_invoke(void *arena, size_t arena_bytes, const int8_t *features_s8,
                       int8_t *scores_s8) {
  const int status = check(arena, arena_bytes);
  if (status != SOTTO_OK || features_s8 == nullptr || scores_s8 == nullptr) {
    return status != SOTTO_OK ? status : SOTTO_E_ARGUMENT;
  }
  tflite::MicroInterpreter &interpreter = static_cast<Objects *>(arena)->interpreter;
  memcpy(interpreter.input(0)->data.raw, features_s8, SOTTO_MODEL_INPUT_BYTES);
  if (interpreter.Invoke() != kTfLiteOk) {
    return SOTTO_E_BACKEND;
  }
  memcpy(scores_s8, interpreter.output(0)->data.raw, SOTTO_MODEL_OUTPUT_BYTES);
  return SOTTO_OK;
}

/* The interpreter does not say when a layer is done. */
int sotto_model_invoke_tapped(void *arena, size_t arena_bytes, const int8_t *features_s8,
                              int8_t *scores_s8, const sotto_model_tap *tap) {
  return tap == nullptr ? SOTTO_E_ARGUMENT
                        : sotto_model_invoke(arena, arena_bytes, features_s8, scores_s8);
}

const sotto_model_constant *sotto_model_constants(size_t *count) {
  *count = 0;
  return nullptr;
}

#endif
