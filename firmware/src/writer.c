#include "writer.h"

#include <stdbool.h>
#include <string.h>

#include "sotto/link_bytes.h"

size_t sotto_writer_room_bytes(const sotto_writer *writer) {
  return writer->capacity_bytes - writer->length_bytes;
}

void sotto_write_bytes(sotto_writer *writer, const void *bytes, size_t length_bytes) {
  if (length_bytes > 0 && length_bytes <= sotto_writer_room_bytes(writer)) {
    memcpy(writer->bytes + writer->length_bytes, bytes, length_bytes);
    writer->length_bytes += length_bytes;
  }
}

void sotto_write_u8(sotto_writer *writer, uint8_t value) {
  sotto_write_bytes(writer, &value, sizeof value);
}

void sotto_write_u16(sotto_writer *writer, uint16_t value) {
  uint8_t bytes[2];
  sotto_put_u16(bytes, value);
  sotto_write_bytes(writer, bytes, sizeof bytes);
}

void sotto_write_u32(sotto_writer *writer, uint32_t value) {
  uint8_t bytes[4];
  sotto_put_u32(bytes, value);
  sotto_write_bytes(writer, bytes, sizeof bytes);
}

void sotto_write_u64(sotto_writer *writer, uint64_t value) {
  uint8_t bytes[8];
  sotto_put_u64(bytes, value);
  sotto_write_bytes(writer, bytes, sizeof bytes);
}

/* In UTF-8 every byte of a character but its first is 10xxxxxx. */
static bool goes_on_with_a_character(char byte) {
  return ((unsigned char)byte & 0xC0u) == 0x80u;
}

void sotto_write_text(sotto_writer *writer, const char *text, size_t max_bytes) {
  size_t length_bytes = 0;
  while (length_bytes < max_bytes && text[length_bytes] != '\0') {
    length_bytes++;
  }
  while (length_bytes > 0 && goes_on_with_a_character(text[length_bytes])) {
    length_bytes--;
  }
  if (length_bytes + 1 <= sotto_writer_room_bytes(writer)) {
    sotto_write_u8(writer, (uint8_t)length_bytes);
    sotto_write_bytes(writer, text, length_bytes);
  }
}
