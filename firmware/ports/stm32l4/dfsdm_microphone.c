#include "dfsdm_microphone.h"

#include "../common/dma_ring.h"
#include "sotto/pdm.h"

/* RM0351, chapters RCC, DMA (request 0 of DMA1's channel 4 is DFSDM1_FLT0) and DFSDM. */
#define RCC_AHB1ENR 0x40021048u
#define RCC_APB2ENR 0x40021060u
#define DMA1_IFCR STM32_REGISTER(0x40020004u)
#define DMA1_IFCR_CGIF4 (1u << 12)
#define DMA1_CCR4 STM32_REGISTER(0x40020044u)
#define DMA1_CNDTR4 STM32_REGISTER(0x40020048u)
#define DMA1_CPAR4 STM32_REGISTER(0x4002004Cu)
#define DMA1_CMAR4 STM32_REGISTER(0x40020050u)
#define DMA1_CSELR STM32_REGISTER(0x400200A8u)
#define DMA1_CSELR_C4S (15u << 12)
#define DMA_CCR_EN (1u << 0)
#define DMA_CCR_TCIE (1u << 1)
#define DMA_CCR_HTIE (1u << 2)
#define DMA_CCR_CIRC (1u << 5)
#define DMA_CCR_MINC (1u << 7)
#define DMA_CCR_WORDS (2u << 8 | 2u << 10)
#define DMA_CCR_HIGH_PRIORITY (2u << 12)
#define CH0CFGR1 STM32_REGISTER(0x40016000u)
#define CH2CFGR1 STM32_REGISTER(0x40016040u)
#define CH2CFGR2 STM32_REGISTER(0x40016044u)
#define CHCFGR1_SITP_FALLING 1u
#define CHCFGR1_SPICKSEL_CKOUT (1u << 2)
#define CHCFGR1_CHEN (1u << 7)
#define CHCFGR1_CKOUTDIV(divider) (((divider) - 1u) << 16)
#define CHCFGR1_DFSDMEN (1u << 31)
#define FLT0CR1 STM32_REGISTER(0x40016100u)
#define FLT0ISR STM32_REGISTER(0x40016108u)
#define FLT0ICR STM32_REGISTER(0x4001610Cu)
#define FLT0FCR STM32_REGISTER(0x40016114u)
#define FLT0RDATAR 0x4001611Cu
#define FLTCR1_DFEN (1u << 0)
#define FLTCR1_RSWSTART (1u << 17)
#define FLTCR1_RCONT (1u << 18)
#define FLTCR1_RDMAEN (1u << 21)
#define FLTCR1_RCH_CHANNEL2 (2u << 24)
#define FLTCR1_FAST (1u << 29)
#define FLTISR_ROVRF (1u << 3)
#define FLTISR_RCIP (1u << 14)
#define FLTFCR_FOSR(ratio) (((ratio) - 1u) << 16)
#define FLTFCR_FORD(order) ((order) << 29)
#define FLTRDATAR_DATA_BIT 8

#define DFSDM_AF 6u

/* The chip's filter takes the place of the CIC of sotto/pdm.h; its clock is a whole part of 80 MHz,
 * and of the 16 MHz of a board without its PLL. The part takes 1 to 3.25 MHz. */
#define PDM_HZ 1600000u
#define ORDER 4u
#define RATIO 25u
_Static_assert(PDM_HZ / RATIO == 4u * SOTTO_PDM_SAMPLE_RATE_HZ, "what the FIR filters take");

/* Full scale, of a line of ones: of the 24 bits of the data register, so no shift is needed. */
#define FULL_SCALE (RATIO * RATIO * RATIO * RATIO)
_Static_assert(FULL_SCALE < 1u << 23, "signed");
#define SCALE_Q15 ((1 << 30) / (int32_t)FULL_SCALE)

#define SAMPLE_WORDS 4u
#define BLOCK_SAMPLES 8u
#define BLOCK_WORDS (BLOCK_SAMPLES * SAMPLE_WORDS)

/* 64 ms: as long may the main loop compute. Each half interrupts, which also wakes it. */
#define RING_WORDS 4096u

/* MP34DT01-M: -26 dBFS at 94 dB SPL, so speech at 60 to 70 dB is near -55 dBFS. 24 dB more. */
#define GAIN_Q8 4096u

static volatile uint32_t ring[RING_WORDS];

static struct {
  dma_ring ring;
  sotto_pdm_fir fir;
  volatile uint32_t overruns; /* of the chip's filter; by the interrupt only */
} reader;

void stm32l4_dfsdm_interrupt(void) {
  DMA1_IFCR = DMA1_IFCR_CGIF4;
  dma_ring_half_filled(&reader.ring);
  if (FLT0ISR & FLTISR_ROVRF) {
    FLT0ICR = FLTISR_ROVRF;
    reader.overruns = reader.overruns + 1u;
  }
}

