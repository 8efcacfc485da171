/* I2S2 of an STM32F4 and its DMA: 16 bits of the line a transfer. */
#include <stdio.h>

#include "microphone_model.h"
#include "pdm_i2s2.c"

const sotto_microphone *const model_microphone = &stm32f4_pdm_i2s2;
const uint32_t model_irq = STM32F4_DMA1_STREAM3_IRQ;
const uint8_t model_pin_function = I2S2_AF;

void model_poll(void) {
  if (!number_of("DEAD")) RCC_CR |= RCC_CR_PLLI2SRDY;
}

bool model_transfer(void) {
  static uint32_t at;
  const int first = getchar(), second = getchar();
  if (second == EOF) return false;
  ring[at] = (uint16_t)(first << 8 | second);
  at = (at + 1u) % RING_HALF_WORDS;
  DMA1_S3NDTR = RING_HALF_WORDS - at;
  if (at % (RING_HALF_WORDS / 2u) == 0) stm32f4_pdm_i2s2_interrupt();
  return true;
}

/* The PLL's input is 1 MHz. */
uint32_t model_line_hz(void) {
  const uint32_t n = RCC_PLLI2SCFGR >> 6 & 0x1FFu, r = RCC_PLLI2SCFGR >> 28;
  const bool runs = RCC_CR & RCC_CR_PLLI2SON && SPI2_I2SCFGR & I2SCFGR_I2SE;
  return runs ? 1000000u * n / r / (2u * (SPI2_I2SPR & 0xFFu)) : 0;
}
