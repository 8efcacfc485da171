#include "self_test.h"

#include "sotto/link.h"
#include "sotto/model.h"
#include "sotto_golden.h"

#define GOLDEN_FEATURES ((uint32_t)SOTTO_GOLDEN_FRAMES * (uint32_t)SOTTO_MODEL_BINS)

_Static_assert(SOTTO_GOLDEN_CASES <= UINT8_MAX, "a reply names a case by one byte");

static sotto_self_test_result failed_with(int status) {
  return (sotto_self_test_result){.stage = SOTTO_SELF_TEST_STATUS, .actual = status};
}

/* Writes the first difference to `result` and returns true, or returns false. */
static bool differs(const int8_t *actual, const int8_t *expected, uint32_t count,
                    uint32_t first_index, sotto_self_test_result *result) {
  for (uint32_t i = 0; i < count; i++) {
    if (actual[i] != expected[i]) {
      result->index = first_index + i;
      result->expected = expected[i];
      result->actual = actual[i];
      return true;
    }
  }
  return false;
}

sotto_self_test_result sotto_test_constants(const sotto_model_constant *constants, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const uint32_t crc32 = sotto_crc32(0, constants[i].data, constants[i].length_bytes);
    if (crc32 != constants[i].crc32) {
      return (sotto_self_test_result){.stage = SOTTO_SELF_TEST_CONSTANT,
                                      .index = constants[i].layer,
                                      .expected = (int32_t)constants[i].crc32,
                                      .actual = (int32_t)crc32};
    }
  }
  return (sotto_self_test_result){.stage = SOTTO_SELF_TEST_PASSED};
}

static sotto_self_test_result test_frontend(sotto_engine *engine) {
  sotto_self_test_result result = {.stage = SOTTO_SELF_TEST_FRONTEND};
  int8_t frame[SOTTO_MODEL_BINS];
  size_t at = 0;
  uint32_t feature = 0;
  while (at < SOTTO_GOLDEN_PCM_SAMPLES && feature < GOLDEN_FEATURES) {
    size_t consumed = 0;
    const int frames = sotto_frontend_push(&engine->frontend, sotto_golden_pcm + at,
                                           SOTTO_GOLDEN_PCM_SAMPLES - at, &consumed, frame);
    if (frames < 0) {
      return failed_with(frames);
    }
    if (frames == 1) {
      if (differs(frame, sotto_golden_frames + feature, SOTTO_MODEL_BINS, feature, &result)) {
        return result;
      }
      feature += SOTTO_MODEL_BINS;
    }
    at += consumed;
  }
  if (feature < GOLDEN_FEATURES) { /* a front-end that gives no frames has not passed */
    return failed_with(SOTTO_E_MISMATCH);
  }
  return (sotto_self_test_result){.stage = SOTTO_SELF_TEST_PASSED};
}

static sotto_self_test_result test_model(sotto_engine *engine, const sotto_port *port) {
  for (uint8_t i = 0; i < SOTTO_GOLDEN_CASES; i++) {
    sotto_self_test_result result = {.stage = SOTTO_SELF_TEST_MODEL, .golden_case = i};
    int8_t scores[SOTTO_MODEL_CLASSES];
    int status = sotto_model_reset(engine->arena, sizeof engine->arena);
    for (size_t step = 0; step < SOTTO_MODEL_STEPS && status == SOTTO_OK; step++) {
      const int8_t *features = &sotto_golden_cases[i].features[step * SOTTO_MODEL_INPUT_BYTES];
      status = sotto_model_invoke(engine->arena, sizeof engine->arena, features, scores);
      sotto_port_feed_watchdog(port);
    }
    if (status != SOTTO_OK) {
      return failed_with(status);
    }
    if (differs(scores, sotto_golden_cases[i].scores, SOTTO_MODEL_CLASSES, 0, &result)) {
      return result;
    }
  }
  return (sotto_self_test_result){.stage = SOTTO_SELF_TEST_PASSED};
}

sotto_self_test_result sotto_self_test(sotto_engine *engine, const sotto_port *port) {
  sotto_port_feed_watchdog(port);
  const int status = sotto_engine_restart(engine);
  if (status != SOTTO_OK) {
    return failed_with(status);
  }
  size_t count = 0;
  const sotto_model_constant *constants = sotto_model_constants(&count);
  sotto_self_test_result result = sotto_test_constants(constants, count);
  if (result.stage == SOTTO_SELF_TEST_PASSED) {
    result = test_frontend(engine);
  }
  if (result.stage == SOTTO_SELF_TEST_PASSED) {
    result = sotto_compare_kernels(engine, port);
  }
  return result.stage == SOTTO_SELF_TEST_PASSED ? test_model(engine, port) : result;
}
