/* What the firmware asks of a board's microphone: one struct of facts and functions.
 *
 * A port that has one names it in sotto_port. An interrupt, a DMA channel or a task of the port's
 * own fills a buffer; the main loop empties it between two inferences. So the buffer holds at least
 * the longest time that the main loop computes, and what does not fit is counted, never waited for:
 * ports/common/sample_ring.h is such a buffer.
 */
#ifndef SOTTO_MICROPHONE_H
#define SOTTO_MICROPHONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* gain_q8 of a microphone that is taken as loud as it is. */
#define SOTTO_MICROPHONE_UNITY_GAIN_Q8 256u

/* What the firmware has for microphones: commands, and the memory of what was captured (answer.h).
 * Only the ports that have a microphone name it, so the linker leaves it out of the firmware of all
 * others. Weak, as programs without commands, MLPerf's for one, do not have it. */
extern const struct sotto_capture_part sotto_capture_part __attribute__((weak));

typedef struct sotto_microphone {
  /* &sotto_capture_part. */
  const struct sotto_capture_part *part;

  /* Part and bus, as the host shows them: "INMP441 on I2S0"; at most 35 bytes. */
  const char *name;

  /* Samples a second that read() gives: the front-end's rate, or the host is told that they do not
   * fit. */
  uint32_t sample_rate_hz;

  /* What the converter resolves: 24 of an INMP441, 1 of a PDM part. A sample has its upper 16: a
   * port that shifts a word of the bus rounds no more than that away. */
  uint8_t bits;

  /* Microphones on the board; read() gives one of them. */
  uint8_t channels;

  /* What brings this part to the loudness that models are trained on, in 1/256; the firmware
   * multiplies by it after taking the DC away, and the host may ask for another one. */
  uint16_t gain_q8;

  /* Begins to fill the empty buffer; lost() begins anew. False when the part does not start. NULL:
   * there is none, and samples come from the host alone. */
  bool (*start)(void);

  /* Ends that. What is in the buffer is forgotten. */
  void (*stop)(void);

  /* Takes up to capacity_samples samples, in order, as the part gave them: no gain, no filter but
   * those of the converter. Returns how many; never blocks. */
  size_t (*read)(int16_t *samples, size_t capacity_samples);

  /* Samples since start() that the buffer had no room for. read() goes on after them. */
  uint32_t (*lost)(void);
} sotto_microphone;

#ifdef __cplusplus
}
#endif

#endif /* SOTTO_MICROPHONE_H */
