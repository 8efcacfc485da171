/* A PDM microphone at I2S2 of an STM32F405 or F407: its clock on PB10, its bits on PC3, as ST's
 * STM32F4DISCOVERY has an MP45DT02 (UM1472). */
#ifndef STM32F4_PDM_I2S2_H
#define STM32F4_PDM_I2S2_H

#include "../stm32/stm32.h"

#define STM32F4_DMA1_STREAM3_IRQ 14u

extern const sotto_microphone stm32f4_pdm_i2s2;

/* For the board's vector table, at STM32F4_DMA1_STREAM3_IRQ. */
void stm32f4_pdm_i2s2_interrupt(void);

#endif
