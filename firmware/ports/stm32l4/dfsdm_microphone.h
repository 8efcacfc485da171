/* A PDM microphone at DFSDM1 of an STM32L475: its clock on PE9, its bits on PE7, as ST's
 * B-L475E-IOT01A has two MP34DT01-M (UM2153). */
#ifndef STM32L4_DFSDM_MICROPHONE_H
#define STM32L4_DFSDM_MICROPHONE_H

#include "../stm32/stm32.h"

#define STM32L4_DMA1_CHANNEL4_IRQ 14u

extern const sotto_microphone stm32l4_dfsdm_microphone;

/* For the board's vector table, at STM32L4_DMA1_CHANNEL4_IRQ. */
void stm32l4_dfsdm_interrupt(void);

#endif
