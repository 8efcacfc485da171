/* What all STM32 ports share, what a family (folders stm32f4, stm32l4, ...) gives to it and what a
 * board (a file of stm32_boards) does. Registers are named as in ST's reference manuals.
 */
#ifndef STM32_H
#define STM32_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../cortex_m/cortex_m.h"
#include "port.h"

#ifndef STM32_REGISTER /* tests put a model of the chip here */
#define STM32_REGISTER(address) (*(volatile uint32_t *)(address))
#endif

/* A bit of a register of the clock controller that lets a peripheral run. */
typedef struct stm32_gate {
  uint32_t address;
  uint32_t mask;
} stm32_gate;

/* Clocks of the core and of the buses, in hertz. */
typedef struct stm32_clocks {
  uint32_t cpu_hz;
  uint32_t apb1_hz;
  uint32_t apb2_hz;
} stm32_clocks;

typedef enum stm32_bus { STM32_APB1, STM32_APB2 } stm32_bus;

/* Where a USART of a certain make has its registers: offsets from its base. */
typedef struct stm32_usart_layout {
  uint8_t cr1;
  uint8_t brr;
  uint8_t status;
  uint8_t receive;
  uint8_t transmit;
  uint8_t clear;      /* writing a flag of `status` here clears it; 0: reading `receive` does */
  uint32_t cr1_start; /* switches it on, with the receive interrupt */
} stm32_usart_layout;

/* The make with the registers SR and DR (STM32F4), and the later one with ISR, RDR and TDR. */
extern const stm32_usart_layout stm32_usart_sr_dr;
extern const stm32_usart_layout stm32_usart_isr_rdr;

typedef struct stm32_usart {
  const stm32_usart_layout *layout;
  uint32_t base;
  uint32_t irq;
  stm32_gate gate;
  stm32_bus bus;            /* whose clock it divides */
  uint32_t steps_per_clock; /* by which its divisor counts: 256 of an LPUART, 1 of the others */
} stm32_usart;

typedef struct stm32_pin {
  char port; /* 'A'... */
  uint8_t number;
  uint8_t function; /* of the data sheet's table of alternate functions: AF0 to AF15 */
} stm32_pin;

/* The register that says why the chip started: masks of its flags, 0 for what the chip does not
 * tell. They stay until `clear` is written. */
typedef struct stm32_reset_flags {
  uint32_t address;
  uint32_t clear;
  uint32_t watchdog;
  uint32_t power_on;
  uint32_t brown_out; /* set with power_on, too */
  uint32_t software;
  uint32_t pin; /* every reset inside the chip pulls the pin, too */
} stm32_reset_flags;

typedef struct stm32_family {
  uint32_t gpio_base;  /* of port A; the others follow */
  uint32_t gpio_gates; /* register whose lowest bit is the gate of port A; the others follow */
  stm32_gate timer2;   /* TIM2 counts where the core does not: in an emulator */
  uint32_t iwdg_base;  /* the independent watchdog, with an oscillator of its own */
  stm32_reset_flags reset_flags;
  stm32_clocks (*start)(void); /* Brings the board to its full speed. Every wait is bounded: what
                                  does not start leaves a slow board that talks. */
} stm32_family;

/* An oscillator or clock at the pins OSC_IN and OSC_OUT. */
typedef struct stm32_hse {
  uint32_t hz;
  bool bypass; /* a clock from outside, as an ST-Link gives it, in place of a crystal */
} stm32_hse;

typedef struct stm32_board {
  const stm32_usart *usart;
  stm32_pin tx;
  stm32_pin rx;
  const sotto_microphone *microphone; /* NULL: none */
} stm32_board;

/* By the family. */
extern const stm32_family stm32_the_family;

/* By the board: what it is, and its vector table, which has at least stm32_usart_interrupt. */
extern const stm32_board stm32_the_board;
extern const cortex_m_handler stm32_vectors[];

/* Opens a gate. The peripheral may be used when it returns. */
void stm32_open(stm32_gate gate);

/* Polls until the masked bits of a register have a value; false when they never have. */
bool stm32_becomes(volatile const uint32_t *status, uint32_t mask, uint32_t value);

/* Gives a pin to a peripheral, with a pull-up: an open line reads idle, not noise. */
void stm32_pin_to_peripheral(stm32_pin pin);

#ifndef SOTTO_WATCHDOG_MS
#define SOTTO_WATCHDOG_MS 4000u
#endif

/* Starts the watchdog at the first call, else puts it off. Only a reset ends it. */
void stm32_watchdog_feed(void);

/* Why the chip started, by its own flags and what the core has noted; clears the flags. */
sotto_reset_cause stm32_take_reset_cause(void);

/* The board's serial line at SOTTO_BAUD, 8 data bits, no parity, 1 stop bit. */
void stm32_usart_start(const stm32_clocks *clocks);
void stm32_usart_interrupt(void);
void stm32_usart_write(const uint8_t *data, size_t length_bytes);
void stm32_usart_flush(void);

#endif
