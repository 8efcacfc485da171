/* Four channels of a depthwise convolution of three columns whose rows have five: its inner loops.
 *
 * A plane holds a channel's rows, each as three words: unsigned 16-bit lanes (v0, v1), (v2, v3) and
 * (v3, v4) of stored values + 128. Beside the image they are 0, so taps there are left out. */
#ifndef SOTTO_NN_DSP_DEPTHWISE_FIVE_H
#define SOTTO_NN_DSP_DEPTHWISE_FIVE_H

#include <stdint.h>

#define DEPTHWISE_FIVE_COLUMNS 5
#define DEPTHWISE_FIVE_WORDS 3 /* of a row */
#define DEPTHWISE_FIVE_CHANNELS 4

/* Four channels of an image, `source` on, to the same rows of four planes. */
typedef struct depthwise_five_image {
  const int8_t *source;
  int32_t column_bytes;
  int32_t image_bytes;
  uint32_t *planes;
  int32_t plane_bytes; /* from a plane to the next */
} depthwise_five_image;

/* The assembly reads the fields as words in order, here and below. */
void sotto_depthwise_five_unpack(const depthwise_five_image *image);

typedef struct depthwise_five {
  const uint32_t *plane; /* of the first channel; the others follow */
  const int8_t *stream;  /* see sotto_depthwise_rows_dsp_params; any address */
  int8_t *output;
  int32_t column_bytes; /* from an output column to the next, a fifth of an output row */
  int32_t output_bytes; /* of all output rows */
} depthwise_five;

/* For three and five kernel rows. */
void sotto_depthwise_five_3(const depthwise_five *five);
void sotto_depthwise_five_5(const depthwise_five *five);

#endif
