/* The reader's side of a buffer that DMA fills round and round, with an interrupt at each half: how
 * far DMA has come, and what it overwrote before it was read.
 *
 * Positions count units of the buffer since the start and wrap at 2^32, so its size is a power of
 * two.
 */
#ifndef DMA_RING_H
#define DMA_RING_H

#include <stdint.h>

typedef struct dma_ring {
  volatile uint32_t halves; /* that DMA has filled; by its interrupt only */
  uint32_t taken;           /* by the main loop only */
  uint32_t lost;            /* by the main loop only */
} dma_ring;

/* Forgets everything; DMA does not run. */
static inline void dma_ring_clear(dma_ring *ring) {
  ring->halves = 0;
  ring->taken = 0;
  ring->lost = 0;
}

/* From the interrupt. */
static inline void dma_ring_half_filled(dma_ring *ring) {
  ring->halves = ring->halves + 1u;
}

/* Position up to which DMA has written: whole halves by the interrupt's count, and the begun one as
 * far as `left`, DMA's own counter of what remains of the buffer, has come in it. */
static inline uint32_t dma_ring_written(const dma_ring *ring, uint32_t size,
                                        volatile const uint32_t *left) {
  const uint32_t half = size / 2u;
  const uint32_t full = ring->halves; /* before DMA's counter: what comes between adds to both */
  const uint32_t at = (size - *left) % size;
  const uint32_t begun = full % 2u * half;
  /* where DMA has left that half before the interrupt came, all of it is there */
  return full * half + (at >= begun && at < begun + half ? at - begun : half);
}

/* From the main loop: units that wait from `taken` on. Those that DMA may be overwriting are left
 * behind, counted as lost: whole blocks, so that half of the buffer is the reader's head start. */
static inline uint32_t dma_ring_available(dma_ring *ring, uint32_t size, uint32_t block,
                                          volatile const uint32_t *left) {
  const uint32_t waiting = dma_ring_written(ring, size, left) - ring->taken;
  if (waiting <= size - block) {
    return waiting;
  }
  const uint32_t skipped = (waiting - size / 2u) / block * block;
  ring->taken += skipped;
  ring->lost += skipped;
  return waiting - skipped;
}

#endif
