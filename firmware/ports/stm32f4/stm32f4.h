/* Registers of STM32F405/407 that the port uses, named as in ST's reference manual RM0090. */
#ifndef STM32F4_H
#define STM32F4_H

#include <stdint.h>

#ifndef STM32_REGISTER /* tests put a model of the chip here */
#define STM32_REGISTER(address) (*(volatile uint32_t *)(address))
#endif

#define TIM2_CR1 STM32_REGISTER(0x40000000u)
#define TIM2_EGR STM32_REGISTER(0x40000014u)
#define TIM2_CNT STM32_REGISTER(0x40000024u)
#define TIM2_ARR STM32_REGISTER(0x4000002Cu)
#define TIM_CR1_CEN 1u
#define TIM_EGR_UG 1u

#define USART1_SR STM32_REGISTER(0x40011000u)
#define USART1_DR STM32_REGISTER(0x40011004u)
#define USART1_BRR STM32_REGISTER(0x40011008u)
#define USART1_CR1 STM32_REGISTER(0x4001100Cu)
#define USART_SR_ORE (1u << 3)
#define USART_SR_RXNE (1u << 5)
#define USART_SR_TC (1u << 6)
#define USART_SR_TXE (1u << 7)
#define USART_CR1_RE (1u << 2)
#define USART_CR1_TE (1u << 3)
#define USART_CR1_RXNEIE (1u << 5)
#define USART_CR1_UE (1u << 13)
#define USART1_IRQ 37u

#define GPIOA_BASE 0x40020000u
#define GPIOB_BASE 0x40020400u
#define GPIO_MODER(base) STM32_REGISTER((base) + 0x00u)
#define GPIO_PUPDR(base) STM32_REGISTER((base) + 0x0Cu)
#define GPIO_AFR(base, pin) STM32_REGISTER((base) + 0x20u + 4u * ((pin) / 8u))
#define GPIO_MODE_ALTERNATE 2u
#define GPIO_PULL_UP 1u
#define GPIO_AF_USART1 7u

#define RCC_CR STM32_REGISTER(0x40023800u)
#define RCC_PLLCFGR STM32_REGISTER(0x40023804u)
#define RCC_CFGR STM32_REGISTER(0x40023808u)
#define RCC_AHB1ENR STM32_REGISTER(0x40023830u)
#define RCC_APB1ENR STM32_REGISTER(0x40023840u)
#define RCC_APB2ENR STM32_REGISTER(0x40023844u)
#define RCC_CR_HSEON (1u << 16)
#define RCC_CR_HSERDY (1u << 17)
#define RCC_CR_PLLON (1u << 24)
#define RCC_CR_PLLRDY (1u << 25)
#define RCC_CFGR_SW_PLL 2u
#define RCC_CFGR_SWS_MASK (3u << 2)
#define RCC_CFGR_SWS_PLL (2u << 2)
#define RCC_CFGR_PPRE1_DIV4 (5u << 10)
#define RCC_CFGR_PPRE2_DIV2 (4u << 13)
#define RCC_PLLCFGR_SOURCE_HSE (1u << 22)
#define RCC_AHB1ENR_GPIOA (1u << 0)
#define RCC_AHB1ENR_GPIOB (1u << 1)
#define RCC_APB1ENR_TIM2 (1u << 0)
#define RCC_APB2ENR_USART1 (1u << 4)

#define FLASH_ACR STM32_REGISTER(0x40023C00u)
#define FLASH_ACR_5_WAIT_STATES 5u
#define FLASH_ACR_LATENCY_MASK 7u
#define FLASH_ACR_PREFETCH_AND_CACHES (1u << 8 | 1u << 9 | 1u << 10)

/* Clock of the core and of the two kinds of peripheral that the port uses, in hertz. */
typedef struct stm32f4_clocks {
  uint32_t cpu_hz;
  uint32_t usart1_hz; /* APB2 */
} stm32f4_clocks;

/* Brings the core to 168 MHz from the crystal (SOTTO_HSE_HZ), else from the internal oscillator,
 * else leaves it at the 16 MHz of reset. Every wait is bounded. */
stm32f4_clocks stm32f4_start_clocks(void);

#endif
