#include "frontend_digest.h"

#include <stddef.h>

#include "../../firmware/lib/sotto/src/frontend/stages.h"
#include "sotto_frontend_tables.h"

#define ROUNDS 48
#define POINTS (SOTTO_FRONTEND_FFT_SAMPLES / 2)
#define WINDOWED_LIMIT ((1 << SOTTO_WINDOWED_BITS) - 1)

static uint32_t noise_state;
static uint32_t words[POINTS];
static uint32_t pairs[SOTTO_FRONTEND_WINDOW_SAMPLES / 2];

/* Numerical Recipes' generator, whose high bits are the better ones. */
static uint32_t noise(void) {
  noise_state = noise_state * 1664525u + 1013904223u;
  return (noise_state >> 16) | (noise_state << 16);
}

static int32_t noise_below(int32_t limit) {
  return sotto_real(noise()) % (limit + 1);
}

/* Calls in an order that the language fixes. */
static uint32_t noisy_word(int32_t limit) {
  const int32_t real = noise_below(limit);
  return sotto_pack(real, noise_below(limit));
}

/* FNV-1a of whole words. */
static uint32_t mix(uint32_t digest, uint32_t value) {
  return (digest ^ value) * 16777619u;
}

static uint32_t mix_words(uint32_t digest, int exponent) {
  for (size_t i = 0; i < POINTS; ++i) digest = mix(digest, words[i]);
  return mix(digest, (uint32_t)exponent);
}

static uint32_t window_round(int round, uint32_t digest) {
  const sotto_frontend_tables *t = &sotto_frontend_default_tables;
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; ++i) {
    const uint32_t pair = noise();
    pairs[i] = sotto_pack(sotto_real(pair) >> (round % 16), sotto_imaginary(pair) >> (round % 16));
  }
  return mix_words(digest,
                   sotto_window(pairs, t->window_q15, t->window_samples, words, t->fft_samples));
}

/* Noise, or a constant that meets in one bin and makes the passes shift as far as they can. */
static uint32_t fft_round(int round, uint32_t digest) {
  const int32_t level = WINDOWED_LIMIT >> (round % 5);
  for (size_t i = 0; i < POINTS; ++i) {
    words[i] =
        round % 3 == 0 ? sotto_pack(level - (noise_below(7) & 3), -level) : noisy_word(level);
  }
  uint32_t seen;
  const int exponent =
      sotto_fft(words, POINTS, sotto_frontend_default_tables.twiddles_q15, 0, &seen);
  return mix(mix_words(digest, exponent), seen);
}

static uint32_t power_round(int round, uint32_t digest) {
  const int32_t limit = (SOTTO_PASS_OUTPUT_LIMIT - 1) >> (round % 4);
  uint32_t seen = 0;
  for (size_t i = 0; i < POINTS; ++i) {
    words[i] = noisy_word(limit);
    seen = sotto_seen(seen, words[i]);
  }
  return mix_words(digest, sotto_power(words, SOTTO_FRONTEND_FFT_SAMPLES,
                                       sotto_frontend_default_tables.split_q15, 0, seen));
}

static uint32_t features_round(int round, uint32_t digest) {
  int8_t frame[SOTTO_FRONTEND_BINS];
  for (size_t i = 0; i < POINTS; ++i) {
    const uint32_t power = noise();
    words[i] = power >> (noise() % (1u + (uint32_t)round % 32u));
  }
  sotto_features(words, &sotto_frontend_default_tables, round % 27 - 14, frame);
  for (size_t i = 0; i < sizeof frame; ++i) digest = mix(digest, (uint32_t)frame[i]);
  return digest;
}

void frontend_digest(uint32_t digests[DIGESTS]) {
  noise_state = 1;
  for (int i = 0; i < DIGESTS; ++i) digests[i] = 2166136261u;
  for (int round = 0; round < ROUNDS; ++round) {
    digests[DIGEST_WINDOW] = window_round(round, digests[DIGEST_WINDOW]);
    digests[DIGEST_FFT] = fft_round(round, digests[DIGEST_FFT]);
    digests[DIGEST_POWER] = power_round(round, digests[DIGEST_POWER]);
    digests[DIGEST_FEATURES] = features_round(round, digests[DIGEST_FEATURES]);
  }
}
