/* Weights in a slow memory that the core cannot address, such as a serial flash: what
 * `sotto compile --weights storage` leaves to the port.
 */
#ifndef SOTTO_STORAGE_H
#define SOTTO_STORAGE_H

#include <stddef.h>
#include <stdint.h>

#include "sotto/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Given by the port. Copies `length_bytes` from `offset_bytes` of what sotto_model_storage.c holds
 * to `destination` and returns when they are there, during sotto_model_invoke: SOTTO_OK, or a
 * negative sotto_status that ends the inference and becomes its result. */
int sotto_storage_read(uint32_t offset_bytes, void *destination,
                       size_t length_bytes) SOTTO_WARN_UNUSED;

#ifdef __cplusplus
}
#endif
#endif
