/* Port to the `virt` machine that QEMU emulates, with one RV32IMC core in machine mode: a 16550
 * UART, the platform-level interrupt controller (PLIC) and a test device that restarts it. */
#include "port.h"

#include "../common/rx_ring.h"
#include "../ns16550/ns16550.h"
#include "riscv.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))

#define CPU_HZ 10000000u /* of the machine's clock; the core's own speed is the emulator's */

static const ns16550 uart = {.address = 0x10000000u, .stride_bytes = 1};
#define UART_IRQ 10u

/* PLIC, machine mode of the first core. */
#define PLIC_PRIORITY(irq) REGISTER(0x0C000000u + 4u * (irq))
#define PLIC_ENABLE REGISTER(0x0C002000u)
#define PLIC_THRESHOLD REGISTER(0x0C200000u)
#define PLIC_CLAIM REGISTER(0x0C200004u)

#define TEST_DEVICE REGISTER(0x00100000u)
#define TEST_RESTART 0x7777u

/* Of the emulator while its clock advances by them; else it counts as its computer does. */
#define INSTRUCTIONS_PER_SECOND 1000000000u

#define SPIN_INSTRUCTIONS 2u /* of an iteration */

static rx_ring ring;

void riscv_external_interrupt(void) {
  const uint32_t irq = PLIC_CLAIM;
  ns16550_receive(uart, &ring);
  PLIC_CLAIM = irq;
}

void riscv_restart_machine(void) {
  TEST_DEVICE = TEST_RESTART;
  for (;;) { /* the emulator takes it at its next turn */
  }
}

static size_t port_read(uint8_t *data, size_t capacity_bytes) {
  return rx_ring_take(&ring, data, capacity_bytes);
}

static void port_write(const uint8_t *data, size_t length_bytes) {
  ns16550_write(uart, data, length_bytes);
}

static void port_idle(void) {
  riscv_disable_interrupts(); /* else a byte between test and sleep would be slept over */
  if (rx_ring_empty(&ring)) {
    riscv_wait_for_interrupt();
  }
  riscv_enable_interrupts();
}

static uint32_t port_rx_overruns(void) {
  return ring.lost;
}

static void port_reset(void) {
  ns16550_drain(uart);
  riscv_restart();
}

/* Ticks that `iterations` of two instructions take. */
__attribute__((noinline, noclone)) static uint32_t spin_ticks(uint32_t iterations) {
  const uint32_t start = riscv_instructions();
  __asm__ volatile("1: addi %0, %0, -1\n\tbnez %0, 1b" : "+r"(iterations));
  return riscv_instructions() - start;
}

/* The emulator counts instructions only when its clock advances by them. */
static const char *unit_of_ticks(void) {
  const uint32_t more = spin_ticks(1001) - spin_ticks(1);
  return more == SPIN_INSTRUCTIONS * 1000u ? "instructions" : "timer ticks";
}

static void port_init(void);

static sotto_port port = {
    .board = SOTTO_BOARD_NAME,
    .cpu_hz = CPU_HZ,
    .rx_window_bytes = RX_RING_BYTES,
    .init = port_init,
    .read = port_read,
    .write = port_write,
    .idle = port_idle,
    .ticks = riscv_instructions,
    .rx_overruns = port_rx_overruns,
    .stack_peak_bytes = riscv_stack_peak_bytes,
    .reset = port_reset,
    .stack_bytes = riscv_stack_bytes,
    .reset_cause = riscv_reset_cause,
    .restarts = riscv_restarts,
};

static void port_init(void) {
  port.tick_unit = unit_of_ticks();
  ns16550_start(uart);
  PLIC_PRIORITY(UART_IRQ) = 1;
  PLIC_ENABLE = 1u << UART_IRQ;
  PLIC_THRESHOLD = 0;
  riscv_enable_external_interrupt();
}

const sotto_port *sotto_port_get(void) {
  return &port;
}

uint32_t sotto_port_ticks_hz(void) {
  return INSTRUCTIONS_PER_SECOND;
}
