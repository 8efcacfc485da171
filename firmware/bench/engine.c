/* One inference of the generated model, counted. */
#include "bench.h"
#include "port.h"
#include "sotto/model.h"
#include "sotto_model.h"

int main(void) {
  static _Alignas(16) uint8_t arena[SOTTO_MODEL_ARENA_BYTES];
  static _Alignas(16) int8_t features[SOTTO_MODEL_INPUT_BYTES];
  static _Alignas(16) int8_t scores[SOTTO_MODEL_OUTPUT_BYTES];
  const sotto_port *port = sotto_port_get();
  port->init();
  uint32_t noise = 1;
  for (size_t i = 0; i < sizeof features; i++) features[i] = (int8_t)bench_noise(&noise);
  int status = sotto_model_init(arena, sizeof arena);
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
