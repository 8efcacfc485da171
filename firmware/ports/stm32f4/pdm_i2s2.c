#include "pdm_i2s2.h"

#include "../common/dma_ring.h"
#include "sotto/pdm.h"

/* RM0090: RCC (7.3), DMA (10.5; request SPI2_RX is stream 3, channel 0), I2S (28.5). */
#define RCC_CR STM32_REGISTER(0x40023800u)
#define RCC_CR_PLLI2SON (1u << 26)
#define RCC_CR_PLLI2SRDY (1u << 27)
#define RCC_PLLI2SCFGR STM32_REGISTER(0x40023884u)
#define RCC_AHB1ENR 0x40023830u
#define RCC_APB1ENR 0x40023840u
#define SPI2_CR2 STM32_REGISTER(0x40003804u)
#define SPI2_CR2_RXDMAEN 1u
#define SPI2_DR 0x4000380Cu
#define SPI2_I2SCFGR STM32_REGISTER(0x4000381Cu)
#define SPI2_I2SPR STM32_REGISTER(0x40003820u)
#define I2SCFGR_CKPOL (1u << 3)
#define I2SCFGR_LSB_JUSTIFIED (2u << 4)
#define I2SCFGR_MASTER_RECEIVE (3u << 8)
#define I2SCFGR_I2SE (1u << 10)
#define I2SCFGR_I2SMOD (1u << 11)
#define DMA1_LIFCR STM32_REGISTER(0x40026008u)
#define DMA1_LIFCR_STREAM3 (0x3Du << 22)
#define DMA1_S3CR STM32_REGISTER(0x40026058u)
#define DMA1_S3NDTR STM32_REGISTER(0x4002605Cu)
#define DMA1_S3PAR STM32_REGISTER(0x40026060u)
#define DMA1_S3M0AR STM32_REGISTER(0x40026064u)
#define DMA_SCR_EN (1u << 0)
#define DMA_SCR_HTIE (1u << 3)
#define DMA_SCR_TCIE (1u << 4)
#define DMA_SCR_CIRC (1u << 8)
#define DMA_SCR_MINC (1u << 10)
#define DMA_SCR_HALF_WORDS (1u << 11 | 1u << 13)
#define DMA_SCR_HIGH_PRIORITY (2u << 16)

#define I2S2_AF 5u

/* The PLL's input is 1 MHz on every board: 256 MHz / 5 / (2 * 25) = 1.024 MHz. The part takes 1 to
 * 3.25 MHz. */
#define PLLI2S_N 256u
#define PLLI2S_R 5u
#define I2S_DIVIDER 25u
#define PDM_HZ (1000000u * PLLI2S_N / PLLI2S_R / (2u * I2S_DIVIDER))
_Static_assert(PDM_HZ == 1024000u, "a clock that sotto/pdm.h takes");

#define HALF_WORD_BITS 16u
#define SAMPLE_HALF_WORDS (PDM_HZ / SOTTO_PDM_SAMPLE_RATE_HZ / HALF_WORD_BITS)
#define BLOCK_SAMPLES 8u
#define BLOCK_HALF_WORDS (BLOCK_SAMPLES * SAMPLE_HALF_WORDS)

/* 64 ms of bits: as long may the main loop compute. Each half interrupts, which also wakes it. */
#define RING_HALF_WORDS 4096u

/* MP45DT02: -26 dBFS at 94 dB SPL, so speech at 60 to 70 dB is near -55 dBFS. 24 dB more. */
#define GAIN_Q8 4096u

static volatile uint16_t ring[RING_HALF_WORDS];

static struct {
  dma_ring ring;
  sotto_pdm pdm;
} reader;

void stm32f4_pdm_i2s2_interrupt(void) {
  DMA1_LIFCR = DMA1_LIFCR_STREAM3;
  dma_ring_half_filled(&reader.ring);
}

