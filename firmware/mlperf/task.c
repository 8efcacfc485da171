#include "task.h"

#include <string.h>

#include "sotto/model.h"

#define US_PER_SECOND 1000000u

static void read_clock(mlperf_clock *clock) {
  const uint32_t now = clock->port->ticks();
  clock->ticks += now - clock->last;
  clock->last = now;
}

void mlperf_task_init(mlperf_task *task, const sotto_port *port) {
  memset(task, 0, sizeof *task);
  task->clock =
      (mlperf_clock){.port = port, .hz = sotto_port_ticks_hz(), .last = port->ticks(), .ticks = 0};
  task->status = sotto_model_init(task->arena, sizeof task->arena);
}

void mlperf_task_infer(mlperf_task *task) {
  int8_t scores[SOTTO_MODEL_CLASSES];
  int status = sotto_model_reset(task->arena, sizeof task->arena);
  for (uint32_t step = 0; step < SOTTO_MODEL_STEPS && status == SOTTO_OK; step++) {
    status = sotto_model_invoke(task->arena, sizeof task->arena,
                                &task->input[step * SOTTO_MODEL_INPUT_BYTES], scores);
    read_clock(&task->clock);
  }
  task->status = status;
  if (status == SOTTO_OK) {
    sotto_detect_posteriors(&sotto_listener_default_model.scores, scores, task->posterior_q15);
  }
}

uint64_t mlperf_task_time_us(mlperf_task *task) {
  mlperf_clock *clock = &task->clock;
  read_clock(clock);
  /* in two parts: the product of all ticks would not stay below 2^64 for a day */
  return clock->ticks / clock->hz * US_PER_SECOND +
         clock->ticks % clock->hz * US_PER_SECOND / clock->hz;
}
