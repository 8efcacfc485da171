/* window.c with the DSP instructions, which work on both samples of a word. */
#include <string.h>

#include "../frontend/stages.h"

#if SOTTO_FRONTEND_DSP
#include "../dsp/instructions.h"

typedef struct windowing {
  const int16_t *samples;
  const int16_t *window_q15;
  int32_t half;
  unsigned shift;
} windowing;

static inline uint32_t load_pair(const int16_t *pair) {
  uint32_t word;
  memcpy(&word, pair, sizeof word);
  return word;
}

/* Bits of magnitude of the loudest sample: -2^b <= x < 2^b. */
static unsigned loudest_bits(const int16_t *samples, size_t count) {
  uint32_t seen = 0;
  const int16_t *end = samples + count;
  for (; end - samples >= 8; samples += 8) {
    seen = sotto_seen(seen, load_pair(samples));
    seen = sotto_seen(seen, load_pair(samples + 2));
    seen = sotto_seen(seen, load_pair(samples + 4));
    seen = sotto_seen(seen, load_pair(samples + 6));
  }
  for (; samples < end; samples += 2) {
    seen = sotto_seen(seen, load_pair(samples));
  }
  return sotto_magnitude_bits(seen);
}

static inline uint32_t windowed(windowing w, size_t word) {
  const uint32_t samples = load_pair(&w.samples[2 * word]);
  const uint32_t window = load_pair(&w.window_q15[2 * word]);
  return dsp_low_halves((uint32_t)(dsp_smlabb(samples, window, w.half) >> w.shift),
                        (uint32_t)(dsp_smlatt(samples, window, w.half) >> w.shift));
}

int sotto_window(const int16_t *samples, const int16_t *window_q15, size_t window_samples,
                 uint32_t *spectrum, size_t fft_samples) {
  const unsigned bits = loudest_bits(samples, window_samples);
  const unsigned shift = bits + 15U - SOTTO_WINDOWED_BITS;
  const windowing source = {samples, window_q15, (INT32_C(1) << shift) >> 1, shift};
  const size_t words = window_samples / 2;
  const size_t quarter = fft_samples / 8;
  /* An index below `quarter`, bit-reversed, times 4. */
  const unsigned reversed_shift = (unsigned)__builtin_clz((uint32_t)quarter) - 1U;
  size_t word = 0;
  for (; word + 3 * quarter < words; ++word) {
    uint32_t *target = &spectrum[dsp_rbit((uint32_t)word) >> reversed_shift];
    target[0] = windowed(source, word);
    target[1] = windowed(source, word + 2 * quarter);
    target[2] = windowed(source, word + quarter);
    target[3] = windowed(source, word + 3 * quarter);
  }
  for (; word < quarter; ++word) {
    uint32_t *target = &spectrum[dsp_rbit((uint32_t)word) >> reversed_shift];
    target[0] = word < words ? windowed(source, word) : 0;
    target[1] = word + 2 * quarter < words ? windowed(source, word + 2 * quarter) : 0;
    target[2] = word + quarter < words ? windowed(source, word + quarter) : 0;
    target[3] = 0;
  }
  return SOTTO_WINDOWED_BITS - (int)bits;
}
#endif
