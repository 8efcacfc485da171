/* window.c with the DSP instructions, which work on both samples of a word. */
#include <string.h>

#include "../frontend/stages.h"

#if SOTTO_FRONTEND_DSP
#include "../dsp/instructions.h"

typedef struct scaling {
  int32_t half;
  unsigned shift;
} scaling;

static inline uint32_t load_pair(const int16_t *pair) {
  uint32_t word;
  memcpy(&word, pair, sizeof word);
  return word;
}

static inline uint32_t windowed(uint32_t pair, const int16_t *window_q15, scaling s) {
  const uint32_t window = load_pair(window_q15);
  return dsp_low_halves((uint32_t)(dsp_smlabb(pair, window, s.half) >> s.shift),
                        (uint32_t)(dsp_smlatt(pair, window, s.half) >> s.shift));
}

static inline uint32_t windowed_or_zero(const uint32_t *pairs, const int16_t *window_q15,
                                        size_t word, size_t words, scaling s) {
  return word < words ? windowed(pairs[word], &window_q15[2 * word], s) : 0;
}

int sotto_window(const uint32_t *pairs, const int16_t *window_q15, size_t window_samples,
                 uint32_t *spectrum, size_t fft_samples) {
  const size_t words = window_samples / 2;
  const unsigned bits = sotto_loudest_bits(pairs, words);
  const unsigned shift = sotto_window_shift(bits);
  const scaling s = {(INT32_C(1) << shift) >> 1, shift};
  const size_t quarter = fft_samples / 8;
  /* Four words, which bit reversal makes neighbours of words a half and a quarter apart. The index,
   * counted in the bits that reversal makes multiples of 4: */
  const uint32_t step = UINT32_C(1) << ((unsigned)__builtin_clz((uint32_t)quarter) - 1U);
  uint32_t index = 0;
  size_t word = 0;
  const int16_t *window = window_q15;
  for (const uint32_t *pair = pairs; word + 3 * quarter < words; ++word, ++pair) {
    uint32_t *target = &spectrum[dsp_rbit(index)];
    target[0] = windowed(pair[0], window, s);
    target[1] = windowed(pair[2 * quarter], &window[4 * quarter], s);
    target[2] = windowed(pair[quarter], &window[2 * quarter], s);
    target[3] = windowed(pair[3 * quarter], &window[6 * quarter], s);
    window += 2;
    index += step;
  }
  for (; word < quarter; ++word, index += step) {
    uint32_t *target = &spectrum[dsp_rbit(index)];
    target[0] = windowed_or_zero(pairs, window_q15, word, words, s);
    target[1] = windowed_or_zero(pairs, window_q15, word + 2 * quarter, words, s);
    target[2] = windowed_or_zero(pairs, window_q15, word + quarter, words, s);
    target[3] = 0;
  }
  return SOTTO_WINDOWED_BITS - (int)bits;
}
#endif
