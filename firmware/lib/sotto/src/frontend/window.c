#include "stages.h"

#if !SOTTO_FRONTEND_DSP
#include "complex32.h"

typedef struct windowing {
  const uint32_t *pairs;
  const int16_t *window_q15;
  unsigned shift;
} windowing;

static inline uint32_t windowed(windowing w, size_t word) {
  const complex32 pair = sotto_unpack(&w.pairs[word]);
  const int32_t even = pair.real * w.window_q15[2 * word];
  const int32_t odd = pair.imaginary * w.window_q15[2 * word + 1];
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

int sotto_window(const uint32_t *pairs, const int16_t *window_q15, size_t window_samples,
                 uint32_t *spectrum, size_t fft_samples) {
  const size_t words = window_samples / 2;
  const unsigned bits = sotto_loudest_bits(pairs, words);
  const windowing source = {pairs, window_q15, sotto_window_shift(bits)};
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
