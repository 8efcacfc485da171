/* DFSDM1 of an STM32L4 and its DMA: a result of the sinc filter a transfer (RM0351).
 *
 * The environment says CPU_HZ; DEAD: the filter does not begin; OVERRUN: the result of that number
 * comes while the one before it still waits, and is lost.
 */
#include <stdio.h>

#include "dfsdm_microphone.c"
#include "microphone_model.h"

#define ORDER_MAX 5u
#define LIMIT (1 << 23) /* of the 24 bits of a result */

const sotto_microphone *const model_microphone = &stm32l4_dfsdm_microphone;
const uint32_t model_irq = STM32L4_DMA1_CHANNEL4_IRQ;
const uint8_t model_pin_function = DFSDM_AF;

static struct {
  uint64_t sums[ORDER_MAX]; /* modulo 2^64, as the differences are */
  uint64_t past[ORDER_MAX];
  uint32_t results; /* of the whole chain, those of a filter not yet full among them */
} sinc;

const sotto_port *sotto_port_get(void) {
  static sotto_port port;
  port.cpu_hz = number_of("CPU_HZ");
  return &port;
}

static bool converts(void) {
  const uint32_t fast = FLTCR1_DFEN | FLTCR1_RSWSTART | FLTCR1_RCONT | FLTCR1_FAST;
  return (FLT0CR1 & fast) == fast && model_line_hz() > 0 && CH2CFGR1 & CHCFGR1_CHEN;
}

void model_poll(void) {
  if (converts() && !number_of("DEAD")) FLT0ISR |= FLTISR_RCIP;
}

static bool next_bit(uint64_t *bit) {
  static int byte, left;
  if (left == 0) {
    byte = getchar();
    left = 8;
  }
  left--;
  *bit = byte >> left & 1 ? 1 : UINT64_MAX;
  return byte != EOF;
}

/* A result of Hogenauer's filter: an integrator and a comb for each order. The first one of the
 * chip comes of a full filter. */
static bool next_result(int64_t *result) {
  const uint32_t order = FLT0FCR >> 29, ratio = (FLT0FCR >> 16 & 0x3FFu) + 1u;
  do {
    for (uint32_t i = 0; i < ratio; i++) {
      uint64_t sum;
      if (!next_bit(&sum)) return false;
      for (uint32_t stage = 0; stage < order; stage++) sum = sinc.sums[stage] += sum;
    }
    uint64_t comb = sinc.sums[order - 1u];
    for (uint32_t stage = 0; stage < order; stage++) {
      const uint64_t past = sinc.past[stage];
      sinc.past[stage] = comb;
      comb -= past;
    }
    *result = (int64_t)comb;
    sinc.results++;
  } while (sinc.results < order);
  return *result >= -LIMIT && *result < LIMIT;
}

static void clear_flags(void) {
  FLT0ISR &= ~FLT0ICR;
  FLT0ICR = 0;
}

bool model_transfer(void) {
  static uint32_t at;
  int64_t result;
  clear_flags();
  if (!next_result(&result)) return false;
  if (number_of("OVERRUN") == sinc.results) {
    FLT0ISR |= FLTISR_ROVRF;
    if (!next_result(&result)) return false;
  }
  const uint32_t channel = FLT0CR1 >> 24 & 7u;
  ring[at] = (uint32_t)(result * 256) | channel;
  at = (at + 1u) % RING_WORDS;
  DMA1_CNDTR4 = RING_WORDS - at;
  if (at % (RING_WORDS / 2u) == 0) stm32l4_dfsdm_interrupt();
  return true;
}

uint32_t model_line_hz(void) {
  const bool runs = CH0CFGR1 & CHCFGR1_DFSDMEN;
  return runs ? number_of("CPU_HZ") / ((CH0CFGR1 >> 16 & 0xFFu) + 1u) : 0;
}
