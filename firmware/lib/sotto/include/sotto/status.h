/* Status codes of the whole library: a count or SOTTO_OK (0) on success, negative on failure. */
#ifndef SOTTO_STATUS_H
#define SOTTO_STATUS_H

#define SOTTO_WARN_UNUSED __attribute__((warn_unused_result))

typedef enum sotto_status {
  SOTTO_OK = 0,
  SOTTO_E_ARGUMENT = -1, /* a pointer is null or a value is out of its documented range */
  SOTTO_E_SIZE = -2,     /* a buffer is too small or a length does not match */
  SOTTO_E_STATE = -3,    /* called in an order that the contract forbids */
  SOTTO_E_MISMATCH = -4, /* a self-test found bytes other than the golden ones */
  SOTTO_E_BACKEND = -5,  /* the inference back-end refused the model */
} sotto_status;

#endif
