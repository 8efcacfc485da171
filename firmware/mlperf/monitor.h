/* The device's side of MLPerf Tiny's serial protocol: received bytes to commands, to answers.
 *
 * A command is words with blanks between them and a '%' at its end; an answer is lines, the last of
 * them "m-ready". docs/mlperf.md gives every one and names the sources.
 */
#ifndef MLPERF_MONITOR_H
#define MLPERF_MONITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "port.h"
#include "task.h"
#include "text.h"

/* Longest command without its '%'. */
#define MLPERF_COMMAND_MAX_BYTES 80u

/* Most inferences of one command: a board that runs a mistyped number for days answers nobody. */
#define MLPERF_INFERENCES_MAX 100000u

/* All memory of the firmware, owned by the caller. */
typedef struct mlperf_monitor {
  mlperf_text out;
  char command[MLPERF_COMMAND_MAX_BYTES + 1u]; /* with its end */
  size_t command_bytes;                        /* received so far, <= MLPERF_COMMAND_MAX_BYTES */
  bool too_long;                               /* more came than that */
  uint32_t bytes_expected; /* of the input that is being loaded: 0 or MLPERF_INPUT_BYTES */
  uint32_t bytes_loaded;   /* <= bytes_expected */
  bool has_results;
  mlperf_task task;
} mlperf_monitor;

/* Starts the model and greets the host. `port` is initialised and outlives the monitor. */
void mlperf_monitor_init(mlperf_monitor *monitor, const sotto_port *port);

/* Takes received bytes; answers, in order, every command that ends in them. */
void mlperf_monitor_receive(mlperf_monitor *monitor, const uint8_t *data, size_t length_bytes);

#endif
