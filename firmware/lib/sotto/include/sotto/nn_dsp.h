/* int8 kernels for Armv7E-M with DSP (Cortex-M4, M7, M33): the bytes of sotto/nn.h in less time.
 *
 * The exporter packs the constants for them and falls back to the kernels of sotto/nn.h where its
 * checks fail. Layers with weights keep accumulators times 256 in 32 bits: the exporter has checked
 * that they fit for every output channel and every input. Sums on the way may wrap; only the last
 * one counts.
 *
 * Requantisation is one of two.
 *   fitted  ((256 * acc + beta) * factor) >> 42, saturated. The exporter has put beta, which holds
 *           the zero point, into the bias, and found the results of every accumulator that the
 *           channel can reach to be those of fixed_point.h. 0 < factor < 2^31.
 *   exact   that of fixed_point.h with a shift of -exponent, 1 <= exponent <= 22, and
 *           256 * |acc| + 2^9 < 2^31. The stream holds exponent - 1. */
#ifndef SOTTO_NN_DSP_H
#define SOTTO_NN_DSP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Convolution as a product of matrices; a fully connected layer is one of 1x1 windows.
 *
 * All windows lie in the input: the exporter has a padded one made first. A window is a column of
 * 8 * units bytes: [kernel_height][kernel_width][input_channels], then any. The stream holds, for
 * each two output channels a and b (the last may be all zeros):
 *   bias a, bias b                 times 256, with the zero points and packing constants folded in
 *   2 * units * (word a, word b)   four weights: 16-bit lanes 256 * w0 + w1 and 256 * w2 + w3
 *   factor a, b; or exactly: multiplier a, b in Q31, exponent - 1 of a, of b */
typedef struct sotto_matrix_dsp_params {
  int32_t output_height;
  int32_t output_width;
  int32_t output_channels;
  int32_t row_step_bytes;    /* from an output row's windows to the next row's */
  int32_t column_step_bytes; /* from a window to the next */
  int32_t kernel_rows;
  int32_t kernel_row_step_bytes;
  int32_t row_runs; /* a kernel row is as many runs of bytes: more than 1 where it is dilated */
  int32_t run_step_bytes;
  int32_t run_bytes;
  int32_t copied_groups; /* 0, or groups of four bytes of a window whose runs are not of words */
  int32_t units;         /* groups of eight bytes of a window */
  int32_t pair_words;    /* of the stream */
  int32_t rounding_base; /* 2 * zero point of the output + 1; for the exact kernel */
  int32_t activation_min;
  int32_t activation_max;
  const int32_t *stream;
} sotto_matrix_dsp_params;

/* Most units that sotto_matrix_dsp_s8 takes. */
#define SOTTO_MATRIX_DSP_UNITS 8

/* Bytes of scratch (4-byte aligned): three windows widened to 16 bits, then copies of them or
 * their results. */
#define SOTTO_MATRIX_DSP_SCRATCH_BYTES(units, copied_groups, channels) \
  ((units) * 48 + 3 * (4 * (copied_groups) > (channels) ? 4 * (copied_groups) : (channels)))

/* `output` may be `input` where windows are 1x1 with stride 1 and there are as many output channels
 * as input channels. */
void sotto_matrix_dsp_s8(const sotto_matrix_dsp_params *params, const int8_t *input, int8_t *output,
                         int8_t *scratch);

/* The same for any number of units, and with exact requantisation for any number of units. */
void sotto_matrix_long_dsp_s8(const sotto_matrix_dsp_params *params, const int8_t *input,
                              int8_t *output, int8_t *scratch);
void sotto_matrix_exact_dsp_s8(const sotto_matrix_dsp_params *params, const int8_t *input,
                               int8_t *output, int8_t *scratch);

/* The same with a stream in memory (4-byte aligned), which a call before has unpacked
 * (sotto/nn_packed.h), in place of that of the parameters. */
void sotto_matrix_dsp_unpacked_s8(const sotto_matrix_dsp_params *params, const int8_t *stream,
                                  const int8_t *input, int8_t *output, int8_t *scratch);
void sotto_matrix_long_dsp_unpacked_s8(const sotto_matrix_dsp_params *params, const int8_t *stream,
                                       const int8_t *input, int8_t *output, int8_t *scratch);
