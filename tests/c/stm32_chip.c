/* An STM32 port's start-up, serial line and receive interrupt against a model of a chip's
 * registers, since the emulator's clock tree reads 0.
 *
 * What the chip does comes as lines from the standard input; numbers are hexadecimal, all registers
 * that no line names are 0 after reset:
 *
 *   reset ADDRESS VALUE
 *   follows ADDRESS SHIFT MASK STATUS SHIFT   a field of STATUS takes over a field that is written
 *   ignores ADDRESS MASK                      these bits keep what they were
 *   needs FIRST LAST GATE MASK                writes there have no effect before the gate is open
 *   noted CAUSE 0                             what the core's note says of the reset
 *   usart STATUS RECEIVE TRANSMIT CLEAR       CLEAR is 0 where reading RECEIVE clears all flags
 *   microphone 1 0                            start the port's microphone, too
 *
 * The program prints `write ADDRESS VALUE` for each register that changes, in order, and `ungated
 * ADDRESS` when a gate was closed; then the facts of the port.
 */
#include "stm32_chip.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../cortex_m/caches.h"
#include "../cortex_m/cortex_m.h"
#include "../cortex_m/counter.h"
#include "../cortex_m/received.h"
#include "port.h"
#include "stm32.h"

enum { STATUS_ORE = 1u << 3, STATUS_RXNE = 1u << 5 };

typedef struct chip_slot {
  uint32_t address;
  uint32_t seen; /* value that the model has already reacted to */
  volatile uint32_t value;
} chip_slot;

typedef struct chip_rule {
  char kind[12];
  unsigned words[5];
} chip_rule;

static chip_slot slots[96];
static chip_rule rules[64];
static size_t rule_count;
static struct {
  uint32_t status, receive, transmit, clear;
} usart;
static uint32_t last_address;
static bool with_microphone;

static const cortex_m_handler *vectors;
static uint32_t enabled_irq;
static unsigned noted_cause;
static uint32_t bytes_received;
static uint32_t bytes_lost;

static chip_slot *slot_of(uint32_t address) {
  for (size_t i = 0; i < sizeof slots / sizeof slots[0]; i++) {
    if (slots[i].address == address || slots[i].address == 0) {
      slots[i].address = address;
      return &slots[i];
    }
  }
  abort();
}

static void set(uint32_t address, uint32_t value) {
  slot_of(address)->value = value;
  slot_of(address)->seen = value;
}

static void follow(uint32_t written, const unsigned *words) {
  const uint32_t mask = words[2] << words[4];
  const uint32_t field = (written >> words[1] & words[2]) << words[4];
  set(words[3], (slot_of(words[3])->value & ~mask) | field);
}

/* What the chip makes of a write. */
static void react(chip_slot *slot) {
  const uint32_t address = slot->address;
  printf("write %08X %08X\n", (unsigned)address, (unsigned)slot->value);
  for (size_t i = 0; i < rule_count; i++) {
    const unsigned *words = rules[i].words;
    const bool here = words[0] == address;
    if (here && strcmp(rules[i].kind, "ignores") == 0) {
      slot->value = (slot->value & ~words[1]) | (slot->seen & words[1]);
    } else if (strcmp(rules[i].kind, "needs") == 0 && words[0] <= address && address <= words[1] &&
               !(slot_of(words[2])->value & words[3])) {
      printf("ungated %08X\n", (unsigned)address);
      slot->value = slot->seen;
    }
  }
  slot->seen = slot->value;
  for (size_t i = 0; i < rule_count; i++) {
    if (rules[i].words[0] == address && strcmp(rules[i].kind, "follows") == 0) {
      follow(slot->value, rules[i].words);
    }
  }
  if (address == usart.clear) {
    set(usart.status, slot_of(usart.status)->value & ~slot->value);
    set(address, 0);
  }
}

