/* Compares the network's constants with their check sums, and front-end and model with the golden
 * vectors that training wrote into flash. */
#ifndef SOTTO_SELF_TEST_H
#define SOTTO_SELF_TEST_H

#include <stdbool.h>
#include <stdint.h>

#include "clip.h"
#include "sotto/link_messages.h"
#include "sotto/model.h"

/* Whether the self-test runs the network by the reference kernels, too, and compares all layers.
 * Such a build has the network twice: `--compare-kernels` of `sotto build`. */
#ifndef SOTTO_COMPARE_KERNELS
#define SOTTO_COMPARE_KERNELS 0
#endif

/* The first difference. STATUS: `actual` is the negative status, the rest is 0. */
typedef struct sotto_self_test_result {
  sotto_self_test_stage stage;
  uint8_t golden_case; /* MODEL, KERNEL: which case; CONSTANT: 1 where it is the reference's */
  uint16_t layer;      /* KERNEL */
  uint32_t index;      /* CONSTANT: layer; FRONTEND: frame * bins + bin; MODEL: class; KERNEL: byte
                          of the layer's output, those of all steps in a row */
  int32_t expected;
  int32_t actual;
} sotto_self_test_result;

/* Uses the front-end's state and the model's arena: no clip or stream may be on its way. */
sotto_self_test_result sotto_self_test(sotto_engine *engine, const sotto_port *port);

/* The first of `count` arrays that is not what was generated. */
sotto_self_test_result sotto_test_constants(const sotto_model_constant *constants, size_t count);

/* Compares layer by layer, step by step, on the golden inputs. */
#if SOTTO_COMPARE_KERNELS
sotto_self_test_result sotto_compare_kernels(sotto_engine *engine, const sotto_port *port);
#else
static inline sotto_self_test_result sotto_compare_kernels(sotto_engine *engine,
                                                           const sotto_port *port) {
  (void)engine;
  (void)port;
  return (sotto_self_test_result){.stage = SOTTO_SELF_TEST_PASSED};
}
#endif

#endif