void sotto_matrix_exact_dsp_unpacked_s8(const sotto_matrix_dsp_params *params, const int8_t *stream,
                                        const int8_t *input, int8_t *output, int8_t *scratch);

/* The same for an even number of output channels and weights of which whole groups of four are
 * zero, fitted and exact. Windows are of up to 256 groups; `pair_words` is not used. The stream
 * holds the number of channels, then for each channel:
 *   bias             1 word, times 256, as above
 *   count            1 word, of the groups that are not zero
 *   weights          count words, each of four, as above
 *   places           count bytes, of each group in a window; filled up to words
 *   factor           1 word; or exactly: multiplier in Q31, exponent - 1 */
void sotto_matrix_sparse_dsp_s8(const sotto_matrix_dsp_params *params, const int8_t *input,
                                int8_t *output, int8_t *scratch);
void sotto_matrix_sparse_exact_dsp_s8(const sotto_matrix_dsp_params *params, const int8_t *input,
                                      int8_t *output, int8_t *scratch);

/* The same of a window or two, as a matrix times a vector: four output channels at a time.
 *
 * A window is as many runs of bytes, each read as groups of four bytes; what fills a run's last
 * group has weight 0. The stream holds for each four output channels:
 *   biases            4 words, times 256, zero points and packing constants folded in; exactly: so
 *                     that 256 times the accumulator has exponent - 1 as its lowest byte
 *   groups * weights  4 words: 16-bit lanes 256 * w0 + w1 and 256 * w2 + w3
 *   factors           4 words; or exactly: 4 multipliers in Q31
 * and the same for each of the channels that are left, a word in place of four. */
typedef struct sotto_matrix_vector_dsp_params {
  int32_t output_channels;
  int32_t windows;
  int32_t window_step_bytes;
  int32_t runs;
  int32_t run_step_bytes;
  int32_t run_bytes;
  int32_t groups;        /* of four bytes of a window, 2 or more */
  int32_t channel_words; /* of the stream, for a channel */
  int32_t rounding_base; /* as above */
  int32_t activation_min;
  int32_t activation_max;
  const int32_t *stream;
} sotto_matrix_vector_dsp_params;

/* Bytes of scratch (4-byte aligned): a window widened to 16 bits. */
#define SOTTO_MATRIX_VECTOR_DSP_SCRATCH_BYTES(groups) ((groups) * 8)

/* Fitted and exact. `output` may be `input` where there is one window. */
void sotto_matrix_vector_dsp_s8(const sotto_matrix_vector_dsp_params *params, const int8_t *input,
                                int8_t *output, int8_t *scratch);
void sotto_matrix_vector_exact_dsp_s8(const sotto_matrix_vector_dsp_params *params,
                                      const int8_t *input, int8_t *output, int8_t *scratch);

/* The same with a stream in memory, as above. */
void sotto_matrix_vector_dsp_unpacked_s8(const sotto_matrix_vector_dsp_params *params,
                                         const int8_t *stream, const int8_t *input, int8_t *output,
                                         int8_t *scratch);
void sotto_matrix_vector_exact_dsp_unpacked_s8(const sotto_matrix_vector_dsp_params *params,
                                               const int8_t *stream, const int8_t *input,
                                               int8_t *output, int8_t *scratch);

/* The same for a number of output channels that four divides, and the stream of
 * sotto_matrix_sparse_dsp_s8, but exactly with the exponent in the bias. `groups` is 256 at most.
 */
void sotto_matrix_vector_sparse_dsp_s8(const sotto_matrix_vector_dsp_params *params,
                                       const int8_t *input, int8_t *output, int8_t *scratch);
void sotto_matrix_vector_sparse_exact_dsp_s8(const sotto_matrix_vector_dsp_params *params,
                                             const int8_t *input, int8_t *output, int8_t *scratch);

/* The same of weights on a grid: a step times codes from -8 to 7, of which a word holds eight.
 * `groups` is even; zeros fill the window. The stream holds the step, then for each four output
 * channels, the last filled up with any:
 *   2 * groups words  of two inputs, 1st and 3rd of a group or 2nd and 4th: 16-bit lanes
 *                     4096 * c3 + 256 * (c2 + 8) + 16 * (c1 + 8) + c0 + 8
 *   biases            4 words, as above without packing constants
 *   factors           4 words; or exactly: 4 multipliers in Q31
 * The magnitudes of a channel's codes add up to less than 4096. */

