/* Digests of what each stage of the front-end makes of pseudo-random input. */
#ifndef FRONTEND_DIGEST_H
#define FRONTEND_DIGEST_H

#include <stdint.h>

enum { DIGEST_WINDOW, DIGEST_FFT, DIGEST_POWER, DIGEST_FEATURES, DIGESTS };

/* The same numbers on every core, whichever stages were built. */
void frontend_digest(uint32_t digests[DIGESTS]);

#endif
