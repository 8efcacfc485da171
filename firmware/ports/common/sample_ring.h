/* Ring between what fills it with a microphone's samples (one writer: an interrupt, or a task that
 * may run on another core) and the main loop (one reader); no locks.
 *
 * `written` and `taken` count samples and wrap at 2^32; their difference is the fill. Each is
 * published after the samples that it speaks of: those builtins of GCC and Clang are C and C++
 * alike.
 */
#ifndef SAMPLE_RING_H
#define SAMPLE_RING_H

#include <stddef.h>
#include <stdint.h>

/* A power of two, so that the counters may wrap: 256 ms at 16 kHz, the longest that the main loop
 * may be away. */
#ifndef SAMPLE_RING_SAMPLES
#define SAMPLE_RING_SAMPLES 4096u
#endif

typedef struct sample_ring {
  uint32_t written; /* by the writer only */
  uint32_t taken;   /* by the main loop only */
  uint32_t lost;    /* by the writer only: samples that did not fit */
  int16_t samples[SAMPLE_RING_SAMPLES];
} sample_ring;

/* Forgets everything; neither side may be at work. */
static inline void sample_ring_clear(sample_ring *ring) {
  ring->written = 0;
  ring->taken = 0;
  ring->lost = 0;
}

/* From the writer: keeps samples as far as there is room; the newest are lost, and counted. */
static inline void sample_ring_put(sample_ring *ring, const int16_t *samples, uint32_t count) {
  const uint32_t written = ring->written;
  const uint32_t taken = __atomic_load_n(&ring->taken, __ATOMIC_ACQUIRE);
  const uint32_t room = SAMPLE_RING_SAMPLES - (written - taken);
  const uint32_t kept = count < room ? count : room;
  for (uint32_t i = 0; i < kept; i++) {
    ring->samples[(written + i) % SAMPLE_RING_SAMPLES] = samples[i];
  }
  __atomic_store_n(&ring->lost, ring->lost + (count - kept), __ATOMIC_RELAXED);
  __atomic_store_n(&ring->written, written + kept, __ATOMIC_RELEASE);
}

/* From the main loop: moves up to capacity_samples samples to `samples`; returns how many. */
static inline size_t sample_ring_take(sample_ring *ring, int16_t *samples,
                                      size_t capacity_samples) {
  const uint32_t taken = ring->taken;
  const size_t filled = __atomic_load_n(&ring->written, __ATOMIC_ACQUIRE) - taken;
  const size_t count = filled < capacity_samples ? filled : capacity_samples;
  for (size_t i = 0; i < count; i++) {
    samples[i] = ring->samples[(taken + (uint32_t)i) % SAMPLE_RING_SAMPLES];
  }
  __atomic_store_n(&ring->taken, taken + (uint32_t)count, __ATOMIC_RELEASE);
  return count;
}

/* From the main loop: samples that did not fit since the ring was cleared. */
static inline uint32_t sample_ring_lost(const sample_ring *ring) {
  return __atomic_load_n(&ring->lost, __ATOMIC_RELAXED);
}

#endif
