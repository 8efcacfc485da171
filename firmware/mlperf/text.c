#include "text.h"

#define NUMBER_DIGITS 20u /* of 2^64 - 1 */
#define DECIMALS 5u
#define DECIMALS_ONE 100000u /* 10^DECIMALS */
#define ONE_Q15 32768u

static void send(mlperf_text *out) {
  out->port->write((const uint8_t *)out->piece, out->length_bytes);
  out->length_bytes = 0;
}

static void put_character(mlperf_text *out, char character) {
  if (out->length_bytes == sizeof out->piece) {
    send(out);
  }
  out->piece[out->length_bytes++] = character;
}

void mlperf_put(mlperf_text *out, const char *text) {
  for (; *text != '\0'; text++) {
    put_character(out, *text);
  }
}

/* With leading zeros up to `least_digits` <= NUMBER_DIGITS. */
static void put_digits(mlperf_text *out, uint64_t value, uint32_t least_digits) {
  char digits[NUMBER_DIGITS]; /* the last one first */
  uint32_t count = 0;
  while (value > 0 || count < least_digits) {
    digits[count++] = (char)('0' + value % 10u);
    value /= 10u;
  }
  while (count > 0) {
    put_character(out, digits[--count]);
  }
}

void mlperf_put_number(mlperf_text *out, uint64_t value) {
  put_digits(out, value, 1);
}

void mlperf_put_hex(mlperf_text *out, uint8_t value) {
  static const char digits[] = "0123456789abcdef";
  put_character(out, digits[value >> 4]);
  put_character(out, digits[value & 15u]);
}

void mlperf_put_fraction(mlperf_text *out, uint16_t value_q15) {
  /* <= 2^15 * 10^5 + 2^14 < 2^32 */
  const uint32_t scaled = (value_q15 * DECIMALS_ONE + ONE_Q15 / 2u) / ONE_Q15;
  mlperf_put_number(out, scaled / DECIMALS_ONE);
  put_character(out, '.');
  put_digits(out, scaled % DECIMALS_ONE, DECIMALS);
}

void mlperf_end_line(mlperf_text *out) {
  mlperf_put(out, "\r\n");
  send(out);
}