volatile uint32_t *chip_register(uint32_t address) {
  for (size_t i = 0; i < sizeof slots / sizeof slots[0]; i++) {
    if (slots[i].value != slots[i].seen) {
      react(&slots[i]);
    }
  }
  if (last_address == usart.receive) { /* it was read */
    const uint32_t cleared = usart.clear == 0 ? STATUS_RXNE | STATUS_ORE : STATUS_RXNE;
    set(usart.status, slot_of(usart.status)->value & ~cleared);
  }
  last_address = address;
  return &slot_of(address)->value;
}

static void read_rules(void) {
  chip_rule rule = {.kind = ""};
  unsigned *words = rule.words;
  char line[100];
  while (fgets(line, sizeof line, stdin) != NULL) {
    if (sscanf(line, "%11s %x %x %x %x %x", rule.kind, &words[0], &words[1], &words[2], &words[3],
               &words[4]) < 3) {
      abort();
    }
    if (strcmp(rule.kind, "reset") == 0) {
      set(words[0], words[1]);
    } else if (strcmp(rule.kind, "noted") == 0) {
      noted_cause = words[0];
    } else if (strcmp(rule.kind, "usart") == 0) {
      usart.status = words[0];
      usart.receive = words[1];
      usart.transmit = words[2];
      usart.clear = words[3];
    } else if (strcmp(rule.kind, "microphone") == 0) {
      with_microphone = true;
    } else if (rule_count < sizeof rules / sizeof rules[0]) {
      rules[rule_count++] = rule;
    } else {
      abort();
    }
  }
}

/* What the port asks of the core and of the receive ring. */
uint32_t cortex_m_stack_top[1];

void cortex_m_reset(void) {
  abort();
}

void cortex_m_restart(void) {
  abort();
}

void cortex_m_fault(void) {
  abort();
}

void cortex_m_use_vectors(const cortex_m_handler *table) {
  vectors = table;
}

void cortex_m_enable_irq(uint32_t irq) {
  enabled_irq = irq;
}

void cortex_m7_start_caches(void) {
  puts("caches started");
}

uint32_t cortex_m_stack_peak_bytes(void) {
  return 0;
}

uint32_t cortex_m_stack_bytes(void) {
  return 0;
}

sotto_reset_cause cortex_m_reset_cause(void) {
  return (sotto_reset_cause)noted_cause;
}

uint32_t cortex_m_restarts(void) {
  return 0;
}

counter counter_choose(uint32_t (*timer)(void), counter_rate rate, uint32_t (*instructions)(void)) {
  return (counter){rate.instructions == rate.ticks ? instructions : timer, "instructions"};
}

void received_put(uint8_t byte) {
  bytes_received = bytes_received << 8 | byte;
}

void received_lost(void) {
  bytes_lost++;
}

size_t received_read(uint8_t *data, size_t capacity_bytes) {
  return data == NULL ? capacity_bytes : 0;
}

void received_idle(void) {}

uint32_t received_overruns(void) {
  return bytes_lost;
}

static void receive(uint32_t status, uint8_t byte) {
  set(usart.status, slot_of(usart.status)->value | status);
  set(usart.receive, byte);
  vectors[CORTEX_M_VECTOR_IRQ0 + enabled_irq]();
}

int main(void) {
  read_rules();
  const sotto_port *port = sotto_port_get();
  port->init();
  (void)chip_register(usart.status); /* shows the last write */
  printf("cpu_hz %u\n", (unsigned)port->cpu_hz);
  printf("cause %u\n", (unsigned)port->reset_cause());
  printf("watchdog_ms %u\n", (unsigned)port->watchdog_ms);
  if (with_microphone) {
    const bool started = port->microphone->start();
    (void)chip_register(usart.status);
    printf("microphone %d at %u\n", started, (unsigned)enabled_irq);
    return 0;
  }
  receive(STATUS_RXNE, 0x41);
  receive(STATUS_RXNE | STATUS_ORE, 0x42);
  receive(STATUS_ORE, 0x43);
  printf("received %X lost %u\n", (unsigned)bytes_received, (unsigned)bytes_lost);
  port->write((const uint8_t *)"U", 1);
  printf("sent %02X\n", (unsigned)slot_of(usart.transmit)->value);
  (void)port->read(NULL, 0);
  port->feed_watchdog();
  (void)chip_register(usart.status);
  return 0;
}
