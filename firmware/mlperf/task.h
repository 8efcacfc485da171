/* What the benchmark measures: the model over one whole window of features, and the time it takes.
 *
 * An inference is a reset and all steps of a window, so a streaming model answers for a clip as one
 * that takes the window at once; its scores are those after the last step (sotto/model.h).
 */
#ifndef MLPERF_TASK_H
#define MLPERF_TASK_H

#include <stdint.h>

#include "port.h"
#include "sotto_listener.h"
#include "sotto_model.h"

/* An input of the benchmark: int8 features, oldest frame first. */
#define MLPERF_INPUT_BYTES ((uint32_t)SOTTO_MODEL_WINDOW_FRAMES * (uint32_t)SOTTO_MODEL_BINS)

_Static_assert(SOTTO_MODEL_STEPS *SOTTO_MODEL_INPUT_BYTES <= MLPERF_INPUT_BYTES,
               "the steps of a window take more than its features");

/* Sums up the port's 32-bit ticks, so that a measurement may be longer than they. */
typedef struct mlperf_clock {
  const sotto_port *port;
  uint32_t hz;   /* of the ticks */
  uint32_t last; /* ticks when it was read last */
  uint64_t ticks;
} mlperf_clock;

typedef struct mlperf_task {
  mlperf_clock clock;
  int status; /* of the model: SOTTO_OK, or why it gave no scores; negative */
  uint16_t posterior_q15[SOTTO_MODEL_CLASSES]; /* of the last inference */
  int8_t input[MLPERF_INPUT_BYTES];
  _Alignas(16) uint8_t arena[SOTTO_MODEL_ARENA_BYTES];
} mlperf_task;

/* Prepares model and clock; the result stands in task->status. `port` is initialised. */
void mlperf_task_init(mlperf_task *task, const sotto_port *port);

/* One inference of task->input; writes posterior_q15 and status. */
void mlperf_task_infer(mlperf_task *task);

/* Microseconds since init. Reads are less than 2^32 ticks apart, or time is lost between them. */
uint64_t mlperf_task_time_us(mlperf_task *task);

#endif
