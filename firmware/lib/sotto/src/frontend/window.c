#include "stages.h"

#if !SOTTO_FRONTEND_DSP

typedef struct windowing {
  const int16_t *samples;
  const int16_t *window_q15;
  unsigned shift;
} windowing;

/* Bits of magnitude of the loudest sample: -2^b <= x < 2^b. */
static unsigned loudest_bits(const int16_t *samples, size_t count) {
  uint32_t seen = 0;
  for (size_t i = 0; i < count; ++i) {
    seen = sotto_seen(seen, (uint16_t)samples[i]);
  }
  return sotto_magnitude_bits(seen & 0xFFFFU);
}

static inline uint32_t windowed(windowing w, size_t word) {
  const int32_t even = w.samples[2 * word] * w.window_q15[2 * word];
  const int32_t odd = w.samples[2 * word + 1] * w.window_q15[2 * word + 1];
  return sotto_pack(sotto_round_shift(even, w.shift), sotto_round_shift(odd, w.shift));
}

/* The next index in bit-reversed order below 2 * top. */
static inline size_t next_reversed(size_t reversed, size_t top) {
  while ((reversed & top) != 0) {
    reversed ^= top;
    top >>= 1;
  }
  return reversed | top;
}

int sotto_window(const int16_t *samples, const int16_t *window_q15, size_t window_samples,
                 uint32_t *spectrum, size_t fft_samples) {
  /* Samples below 2^b times a window below 2^15 stay below 2^(b + 15); the shift leaves 13 bits. */
  const unsigned bits = loudest_bits(samples, window_samples);
  const windowing source = {samples, window_q15, bits + 15U - SOTTO_WINDOWED_BITS}; /* 2 .. 17 */
  const size_t words = window_samples / 2;
  const size_t quarter = fft_samples / 8;
  size_t reversed = 0;
  for (size_t word = 0; word < quarter; ++word) {
    /* Bit reversal makes neighbours of words a half and a quarter apart. */
    uint32_t *target = &spectrum[4 * reversed];
    target[0] = word < words ? windowed(source, word) : 0;
    target[1] = word + 2 * quarter < words ? windowed(source, word + 2 * quarter) : 0;
    target[2] = word + quarter < words ? windowed(source, word + quarter) : 0;
    target[3] = word + 3 * quarter < words ? windowed(source, word + 3 * quarter) : 0;
    reversed = next_reversed(reversed, quarter / 2);
  }
  return SOTTO_WINDOWED_BITS - (int)bits;
}
#endif
