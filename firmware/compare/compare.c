/* Optimised kernels against reference kernels, on the chip itself: both networks take the golden
 * inputs step by step, and each layer of the one is compared with that of the other. */
#include <string.h>

#include "reference.h"
#include "self_test.h"
#include "sotto/link.h"
#include "sotto_golden.h"
#include "sotto_reference_layers.h"

_Static_assert(SOTTO_REFERENCE_INPUT_BYTES == SOTTO_MODEL_INPUT_BYTES, "steps of another length");

/* A layer that differs in a step. */
typedef struct place {
  uint32_t step;
  uint32_t layer; /* of the optimised network; SOTTO_REFERENCE_NO_LAYER: none differs */
  size_t length_bytes;
} place;

typedef struct step_hashes {
  uint32_t crc32[SOTTO_REFERENCE_LAYERS];
  place first;
} step_hashes;

static void hash_layer(void *context, uint32_t layer, const void *data, size_t length_bytes) {
  ((step_hashes *)context)->crc32[layer] = sotto_crc32(0, data, length_bytes);
}

static void compare_hash(void *context, uint32_t layer, const void *data, size_t length_bytes) {
  step_hashes *of = context;
  const uint16_t same = sotto_reference_layers[layer];
  if (of->first.layer == SOTTO_REFERENCE_NO_LAYER && same != SOTTO_REFERENCE_NO_LAYER &&
      sotto_crc32(0, data, length_bytes) != of->crc32[same]) {
    of->first.layer = layer;
    of->first.length_bytes = length_bytes;
  }
}

/* Both networks at the beginning of a clip. */
static int restart(sotto_engine *engine) {
  const int status = sotto_reference_restart();
  return status == SOTTO_OK ? sotto_model_reset(engine->arena, sizeof engine->arena) : status;
}

/* One step of both: the reference first, so that the other can be compared with it. */
static int take_step(sotto_engine *engine, const sotto_port *port, const int8_t *features,
                     const sotto_model_tap *reference, const sotto_model_tap *optimised) {
  int8_t scores[SOTTO_MODEL_CLASSES];
  sotto_port_feed_watchdog(port);
  const int status = sotto_reference_step(features, scores, reference);
  sotto_port_feed_watchdog(port);
  return status == SOTTO_OK ? sotto_model_invoke_tapped(engine->arena, sizeof engine->arena,
                                                        features, scores, optimised)
                            : status;
}

static const int8_t *features_of(uint8_t golden_case, uint32_t step) {
  return &sotto_golden_cases[golden_case].features[step * SOTTO_MODEL_INPUT_BYTES];
}

static int find_layer(sotto_engine *engine, const sotto_port *port, uint8_t golden_case,
                      place *found) {
  step_hashes hashes = {.first = {.layer = SOTTO_REFERENCE_NO_LAYER}};
  const sotto_model_tap reference = {hash_layer, &hashes};
  const sotto_model_tap optimised = {compare_hash, &hashes};
  int status = restart(engine);
  uint32_t step = 0;
  while (step < SOTTO_MODEL_STEPS && status == SOTTO_OK &&
         hashes.first.layer == SOTTO_REFERENCE_NO_LAYER) {
    hashes.first.step = step;
    status = take_step(engine, port, features_of(golden_case, step), &reference, &optimised);
    step++;
  }
  *found = hashes.first;
  return status;
}

/* Bytes of one layer: as many as there is memory for, from `offset` on. */
typedef struct layer_bytes {
  sotto_self_test_result *result;
  uint32_t layer;
  uint16_t same; /* the reference's number of it */
  size_t offset;
  uint8_t *kept;
  size_t capacity_bytes;
  bool found;
} layer_bytes;

static void ignore(void *context, uint32_t layer, const void *data, size_t length_bytes) {
  (void)context, (void)layer, (void)data, (void)length_bytes;
}

static size_t part_bytes(const layer_bytes *of, size_t length_bytes) {
  const size_t left = length_bytes - of->offset;
  return left < of->capacity_bytes ? left : of->capacity_bytes;
}

static void keep_bytes(void *context, uint32_t layer, const void *data, size_t length_bytes) {
  const layer_bytes *of = context;
  if (layer == of->same) {
    memcpy(of->kept, (const uint8_t *)data + of->offset, part_bytes(of, length_bytes));
  }
}

static void compare_bytes(void *context, uint32_t layer, const void *data, size_t length_bytes) {
  layer_bytes *of = context;
  const int8_t *actual = (const int8_t *)data + of->offset;
  const int8_t *expected = (const int8_t *)of->kept;
  for (size_t i = 0; layer == of->layer && !of->found && i < part_bytes(of, length_bytes); i++) {
    if (actual[i] != expected[i]) {
      of->found = true;
      of->result->index += (uint32_t)(of->offset + i);
      of->result->expected = expected[i];
      of->result->actual = actual[i];
    }
  }
}

/* Takes all steps up to that one anew: nothing was kept of it. */
static int look_at(sotto_engine *engine, const sotto_port *port, const place *where,
                   layer_bytes *of) {
  const sotto_model_tap nothing = {ignore, NULL};
  const sotto_model_tap reference = {keep_bytes, of};
  const sotto_model_tap optimised = {compare_bytes, of};
  int status = restart(engine);
  for (uint32_t step = 0; step <= where->step && status == SOTTO_OK; step++) {
    const bool here = step == where->step;
    status = take_step(engine, port, features_of(of->result->golden_case, step),
                       here ? &reference : &nothing, here ? &optimised : &nothing);
  }
  return status;
}

/* The front-end's memory holds the bytes: it is at rest. */
static int find_byte(sotto_engine *engine, const sotto_port *port, const place *where,
                     sotto_self_test_result *result) {
  layer_bytes of = {.result = result,
                    .layer = where->layer,
                    .same = sotto_reference_layers[where->layer],
                    .kept = engine->workspace,
                    .capacity_bytes = sizeof engine->workspace};
  int status = SOTTO_OK;
  result->index = where->step * (uint32_t)where->length_bytes;
  for (; of.offset < where->length_bytes && !of.found && status == SOTTO_OK;
       of.offset += of.capacity_bytes) {
    status = look_at(engine, port, where, &of);
  }
  return status;
}

static sotto_self_test_result failed_with(int status) {
  return (sotto_self_test_result){.stage = SOTTO_SELF_TEST_STATUS, .actual = status};
}

sotto_self_test_result sotto_compare_kernels(sotto_engine *engine, const sotto_port *port) {
  size_t count = 0;
  const sotto_model_constant *arrays = sotto_reference_arrays(&count);
  sotto_self_test_result result = sotto_test_constants(arrays, count);
  if (result.stage != SOTTO_SELF_TEST_PASSED) {
    result.golden_case = 1;
    return result;
  }
  for (uint8_t i = 0; i < SOTTO_GOLDEN_CASES; i++) {
    place where;
    int status = find_layer(engine, port, i, &where);
    if (status == SOTTO_OK && where.layer != SOTTO_REFERENCE_NO_LAYER) {
      result = (sotto_self_test_result){
          .stage = SOTTO_SELF_TEST_KERNEL, .golden_case = i, .layer = (uint16_t)where.layer};
      status = find_byte(engine, port, &where, &result);
    }
    if (status != SOTTO_OK) {
      return failed_with(status);
    }
    if (result.stage != SOTTO_SELF_TEST_PASSED) {
      return result;
    }
  }
  return result;
}
