/* window.c with the DSP instructions, which work on both samples of a word. */
#include <string.h>

#include "../frontend/stages.h"

#if SOTTO_FRONTEND_DSP
#include "../dsp/instructions.h"

typedef struct windowing {
  const uint32_t *pairs;
  const int16_t *window_q15;
  int32_t half;
  unsigned shift;
} windowing;

static inline uint32_t load_pair(const int16_t *pair) {
  uint32_t word;
  memcpy(&word, pair, sizeof word);
  return word;
}

static inline uint32_t windowed(windowing w, size_t word) {
  const uint32_t window = load_pair(&w.window_q15[2 * word]);
  return dsp_low_halves((uint32_t)(dsp_smlabb(w.pairs[word], window, w.half) >> w.shift),
                        (uint32_t)(dsp_smlatt(w.pairs[word], window, w.half) >> w.shift));
}

/* Fills four words, which bit reversal makes neighbours of words a half and a quarter apart. Pairs
 * from index `words` on are zeros. */
static inline void window_four(windowing w, size_t word, size_t quarter, size_t words,
                               uint32_t *target) {
  target[0] = word < words ? windowed(w, word) : 0;
  target[1] = word + 2 * quarter < words ? windowed(w, word + 2 * quarter) : 0;
  target[2] = word + quarter < words ? windowed(w, word + quarter) : 0;
  target[3] = word + 3 * quarter < words ? windowed(w, word + 3 * quarter) : 0;
}

int sotto_window(const uint32_t *pairs, const int16_t *window_q15, size_t window_samples,
                 uint32_t *spectrum, size_t fft_samples) {
  const size_t words = window_samples / 2;
  const unsigned bits = sotto_loudest_bits(pairs, words);
  const unsigned shift = sotto_window_shift(bits);
  const windowing source = {pairs, window_q15, (INT32_C(1) << shift) >> 1, shift};
  const size_t quarter = fft_samples / 8;
  /* An index below `quarter`, bit-reversed, times 4. */
  const unsigned reversed_shift = (unsigned)__builtin_clz((uint32_t)quarter) - 1U;
  size_t word = 0;
  for (; word + 3 * quarter < words; ++word) {
    window_four(source, word, quarter, SIZE_MAX,
                &spectrum[dsp_rbit((uint32_t)word) >> reversed_shift]);
  }
  for (; word < quarter; ++word) {
    window_four(source, word, quarter, words,
                &spectrum[dsp_rbit((uint32_t)word) >> reversed_shift]);
  }
  return SOTTO_WINDOWED_BITS - (int)bits;
}
#endif
