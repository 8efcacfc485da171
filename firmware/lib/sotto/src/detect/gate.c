#include "sotto/gate.h"

/* More than the sum of any frame: SOTTO_FRONTEND_MAX_BINS features of 127. */
#define NO_FLOOR INT32_MAX

void sotto_gate_reset(sotto_gate *gate, const sotto_gate_settings *settings) {
  gate->settings = *settings;
  gate->floor_sum = NO_FLOOR;
  gate->left = settings->hold_frames;
  gate->unchanged = 0;
}

static int32_t sum_of(const int8_t *frame_s8, uint16_t bins) {
  int32_t sum = 0; /* within 128 * 128 */
  for (uint16_t bin = 0; bin < bins; bin++) {
    sum += frame_s8[bin];
  }
  return sum;
}

/* Sums of `bins` features are compared, so a mean is never divided: one step is `bins`. */
static void follow_floor(sotto_gate *gate, int32_t sum, uint16_t bins) {
  gate->unchanged++;
  if (sum < gate->floor_sum) {
    gate->floor_sum = sum;
    gate->unchanged = 0;
  } else if (gate->unchanged >= gate->settings.rise_frames) {
    gate->floor_sum += bins;
    gate->unchanged = 0;
  }
}

int sotto_gate_take(sotto_gate *gate, const int8_t *frame_s8, uint16_t bins) {
  if (gate->settings.margin == 0) {
    return 1;
  }
  const int32_t sum = sum_of(frame_s8, bins);
  follow_floor(gate, sum, bins);
  if (sum - gate->floor_sum >= (int32_t)gate->settings.margin * bins) {
    gate->left = gate->settings.hold_frames;
    return 1;
  }
  if (gate->left == 0) {
    return 0;
  }
  gate->left--;
  return 1;
}
