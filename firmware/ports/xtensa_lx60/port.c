/* Port to the LX60 board that QEMU emulates, with an LX106 core: the Xtensa instructions that
 * Debian's compiler makes, registers not windowed. A 16550 UART, and the board's own register that
 * restarts it (QEMU's hw/xtensa/xtfpga.c has the addresses). */
#include "port.h"

#include "../common/rx_ring.h"
#include "../ns16550/ns16550.h"
#include "xtensa.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))

#define CPU_HZ 40000000u /* what the core's own counter counts */

static const ns16550 uart = {.address = 0x9D050020u, .stride_bytes = 4};
#define UART_INTERRUPT (1u << 0)

#define FPGA_RESET REGISTER(0x9D020010u)
#define FPGA_RESET_KEY 0xDEADu

/* The emulator counts an instruction as a nanosecond, the core's counter runs at 40 MHz. */
#define EMULATED_INSTRUCTIONS_PER_TICK 25u
#define EMULATED_INSTRUCTIONS_HZ 1000000000u

#define SPIN_INSTRUCTIONS 2u /* of an iteration */

static rx_ring ring;

void xtensa_interrupt(void) {
  ns16550_receive(uart, &ring);
}

void xtensa_restart_machine(void) {
  FPGA_RESET = FPGA_RESET_KEY;
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
  xtensa_mask_interrupts(); /* else a byte between test and sleep would be slept over */
  if (rx_ring_empty(&ring)) {
    xtensa_unmask_and_wait();
  } else {
    xtensa_unmask_interrupts();
  }
}

static uint32_t port_rx_overruns(void) {
  return ring.lost;
}

static void port_reset(void) {
  ns16550_drain(uart);
  xtensa_restart();
}

static uint32_t emulated_instructions(void) {
  return xtensa_cycle_count() * EMULATED_INSTRUCTIONS_PER_TICK;
}

/* Ticks of the core's counter that `iterations` of two instructions take. */
__attribute__((noinline, noclone)) static uint32_t spin_ticks(uint32_t iterations) {
  const uint32_t start = xtensa_cycle_count();
  __asm__ volatile("1: addi %0, %0, -1\n\tbnez %0, 1b" : "+r"(iterations));
  return xtensa_cycle_count() - start;
}

/* Whether the emulator's clock advances by instructions: then further iterations take exactly so
 * many further ticks, give or take one. */
static bool counts_instructions(void) {
  for (uint32_t expected_ticks = 160; expected_ticks <= 640; expected_ticks *= 2) {
    const uint32_t more = expected_ticks * EMULATED_INSTRUCTIONS_PER_TICK / SPIN_INSTRUCTIONS;
    const int32_t error = (int32_t)(spin_ticks(1 + more) - spin_ticks(1) - expected_ticks);
    if (error < -1 || error > 1) return false;
  }
  return true;
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
    .rx_overruns = port_rx_overruns,
    .stack_peak_bytes = xtensa_stack_peak_bytes,
    .reset = port_reset,
    .stack_bytes = xtensa_stack_bytes,
    .reset_cause = xtensa_reset_cause,
    .restarts = xtensa_restarts,
};

static void port_init(void) {
  const bool counts = counts_instructions();
  port.ticks = counts ? emulated_instructions : xtensa_cycle_count;
  port.tick_unit = counts ? "instructions" : "timer ticks";
  ns16550_start(uart);
  xtensa_enable_interrupts_of(UART_INTERRUPT);
}

const sotto_port *sotto_port_get(void) {
  return &port;
}

uint32_t sotto_port_ticks_hz(void) {
  return port.ticks == emulated_instructions ? EMULATED_INSTRUCTIONS_HZ : CPU_HZ;
}