/* Bytes of scratch (4-byte aligned): a window widened to 16 bits, and eight words. */
#define SOTTO_MATRIX_VECTOR_GRID_DSP_SCRATCH_BYTES(groups) (32 + (groups) * 8)

void sotto_matrix_vector_grid_dsp_s8(const sotto_matrix_vector_dsp_params *params,
                                     const int8_t *input, int8_t *output, int8_t *scratch);
void sotto_matrix_vector_grid_exact_dsp_s8(const sotto_matrix_vector_dsp_params *params,
                                           const int8_t *input, int8_t *output, int8_t *scratch);

/* Depthwise convolution of four channels or more, depth multiplier 1.
 *
 * Four channels at a time; the last four may overlap those before. Taps go in pairs; an odd last
 * one has a second of weight 0. The stream holds for each four channels:
 *   bias                             4 words, times 256, zero points folded in
 *   taps_padded / 2 * weight pairs   4 words: lanes 256 * w of the first tap and of the second
 *   multiplier, exponent - 1         8 words: one pair a channel */
typedef struct sotto_depthwise_dsp_params {
  int32_t input_height;
  int32_t input_width;
  int32_t channels;
  int32_t output_height;
  int32_t output_width;
  int32_t kernel_height;
  int32_t kernel_width;
  int32_t stride_height;
  int32_t stride_width;
  int32_t dilation_height;
  int32_t dilation_width;
  int32_t pad_top;
  int32_t pad_left;
  int32_t pad_value;
  int32_t taps_padded; /* kernel_height * kernel_width, rounded up to even */
  int32_t rounding_base;
  int32_t activation_min;
  int32_t activation_max;
  const int32_t *image_offsets; /* [taps_padded]: bytes from a window's first tap in the input */
  const int32_t *patch_offsets; /* [taps_padded]: the same in a window copied on its own */
  const int32_t *stream;
} sotto_depthwise_dsp_params;

/* Bytes of scratch: one window, for those that reach over the border. */
#define SOTTO_DEPTHWISE_DSP_SCRATCH_BYTES(taps, channels) ((taps) * (channels))

void sotto_depthwise_dsp_s8(const sotto_depthwise_dsp_params *params, const int8_t *input,
                            int8_t *output, int8_t *scratch);

/* Depthwise convolution with three columns, a horizontal stride of 1 or 2, horizontal dilation 1,
 * depth multiplier 1 and four channels or more: as rows of one channel, which four channels at a
 * time are unpacked to.
 *
 * The stream holds for each channel, byte by byte, the lowest one of a word first:
 *   bias                      a word, times 256, zero points folded in
 *   factor                    a word; or exactly two: multiplier, exponent - 1
 *   3 * kernel_height bytes   weights w1, w0, w2 of each kernel row
 * and ends in a byte that is read and not used. */
typedef struct sotto_depthwise_rows_dsp_params {
  int32_t input_height;
  int32_t input_width;
  int32_t channels;
  int32_t output_height;
  int32_t output_width;
  int32_t kernel_height;
  int32_t stride_height;
  int32_t stride_width;
  int32_t dilation_height;
  int32_t pad_top;
  int32_t pad_left; /* 0 or 1 */
  int32_t pad_value;
  int32_t plane_rows;    /* (output_height - 1) * stride + (kernel_height - 1) * dilation + 1 */
  int32_t plane_pairs;   /* 3 * stride_width * (output_width / 6, rounded up) + 1 */
  int32_t channel_bytes; /* of the stream */
  int32_t rounding_base;
  int32_t activation_min;
  int32_t activation_max;
  const int8_t *stream;
} sotto_depthwise_rows_dsp_params;

/* Bytes of scratch (4-byte aligned): four channels as pairs of 16-bit values, then a channel's
 * constants with 16-bit weights. */
#define SOTTO_DEPTHWISE_ROWS_DSP_SCRATCH_BYTES(rows, pairs, kernel_height) \
  ((rows) * (pairs) * 16 + 12 + 8 * (kernel_height))

/* Fitted, for a horizontal stride of 1 and of 2; for a stride of 1 and three or five kernel rows;
 * exact for both strides. `output` may be `input` where both have one shape and channels are a
 * multiple of four. */
void sotto_depthwise_rows_dsp_s8(const sotto_depthwise_rows_dsp_params *params, const int8_t *input,
                                 int8_t *output, int8_t *scratch);
