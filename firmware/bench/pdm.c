/* Ten milliseconds of a PDM microphone's bits, counted. The bench writes bench_pdm.h: the clock. */
#include "sotto/pdm.h"
#include "bench.h"
#include "bench_pdm.h"
#include "port.h"

#define BLOCKS_PER_SECOND 100u
#define BLOCK_BYTES (BENCH_PDM_HZ / 8u / BLOCKS_PER_SECOND)
#define BLOCK_SAMPLES (SOTTO_PDM_SAMPLE_RATE_HZ / BLOCKS_PER_SECOND)

int main(void) {
  static sotto_pdm pdm;
  static uint8_t bits[BLOCK_BYTES];
  static int16_t samples[SOTTO_PDM_SAMPLES_MAX(BLOCK_BYTES, BENCH_PDM_HZ)];
  const sotto_port *port = sotto_port_get();
  port->init();
  uint32_t noise = 1;
  for (size_t i = 0; i < sizeof bits; i++) {
    bits[i] = bench_noise(&noise);
  }
  if (sotto_pdm_init(&pdm, &sotto_pdm_sinc4, BENCH_PDM_HZ) != SOTTO_OK) {
    bench_report(port, 0, 0, NULL, 0);
  }
  (void)bench_probe_stack(BENCH_PAINT);
  const uint32_t start = port->ticks();
  const size_t count = sotto_pdm_push(&pdm, bits, sizeof bits, samples);
  const uint32_t ticks = port->ticks() - start;
  const uint32_t stack_bytes = bench_probe_stack(BENCH_MEASURE);
  bench_report(port, ticks, stack_bytes, samples,
               count == BLOCK_SAMPLES ? sizeof samples[0] * count : 0);
  return 0;
}
