/* Appends the fields of a payload, little endian. */
#ifndef SOTTO_WRITER_H
#define SOTTO_WRITER_H

#include <stddef.h>
#include <stdint.h>

/* A field that does not fit in whole is left out: static asserts beside each message prove that the
 * fixed ones fit. */
typedef struct sotto_writer {
  uint8_t *bytes;
  size_t capacity_bytes;
  size_t length_bytes;
} sotto_writer;

void sotto_write_u8(sotto_writer *writer, uint8_t value);
void sotto_write_u16(sotto_writer *writer, uint16_t value);
void sotto_write_u32(sotto_writer *writer, uint32_t value);
void sotto_write_u64(sotto_writer *writer, uint64_t value);
void sotto_write_bytes(sotto_writer *writer, const void *bytes, size_t length_bytes);

/* Length u8, then that many bytes of `text` (UTF-8): at most `max_bytes` (<= 255), the rest is cut
 * off between two characters. */
void sotto_write_text(sotto_writer *writer, const char *text, size_t max_bytes);

size_t sotto_writer_room_bytes(const sotto_writer *writer);

#endif
