/* One inference of the generated model, counted; of a streaming model the last step of a clip. */
#include "bench.h"
#include "port.h"
#include "sotto/model.h"
#include "sotto_model.h"

static void next_input(int8_t features[SOTTO_MODEL_INPUT_BYTES], uint32_t *noise) {
  for (size_t i = 0; i < SOTTO_MODEL_INPUT_BYTES; i++) features[i] = (int8_t)bench_noise(noise);
}

int main(void) {
  static _Alignas(16) uint8_t arena[SOTTO_MODEL_ARENA_BYTES];
  static _Alignas(16) int8_t features[SOTTO_MODEL_INPUT_BYTES];
  static _Alignas(16) int8_t scores[SOTTO_MODEL_OUTPUT_BYTES];
  const sotto_port *port = sotto_port_get();
  port->init();
  uint32_t noise = 1;
  int status = sotto_model_init(arena, sizeof arena);
  for (size_t step = 1; step < SOTTO_MODEL_STEPS && status == SOTTO_OK; step++) {
    next_input(features, &noise);
    status = sotto_model_invoke(arena, sizeof arena, features, scores);
  }
  next_input(features, &noise);
  if (status != SOTTO_OK) bench_report(port, 0, 0, NULL, 0);
  (void)bench_probe_stack(BENCH_PAINT);
  const uint32_t start = port->ticks();
  status = sotto_model_invoke(arena, sizeof arena, features, scores);
  const uint32_t ticks = port->ticks() - start;
  const uint32_t stack_bytes = bench_probe_stack(BENCH_MEASURE);
  if (status != SOTTO_OK) bench_report(port, 0, 0, NULL, 0);
  bench_report(port, ticks, stack_bytes, scores, sizeof scores);
  return 0;
}