void sotto_depthwise_rows_by_2_dsp_s8(const sotto_depthwise_rows_dsp_params *params,
                                      const int8_t *input, int8_t *output, int8_t *scratch);
void sotto_depthwise_rows_3_dsp_s8(const sotto_depthwise_rows_dsp_params *params,
                                   const int8_t *input, int8_t *output, int8_t *scratch);
void sotto_depthwise_rows_5_dsp_s8(const sotto_depthwise_rows_dsp_params *params,
                                   const int8_t *input, int8_t *output, int8_t *scratch);
void sotto_depthwise_rows_exact_dsp_s8(const sotto_depthwise_rows_dsp_params *params,
                                       const int8_t *input, int8_t *output, int8_t *scratch);

/* Depthwise convolution of three or five rows and three columns, stride and dilation 1, depth
 * multiplier 1, over an image of five columns with one of padding on both sides, of four channels
 * or more; the input's zero point is -128. Fitted requantisation.
 *
 * The stream is that of the fitted kernels above. */
typedef struct sotto_depthwise_five_dsp_params {
  int32_t input_height;
  int32_t channels;
  int32_t output_height;
  int32_t pad_top;
  int32_t plane_rows; /* output_height + kernel_height - 1, and input_height + pad_top at least */
  int32_t channel_bytes; /* of the stream */
  int32_t activation_min;
  int32_t activation_max;
  const int8_t *stream;
} sotto_depthwise_five_dsp_params;

/* Bytes of scratch (4-byte aligned): four channels as rows of three words. */
#define SOTTO_DEPTHWISE_FIVE_DSP_SCRATCH_BYTES(rows) ((rows) * 48)

/* For a kernel height of three, of five. `output` may be `input` where both have one shape and
 * channels are a multiple of four. */
void sotto_depthwise_five_3_dsp_s8(const sotto_depthwise_five_dsp_params *params,
                                   const int8_t *input, int8_t *output, int8_t *scratch);
void sotto_depthwise_five_5_dsp_s8(const sotto_depthwise_five_dsp_params *params,
                                   const int8_t *input, int8_t *output, int8_t *scratch);

/* Element by element sum. The first input is the one of the greater scale, whose factor is 1/2;
 * the other's is multiplier * 2^(-31 - exponent), 0 <= exponent <= 31. Output as above. */
typedef struct sotto_add_dsp_params {
  int32_t elements;
  int32_t input1_offset;
  int32_t input2_offset;
  int32_t input2_multiplier;
  int32_t input2_exponent;
  int32_t output_multiplier;
  int32_t output_exponent_less_1;
  int32_t rounding_base;
  int32_t activation_min;
  int32_t activation_max;
} sotto_add_dsp_params;

/* `output` may be either input. */
void sotto_add_dsp_s8(const sotto_add_dsp_params *params, const int8_t *input1,
                      const int8_t *input2, int8_t *output);

/* The same as (input1 * factor1 + input2 * factor2 + beta) >> 21, saturated: the exporter has found
 * it to give the results of sotto_add_s8 for every pair of inputs, and every sum to fit 32 bits. */
typedef struct sotto_add_fitted_dsp_params {
  int32_t elements;
  int32_t factor1;
  int32_t factor2;
  int32_t beta;
  int32_t activation_min;
  int32_t activation_max;
} sotto_add_fitted_dsp_params;

/* `output` may be either input. */
void sotto_add_fitted_dsp_s8(const sotto_add_fitted_dsp_params *params, const int8_t *input1,
                             const int8_t *input2, int8_t *output);

/* Each channel of a whole image of at most 256 positions and four channels or more: rounded half
 * away from zero and clamped to the activations, or as sotto_mean_s8, which takes the others. */
typedef struct sotto_means_dsp_params {
  int32_t positions;
  int32_t channels;
  int32_t activation_min;
  int32_t activation_max;
  int32_t input_offset;
  int32_t output_offset;
  int32_t multiplier;
  int32_t shift;
} sotto_means_dsp_params;

void sotto_average_dsp_s8(const sotto_means_dsp_params *params, const int8_t *input,
                          int8_t *output);
void sotto_mean_dsp_s8(const sotto_means_dsp_params *params, const int8_t *input, int8_t *output);

#ifdef __cplusplus
}
#endif
#endif
