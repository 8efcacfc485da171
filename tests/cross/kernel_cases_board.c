/* Digests of what the kernels of a generated folder compute, said in the manner of the bench. */
#include "../../firmware/bench/bench.h"
#include "kernel_cases.h"
#include "port.h"

#define FNV_START UINT32_C(2166136261)
#define FNV_PRIME UINT32_C(16777619)

enum { NOISE, ALL_LEAST, ALL_GREATEST, ROUNDS };

static void fill(int8_t *input, int32_t bytes, int round, uint32_t *state) {
  for (int32_t i = 0; i < bytes; i++) {
    const int8_t noise = (int8_t)bench_noise(state);
    input[i] = round == NOISE ? noise : round == ALL_LEAST ? INT8_MIN : INT8_MAX;
  }
}

static uint32_t digest_of(const kernel_case *one, uint32_t seed) {
  uint32_t digest = FNV_START;
  uint32_t state = seed;
  for (int round = NOISE; round < ROUNDS; round++) {
    for (int i = 0; i < KERNEL_CASES_INPUTS; i++) {
      fill(kernel_cases_inputs[i], one->input_bytes[i], round, &state);
    }
    one->run();
    for (int32_t i = 0; i < one->output_bytes; i++) {
      digest = (digest ^ (uint8_t)kernel_cases_output[i]) * FNV_PRIME;
    }
  }
  return digest;
}

int main(void) {
  static uint32_t digests[KERNEL_CASES];
  const sotto_port *port = sotto_port_get();
  port->init();
  for (uint32_t i = 0; i < KERNEL_CASES; i++) digests[i] = digest_of(&kernel_cases[i], i + 1);
  bench_report(port, 0, 0, digests, sizeof digests);
  return 0;
}
