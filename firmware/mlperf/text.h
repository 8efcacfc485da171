/* Lines of text to the host, sent in pieces: nothing here allocates or formats by a library. */
#ifndef MLPERF_TEXT_H
#define MLPERF_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "port.h"

#define MLPERF_TEXT_PIECE_BYTES 64u

/* A line on its way. Zeroed with its port set: nothing waits. */
typedef struct mlperf_text {
  const sotto_port *port;
  size_t length_bytes; /* that wait in `piece`, <= MLPERF_TEXT_PIECE_BYTES */
  char piece[MLPERF_TEXT_PIECE_BYTES];
} mlperf_text;

void mlperf_put(mlperf_text *out, const char *text);

/* In decimal. */
void mlperf_put_number(mlperf_text *out, uint64_t value);

/* Two lower-case hexadecimal digits. */
void mlperf_put_hex(mlperf_text *out, uint8_t value);

/* value_q15 (0 .. 2^15) / 2^15 with five decimals, rounded to nearest: every value is told apart.
 */
void mlperf_put_fraction(mlperf_text *out, uint16_t value_q15);

/* CR LF; sends what waits. */
void mlperf_end_line(mlperf_text *out);

#endif
