/* Little-endian numbers at any address, on any core: never a struct laid over bytes. */
#ifndef SOTTO_LINK_BYTES_H
#define SOTTO_LINK_BYTES_H

#include <stdint.h>

static inline uint16_t sotto_get_u16(const uint8_t bytes[2]) {
  return (uint16_t)(bytes[0] | (uint32_t)bytes[1] << 8);
}

static inline uint32_t sotto_get_u32(const uint8_t bytes[4]) {
  return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
         (uint32_t)bytes[3] << 24;
}

static inline void sotto_put_u16(uint8_t bytes[2], uint16_t value) {
  bytes[0] = (uint8_t)value;
  bytes[1] = (uint8_t)(value >> 8);
}

static inline void sotto_put_u32(uint8_t bytes[4], uint32_t value) {
  sotto_put_u16(bytes, (uint16_t)value);
  sotto_put_u16(bytes + 2, (uint16_t)(value >> 16));
}

static inline void sotto_put_u64(uint8_t bytes[8], uint64_t value) {
  sotto_put_u32(bytes, (uint32_t)value);
  sotto_put_u32(bytes + 4, (uint32_t)(value >> 32));
}

#endif
