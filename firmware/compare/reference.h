/* The network of generated/ once more, by the kernels of sotto/nn.h alone, in an arena of its own.
 *
 * `sotto build --compare-kernels` generates it into a folder of the build. As sotto/model.h, which
 * says what a step takes and gives; SOTTO_MODEL_INPUT_BYTES and so on are the same. */
#ifndef SOTTO_REFERENCE_H
#define SOTTO_REFERENCE_H

#include <stddef.h>
#include <stdint.h>

#include "sotto/model.h"

/* Sets the state to its initial value. Returns SOTTO_OK or a negative status. */
int sotto_reference_restart(void) SOTTO_WARN_UNUSED;

/* One step, which shows its layers to `tap`. Returns SOTTO_OK or a negative status. */
int sotto_reference_step(const int8_t *features_s8, int8_t *scores_s8,
                         const sotto_model_tap *tap) SOTTO_WARN_UNUSED;

/* Its constant arrays, `*count` of them. */
const sotto_model_constant *sotto_reference_arrays(size_t *count);

#endif
