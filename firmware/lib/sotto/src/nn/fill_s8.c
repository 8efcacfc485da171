/* One value everywhere. */
#include <string.h>

#include "sotto/nn.h"

void sotto_fill_s8(const sotto_fill_params *params, int8_t *output) {
  memset(output, (int)params->value, (size_t)params->bytes);
}
