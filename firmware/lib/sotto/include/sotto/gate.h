/* Energy gate: tells sound from silence, so that the network need not run in silence.
 *
 * The measure is the mean of a frame's features, and features are logarithms of mel energies: a
 * mean of n feature steps is n * step_log2 octaves of energy, 0.376 dB each as shipped. It is
 * compared with a floor that follows the quietest frames: it falls at once, and rises by one
 * feature step in rise_frames frames.
 */
#ifndef SOTTO_GATE_H
#define SOTTO_GATE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SOTTO_GATE_MAX_MARGIN 255

typedef struct sotto_gate_settings {
  uint16_t margin;      /* feature steps above the floor that open it, 0 .. 255; 0: always open */
  uint16_t hold_frames; /* it stays open for so many frames after the last loud one */
  uint16_t rise_frames; /* 1 at least */
} sotto_gate_settings;

/* State. The fields are private. */
typedef struct sotto_gate {
  sotto_gate_settings settings;
  int32_t floor_sum;  /* of a frame's features; above any frame's before the first one */
  uint16_t left;      /* frames that it will stay open in silence */
  uint16_t unchanged; /* frames since the floor changed, < rise_frames */
} sotto_gate;

/* Forgets the floor. The first frame is the first floor; the gate is open for hold_frames. */
void sotto_gate_reset(sotto_gate *gate, const sotto_gate_settings *settings);

/* Takes the next frame. Returns 1 while the gate is open, 0 while it is closed. */
int sotto_gate_take(sotto_gate *gate, const int8_t *frame_s8, uint16_t bins);

#ifdef __cplusplus
}
#endif
#endif
