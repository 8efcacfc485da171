#include "string.h"

#include <stdint.h>

/* In a loop: else the compiler sees that it copies or fills, and calls the very function. */
#define NOT_A_CALL() __asm__ volatile("" ::: "memory")

void *memcpy(void *restrict to, const void *restrict from, size_t count) {
  return memmove(to, from, count);
}

void *memmove(void *to, const void *from, size_t count) {
  uint8_t *target = to;
  const uint8_t *source = from;
  if ((uintptr_t)target <= (uintptr_t)source) {
    for (size_t i = 0; i < count; i++) {
      target[i] = source[i];
      NOT_A_CALL();
    }
  } else {
    for (size_t i = count; i-- > 0;) {
      target[i] = source[i];
      NOT_A_CALL();
    }
  }
  return to;
}

void *memset(void *to, int byte, size_t count) {
  uint8_t *target = to;
  for (size_t i = 0; i < count; i++) {
    target[i] = (uint8_t)byte;
    NOT_A_CALL();
  }
  return to;
}

int memcmp(const void *a, const void *b, size_t count) {
  const uint8_t *first = a;
  const uint8_t *second = b;
  for (size_t i = 0; i < count; i++) {
    if (first[i] != second[i]) return first[i] - second[i];
  }
  return 0;
}

size_t strlen(const char *text) {
  size_t length = 0;
  while (text[length] != '\0') {
    length++;
    NOT_A_CALL();
  }
  return length;
}

int strcmp(const char *a, const char *b) {
  while (*a != '\0' && *a == *b) {
    a++;
    b++;
  }
  return (uint8_t)*a - (uint8_t)*b;
}
