/* The inline functions of the front-end as functions that a test can call. */
#include "log_mel.h"

void add_band(const uint32_t *power, const uint16_t *rising_q15, size_t count, uint64_t *rising,
              uint64_t *falling);
int32_t log2_q15(uint64_t value, const uint16_t *table_q15);
int8_t quantize(int32_t log2_q15, int32_t zero_q15, int32_t steps_per_octave_q16);
unsigned magnitude_bits(uint32_t seen);

void add_band(const uint32_t *power, const uint16_t *rising_q15, size_t count, uint64_t *rising,
              uint64_t *falling) {
  sotto_add_band(power, rising_q15, count, rising, falling);
}

int32_t log2_q15(uint64_t value, const uint16_t *table_q15) {
  return sotto_log2_q15(value, table_q15);
}

int8_t quantize(int32_t log2_q15, int32_t zero_q15, int32_t steps_per_octave_q16) {
  return sotto_quantize(log2_q15, zero_q15, steps_per_octave_q16);
}

unsigned magnitude_bits(uint32_t seen) {
  return sotto_magnitude_bits(seen);
}
