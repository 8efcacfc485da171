/* One frame of features in the middle of a recording, counted. */
#include "bench.h"
#include "port.h"
#include "sotto/frontend.h"
#include "sotto_frontend_tables.h"

#define SAMPLES (SOTTO_FRONTEND_WINDOW_SAMPLES + SOTTO_FRONTEND_HOP_SAMPLES)

int main(void) {
  static _Alignas(SOTTO_FRONTEND_WORKSPACE_ALIGN) uint8_t workspace[SOTTO_FRONTEND_WORKSPACE_BYTES];
  static sotto_frontend frontend;
  static int16_t samples[SAMPLES];
  static int8_t frame[SOTTO_FRONTEND_BINS];
  const sotto_port *port = sotto_port_get();
  port->init();
  uint32_t noise = 1;
  for (size_t i = 0; i < SAMPLES; i++) {
    const uint32_t low = bench_noise(&noise);
    samples[i] = (int16_t)(uint16_t)(low | (uint32_t)bench_noise(&noise) << 8);
  }
  int status =
      sotto_frontend_init(&frontend, &sotto_frontend_default_tables, workspace, sizeof workspace);
  if (status != SOTTO_OK) bench_report(port, 0, 0, NULL, 0);
  uint32_t ticks = 0, stack_bytes = 0;
  for (size_t done = 0, taken; done < SAMPLES; done += taken) {
    (void)bench_probe_stack(BENCH_PAINT);
    const uint32_t start = port->ticks();
    status = sotto_frontend_push(&frontend, &samples[done], SAMPLES - done, &taken, frame);
    ticks = port->ticks() - start;
    stack_bytes = bench_probe_stack(BENCH_MEASURE);
    if (status != 1) bench_report(port, 0, 0, NULL, 0);
  }
  bench_report(port, ticks, stack_bytes, frame, sizeof frame);
  return 0;
}
