/* Compares the network's constants with their check sums, and front-end and model with the golden
 * vectors that training wrote into flash. */
#ifndef SOTTO_SELF_TEST_H
#define SOTTO_SELF_TEST_H

#include <stdbool.h>
#include <stdint.h>

#include "clip.h"
#include "sotto/link_messages.h"

/* The first difference. STATUS: `actual` is the negative status, the rest is 0. */
typedef struct sotto_self_test_result {
  sotto_self_test_stage stage;
  uint8_t golden_case; /* MODEL: which case */
  uint32_t index;      /* CONSTANT: layer; FRONTEND: frame * bins + bin; MODEL: class */
  int32_t expected;
  int32_t actual;
} sotto_self_test_result;

/* Uses the front-end's state and the model's arena: no clip or stream may be on its way. */
sotto_self_test_result sotto_self_test(sotto_engine *engine, const sotto_port *port);

#endif
