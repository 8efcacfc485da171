/* The contract between the firmware and an inference back-end.
 *
 * One back-end is linked (sotto/backend.h): the ahead-of-time C of generated/sotto_model_aot*.c, or
 * TFLite-Micro by firmware/backends/tflm. It runs the model that generated/sotto_model.h describes;
 * shapes and sizes are that header's macros, and may differ between the two.
 *
 * Tensors are bytes here. What they hold is SOTTO_MODEL_INPUT_TYPE and SOTTO_MODEL_OUTPUT_TYPE:
 * int8_t for keyword models of our own, others for models from elsewhere (a uint8_t score of 255
 * arrives as the byte 0xff). Nothing is converted, and int16_t values lie lowest byte first.
 *
 * A model takes a whole window of features at a time, or a step of it: the frames of one hop.
 *
 *   window   SOTTO_MODEL_FRAMES == SOTTO_MODEL_WINDOW_FRAMES: each invoke is a clip.
 *   stream   SOTTO_MODEL_FRAMES frames a step. A clip is a reset, then SOTTO_MODEL_STEPS invokes;
 *            its scores are those of the last one. Frames behind the last whole step, fewer than
 *            SOTTO_MODEL_FRAMES, do not count. Without resets each invoke gives the scores of the
 *            window that ends there, with what came before it as its past.
 *
 * A streaming model keeps a state of SOTTO_MODEL_STATE_BYTES in the arena from one invoke to the
 * next, so the arena belongs to the model between invokes, too.
 */
#ifndef SOTTO_MODEL_H
#define SOTTO_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "sotto/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Name of the linked back-end: "aot" or "tflm". */
const char *sotto_model_backend(void);

/* Prepares `arena` (16-byte aligned, SOTTO_MODEL_ARENA_BYTES or more, kept by the caller until the
 * last invoke) and sets the state to its initial value. Returns SOTTO_OK, SOTTO_E_ARGUMENT when it
 * is null or not aligned, SOTTO_E_SIZE when it is too small, or SOTTO_E_BACKEND. */
int sotto_model_init(void *arena, size_t arena_bytes) SOTTO_WARN_UNUSED;

/* Sets the state to its initial value, as before the first invoke: a clip has no past. `arena` as
 * prepared by sotto_model_init; a model without state has nothing to do. Returns as init. */
int sotto_model_reset(void *arena, size_t arena_bytes) SOTTO_WARN_UNUSED;

/* One inference, or one step. `features_s8`: SOTTO_MODEL_INPUT_BYTES,
 * [SOTTO_MODEL_FRAMES][SOTTO_MODEL_BINS], oldest frame first, not modified. `scores_s8`:
 * SOTTO_MODEL_OUTPUT_BYTES, [SOTTO_MODEL_CLASSES], written. Returns SOTTO_OK or a negative
 * sotto_status. */
int sotto_model_invoke(void *arena, size_t arena_bytes, const int8_t *features_s8,
                       int8_t *scores_s8) SOTTO_WARN_UNUSED;

/* Sees what each layer wrote: layers in their order, 0 first, each with the bytes of its output,
 * which the next layers may overwrite. manifest.json names the layers of each kind of core. */
typedef struct sotto_model_tap {
  void (*see)(void *context, uint32_t layer, const void *data, size_t length_bytes);
  void *context;
} sotto_model_tap;

/* As sotto_model_invoke, and shows each layer's output to `tap`. A back-end that cannot look into
 * its layers shows none. A build that never calls it does not contain it. */
int sotto_model_invoke_tapped(void *arena, size_t arena_bytes, const int8_t *features_s8,
                              int8_t *scores_s8, const sotto_model_tap *tap) SOTTO_WARN_UNUSED;

/* A constant array of the network, and what its bytes were when it was written. */
typedef struct sotto_model_constant {
  const void *data;
  uint32_t length_bytes;
  uint32_t crc32; /* as sotto_crc32 */
  uint32_t layer; /* the first that reads it */
} sotto_model_constant;

/* All constant arrays, `*count` of them: for finding out whether flash holds what was generated.
 * NULL and 0 from a back-end that has no such list. */
const sotto_model_constant *sotto_model_constants(size_t *count);

#ifdef __cplusplus
}
#endif
#endif