static void start_dma(void) {
  stm32_open((stm32_gate){RCC_AHB1ENR, 1u << 21});
  DMA1_LIFCR = DMA1_LIFCR_STREAM3;
  DMA1_S3PAR = SPI2_DR;
  DMA1_S3M0AR = (uint32_t)(uintptr_t)ring;
  DMA1_S3NDTR = RING_HALF_WORDS;
  DMA1_S3CR = DMA_SCR_HIGH_PRIORITY | DMA_SCR_HALF_WORDS | DMA_SCR_MINC | DMA_SCR_CIRC |
              DMA_SCR_TCIE | DMA_SCR_HTIE;
  DMA1_S3CR |= DMA_SCR_EN;
  cortex_m_enable_irq(STM32F4_DMA1_STREAM3_IRQ);
}

/* Frames of two times 16 bits without a gap: to the part they are a clock, and all bits are its.
 * The edge is that of ST's own example for the board. */
static void start_i2s(void) {
  stm32_open((stm32_gate){RCC_APB1ENR, 1u << 14});
  SPI2_I2SPR = I2S_DIVIDER;
  SPI2_I2SCFGR = I2SCFGR_I2SMOD | I2SCFGR_MASTER_RECEIVE | I2SCFGR_LSB_JUSTIFIED | I2SCFGR_CKPOL;
  SPI2_CR2 = SPI2_CR2_RXDMAEN;
  SPI2_I2SCFGR |= I2SCFGR_I2SE;
}

static void stop(void) {
  SPI2_I2SCFGR &= ~I2SCFGR_I2SE;
  DMA1_S3CR &= ~DMA_SCR_EN;
  RCC_CR &= ~RCC_CR_PLLI2SON;
}

static bool start(void) {
  RCC_PLLI2SCFGR = PLLI2S_R << 28 | PLLI2S_N << 6;
  RCC_CR |= RCC_CR_PLLI2SON;
  if (!stm32_becomes(&RCC_CR, RCC_CR_PLLI2SRDY, RCC_CR_PLLI2SRDY) ||
      sotto_pdm_init(&reader.pdm, &sotto_pdm_sinc4, PDM_HZ) != SOTTO_OK) {
    stop();
    return false;
  }
  dma_ring_clear(&reader.ring);
  stm32_pin_to_peripheral((stm32_pin){'B', 10, I2S2_AF});
  stm32_pin_to_peripheral((stm32_pin){'C', 3, I2S2_AF});
  start_dma();
  start_i2s();
  return true;
}

static size_t read(int16_t *samples, size_t capacity_samples) {
  uint8_t bits[2u * BLOCK_HALF_WORDS];
  int16_t block[SOTTO_PDM_SAMPLES_MAX(sizeof bits, PDM_HZ)];
  size_t done = 0;
  for (uint32_t left =
           dma_ring_available(&reader.ring, RING_HALF_WORDS, BLOCK_HALF_WORDS, &DMA1_S3NDTR);
       left >= BLOCK_HALF_WORDS && done + BLOCK_SAMPLES <= capacity_samples;
       left -= BLOCK_HALF_WORDS) {
    for (uint32_t i = 0; i < BLOCK_HALF_WORDS; i++) {
      const uint16_t word = ring[(reader.ring.taken + i) % RING_HALF_WORDS];
      bits[2u * i] = (uint8_t)(word >> 8); /* the first bit received is the highest */
      bits[2u * i + 1u] = (uint8_t)word;
    }
    reader.ring.taken += BLOCK_HALF_WORDS;
    const size_t count = sotto_pdm_push(&reader.pdm, bits, sizeof bits, block);
    for (size_t i = 0; i < count; i++) {
      samples[done++] = block[i]; /* BLOCK_SAMPLES of them */
    }
  }
  return done;
}

static uint32_t lost(void) {
  return reader.ring.lost / SAMPLE_HALF_WORDS;
}

const sotto_microphone stm32f4_pdm_i2s2 = {
    .part = &sotto_capture_part,
    .name = "MP45DT02 on I2S2",
    .sample_rate_hz = SOTTO_PDM_SAMPLE_RATE_HZ,
    .bits = 1,
    .channels = 1,
    .gain_q8 = GAIN_Q8,
    .start = start,
    .stop = stop,
    .read = read,
    .lost = lost,
};