static void start_dma(void) {
  stm32_open((stm32_gate){RCC_AHB1ENR, 1u << 0});
  DMA1_IFCR = DMA1_IFCR_CGIF4;
  DMA1_CSELR &= ~DMA1_CSELR_C4S;
  DMA1_CPAR4 = FLT0RDATAR;
  DMA1_CMAR4 = (uint32_t)(uintptr_t)ring;
  DMA1_CNDTR4 = RING_WORDS;
  DMA1_CCR4 = DMA_CCR_HIGH_PRIORITY | DMA_CCR_WORDS | DMA_CCR_MINC | DMA_CCR_CIRC | DMA_CCR_HTIE |
              DMA_CCR_TCIE;
  DMA1_CCR4 |= DMA_CCR_EN;
  cortex_m_enable_irq(STM32L4_DMA1_CHANNEL4_IRQ);
}

/* The clock, then one of the two microphones on the line: they speak at different edges. The offset
 * that the chip could take away is left to the firmware, which follows it. */
static void start_channel(void) {
  stm32_open((stm32_gate){RCC_APB2ENR, 1u << 24});
  CH0CFGR1 = CHCFGR1_CKOUTDIV(sotto_port_get()->cpu_hz / PDM_HZ);
  CH0CFGR1 |= CHCFGR1_DFSDMEN;
  CH2CFGR2 = 0;
  CH2CFGR1 = CHCFGR1_SPICKSEL_CKOUT | CHCFGR1_SITP_FALLING;
  CH2CFGR1 |= CHCFGR1_CHEN;
}

/* A conversion after the other; without FAST each would begin with an empty filter. */
static void start_filter(void) {
  FLT0FCR = FLTFCR_FORD(ORDER) | FLTFCR_FOSR(RATIO);
  FLT0CR1 = FLTCR1_FAST | FLTCR1_RCH_CHANNEL2 | FLTCR1_RDMAEN | FLTCR1_RCONT;
  FLT0CR1 |= FLTCR1_DFEN;
  FLT0CR1 |= FLTCR1_RSWSTART;
}

static void stop(void) {
  FLT0CR1 = 0;
  DMA1_CCR4 = 0;
  CH2CFGR1 = 0;
  CH0CFGR1 = 0;
}

static bool start(void) {
  dma_ring_clear(&reader.ring);
  reader.overruns = 0;
  sotto_pdm_fir_init(&reader.fir, &sotto_pdm_fir4);
  stm32_pin_to_peripheral((stm32_pin){'E', 9, DFSDM_AF});
  stm32_pin_to_peripheral((stm32_pin){'E', 7, DFSDM_AF});
  start_channel();
  start_dma();
  start_filter();
  if (!stm32_becomes(&FLT0ISR, FLTISR_RCIP, FLTISR_RCIP)) {
    stop();
    return false;
  }
  return true;
}

/* |data| <= FULL_SCALE, so the product stays below 2^30 and the sample below 2^15. */
static int16_t to_s16(uint32_t word) {
  const int32_t data = (int32_t)word >> FLTRDATAR_DATA_BIT;
  return (int16_t)((data * SCALE_Q15 + (1 << 14)) >> 15);
}

static size_t read(int16_t *samples, size_t capacity_samples) {
  int16_t line[BLOCK_WORDS];
  int16_t block[SOTTO_PDM_FIR_SAMPLES_MAX(BLOCK_WORDS)];
  size_t done = 0;
  for (uint32_t left = dma_ring_available(&reader.ring, RING_WORDS, BLOCK_WORDS, &DMA1_CNDTR4);
       left >= BLOCK_WORDS && done + BLOCK_SAMPLES <= capacity_samples; left -= BLOCK_WORDS) {
    for (uint32_t i = 0; i < BLOCK_WORDS; i++) {
      line[i] = to_s16(ring[(reader.ring.taken + i) % RING_WORDS]);
    }
    reader.ring.taken += BLOCK_WORDS;
    const size_t count = sotto_pdm_fir_push(&reader.fir, line, BLOCK_WORDS, block);
    for (size_t i = 0; i < count; i++) {
      samples[done++] = block[i]; /* BLOCK_SAMPLES of them */
    }
  }
  return done;
}

/* An overrun of the filter is a word or more; how many the chip does not say. */
static uint32_t lost(void) {
  return reader.ring.lost / SAMPLE_WORDS + reader.overruns;
}

const sotto_microphone stm32l4_dfsdm_microphone = {
    .part = &sotto_capture_part,
    .name = "MP34DT01-M on DFSDM1",
    .sample_rate_hz = SOTTO_PDM_SAMPLE_RATE_HZ,
    .bits = 1,
    .channels = 2,
    .gain_q8 = GAIN_Q8,
    .start = start,
    .stop = stop,
    .read = read,
    .lost = lost,
};
