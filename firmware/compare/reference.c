#include "reference.h"

/* The generated file is that of any network for this target; here it gets other names and a memory
 * of its own. Its own sotto_model.h lies beside it. */
#define SOTTO_TARGET SOTTO_TARGET_REFERENCE
#define sotto_model_backend sotto_reference_backend
#define sotto_model_init sotto_reference_init
#define sotto_model_reset sotto_reference_reset
#define sotto_model_invoke sotto_reference_invoke
#define sotto_model_invoke_tapped sotto_reference_invoke_tapped
#define sotto_model_constants sotto_reference_constants

const char *sotto_reference_backend(void);
int sotto_reference_init(void *arena, size_t arena_bytes);
int sotto_reference_reset(void *arena, size_t arena_bytes);
int sotto_reference_invoke(void *arena, size_t arena_bytes, const int8_t *features_s8,
                           int8_t *scores_s8);
int sotto_reference_invoke_tapped(void *arena, size_t arena_bytes, const int8_t *features_s8,
                                  int8_t *scores_s8, const sotto_model_tap *tap);
const sotto_model_constant *sotto_reference_constants(size_t *count);

#include "sotto_model_aot_reference.c"

static _Alignas(16) uint8_t memory[SOTTO_MODEL_ARENA_BYTES];

int sotto_reference_restart(void) {
  return sotto_reference_init(memory, sizeof memory);
}

int sotto_reference_step(const int8_t *features_s8, int8_t *scores_s8, const sotto_model_tap *tap) {
  return sotto_reference_invoke_tapped(memory, sizeof memory, features_s8, scores_s8, tap);
}

const sotto_model_constant *sotto_reference_arrays(size_t *count) {
  return sotto_reference_constants(count);
}
