#include "stages.h"

/* Bits of magnitude of the loudest sample: -2^b <= x < 2^b. */
static unsigned loudest_bits(const int16_t *samples, size_t count) {
  uint32_t seen = 0;
  for (size_t i = 0; i < count; ++i) {
    seen = sotto_seen(seen, (uint16_t)samples[i]);
  }
  return sotto_magnitude_bits(seen & 0xFFFFU);
}

int sotto_window(const int16_t *samples, const int16_t *window_q15, size_t window_samples,
                 uint32_t *spectrum, size_t fft_samples) {
  /* Samples below 2^b times a window below 2^15 stay below 2^(b + 15); the shift leaves 13 bits. */
  const unsigned bits = loudest_bits(samples, window_samples);
  const unsigned shift = bits + 15U - SOTTO_WINDOWED_BITS; /* 2 .. 17 */
  size_t word = 0;
  for (; word < window_samples / 2; ++word) {
    const int32_t even = samples[2 * word] * window_q15[2 * word];
    const int32_t odd = samples[2 * word + 1] * window_q15[2 * word + 1];
    spectrum[word] = sotto_pack(sotto_round_shift(even, shift), sotto_round_shift(odd, shift));
  }
  for (; word < fft_samples / 2; ++word) {
    spectrum[word] = 0;
  }
  return SOTTO_WINDOWED_BITS - (int)bits;
}
