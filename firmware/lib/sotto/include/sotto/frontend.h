/* Audio front-end: int16 samples -> window -> real FFT -> mel -> log2 -> int8 features, all fixed point.
 *
 * Training calls this same code through training/native, so there is no second implementation.
 */
#ifndef SOTTO_FRONTEND_H
#define SOTTO_FRONTEND_H

#include <stddef.h>
#include <stdint.h>

#include "sotto/status.h"

#endif
