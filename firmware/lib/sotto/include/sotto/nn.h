/* Reference int8 kernels: bit-exact with TensorFlow Lite's reference kernels and TFLite-Micro.
 *
 * One function per operator. `params` holds shapes, quantisation and pointers to constants; it is
 * written by training/export and lives in flash. Tensors are row-major, channels last, batch 1, and
 * never overlap unless a kernel says so. Kernels trust `params`: the exporter has checked every
 * range stated here, so they cannot fail and return nothing.
 *
 * Quantisation: real = scale * (stored - zero_point). An `*_offset` is what is added to a stored
 * input (the negated zero point, -127..128) or to a result (the zero point, -128..127). A
 * multiplier is Q31: the real factor is multiplier * 2^(shift - 31), multiplier 0 or 2^30..2^31 -
 * 1, shift -31..30, positive to the left. `activation_min/max` (-128..127) clamp the stored result.
 */
#ifndef SOTTO_NN_H
#define SOTTO_NN_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Convolution. The exporter has checked for every output channel that
 * (|bias| + sum |weight| * max |input + input_offset|) * 2^max(shift, 0) < 2^31 - 2^8. */
typedef struct sotto_conv2d_params {
  int32_t input_height;
  int32_t input_width;
  int32_t input_channels;
  int32_t output_height;
  int32_t output_width;
  int32_t output_channels;
  int32_t kernel_height;
  int32_t kernel_width;
  int32_t stride_height;
  int32_t stride_width;
  int32_t dilation_height;
  int32_t dilation_width;
  int32_t pad_top;
  int32_t pad_left;
  int32_t input_offset;
  int32_t output_offset;
  int32_t activation_min;
  int32_t activation_max;
  const int8_t *weights;     /* [output_channels][kernel_height][kernel_width][input_channels] */
  const int32_t *bias;       /* [output_channels], scale = input scale * weight scale */
  const int32_t *multiplier; /* [output_channels] */
  const int32_t *shift;      /* [output_channels] */
} sotto_conv2d_params;

void sotto_conv2d_s8(const sotto_conv2d_params *params, const int8_t *input, int8_t *output);

/* Depthwise convolution; output channel c reads input channel c / depth_multiplier. Bounds as
 * above. */
typedef struct sotto_depthwise_conv2d_params {
  int32_t input_height;
  int32_t input_width;
  int32_t input_channels;
  int32_t output_height;
  int32_t output_width;
  int32_t depth_multiplier;
  int32_t kernel_height;
  int32_t kernel_width;
  int32_t stride_height;
  int32_t stride_width;
  int32_t dilation_height;
  int32_t dilation_width;
  int32_t pad_top;
  int32_t pad_left;
  int32_t input_offset;
  int32_t output_offset;
  int32_t activation_min;
  int32_t activation_max;
  const int8_t *weights;     /* [kernel_height][kernel_width][input_channels * depth_multiplier] */
  const int32_t *bias;       /* [input_channels * depth_multiplier] */
  const int32_t *multiplier; /* [input_channels * depth_multiplier] */
  const int32_t *shift;      /* [input_channels * depth_multiplier] */
} sotto_depthwise_conv2d_params;

void sotto_depthwise_conv2d_s8(const sotto_depthwise_conv2d_params *params, const int8_t *input,
                               int8_t *output);

/* Matrix product of `rows` input rows. Bounds as above. */
typedef struct sotto_fully_connected_params {
  int32_t rows;
  int32_t input_features;
  int32_t output_features;
  int32_t input_offset;
  int32_t output_offset;
  int32_t activation_min;
  int32_t activation_max;
  const int8_t *weights;     /* [output_features][input_features] */
  const int32_t *bias;       /* [output_features] */
  const int32_t *multiplier; /* [output_features] */
  const int32_t *shift;      /* [output_features] */
} sotto_fully_connected_params;

void sotto_fully_connected_s8(const sotto_fully_connected_params *params, const int8_t *input,
                              int8_t *output);

/* Element by element sum of two tensors of one shape. Both inputs are brought to twice the greater
 * input scale with 20 fraction bits, so both input shifts and the output shift are <= 0. `output`
 * may be either input. */
typedef struct sotto_add_params {
  int32_t elements;
  int32_t input1_offset;
  int32_t input2_offset;
  int32_t output_offset;
  int32_t input1_multiplier;
  int32_t input1_shift;
  int32_t input2_multiplier;
  int32_t input2_shift;
  int32_t output_multiplier;
  int32_t output_shift;
  int32_t activation_min;
  int32_t activation_max;
} sotto_add_params;

void sotto_add_s8(const sotto_add_params *params, const int8_t *input1, const int8_t *input2,
                  int8_t *output);

/* The first less the second, otherwise the same. */
void sotto_sub_s8(const sotto_add_params *params, const int8_t *input1, const int8_t *input2,
                  int8_t *output);

/* Element by element product of two tensors of one shape. `output` may be either input. */
typedef struct sotto_mul_params {
  int32_t elements;
  int32_t input1_offset;
  int32_t input2_offset;
  int32_t output_offset;
  int32_t multiplier;
  int32_t shift;
  int32_t activation_min;
  int32_t activation_max;
} sotto_mul_params;

void sotto_mul_s8(const sotto_mul_params *params, const int8_t *input1, const int8_t *input2,
                  int8_t *output);

/* Two tensors of different shapes, repeated along the dimensions in which they have one element.
 * The output is a row of runs. In a run an input advances by its step, 1 or 0; where the run begins
 * in an input is the sum of index times stride over the outer dimensions. */
#define SOTTO_STRIDED_DIMENSIONS 4
typedef struct sotto_broadcast_params {
  int32_t runs;
  int32_t run_elements;
  int32_t input1_step;
  int32_t input2_step;
  const int32_t *extents;        /* [SOTTO_STRIDED_DIMENSIONS], outermost first, product: runs */
  const int32_t *input1_strides; /* [SOTTO_STRIDED_DIMENSIONS], in elements */
  const int32_t *input2_strides; /* [SOTTO_STRIDED_DIMENSIONS] */
} sotto_broadcast_params;

/* `output` may be an input that is not repeated. */
typedef struct sotto_add_broadcast_params {
  const sotto_add_params *arithmetic; /* its `elements` are those of the output */
  const sotto_broadcast_params *shape;
} sotto_add_broadcast_params;

void sotto_add_broadcast_s8(const sotto_add_broadcast_params *params, const int8_t *input1,
                            const int8_t *input2, int8_t *output);
void sotto_sub_broadcast_s8(const sotto_add_broadcast_params *params, const int8_t *input1,
                            const int8_t *input2, int8_t *output);

typedef struct sotto_mul_broadcast_params {
  const sotto_mul_params *arithmetic;
  const sotto_broadcast_params *shape;
} sotto_mul_broadcast_params;

void sotto_mul_broadcast_s8(const sotto_mul_broadcast_params *params, const int8_t *input1,
                            const int8_t *input2, int8_t *output);

/* Average and maximum over windows; input and output have the same quantisation. Taps outside of
 * the input do not count. */
typedef struct sotto_pool_params {
  int32_t input_height;
  int32_t input_width;
  int32_t channels;
  int32_t output_height;
  int32_t output_width;
  int32_t filter_height;
  int32_t filter_width;
  int32_t stride_height;
  int32_t stride_width;
  int32_t pad_top;
  int32_t pad_left;
  int32_t activation_min;
  int32_t activation_max;
} sotto_pool_params;

void sotto_average_pool_s8(const sotto_pool_params *params, const int8_t *input, int8_t *output);
void sotto_max_pool_s8(const sotto_pool_params *params, const int8_t *input, int8_t *output);

/* Mean over height and width of each channel. The multiplier holds the division by `positions`. */
typedef struct sotto_mean_params {
  int32_t positions; /* height * width, at most 2^23 so that the sum fits an int32 */
  int32_t channels;
  int32_t input_offset;
  int32_t output_offset;
  int32_t multiplier;
  int32_t shift;
} sotto_mean_params;

void sotto_mean_s8(const sotto_mean_params *params, const int8_t *input, int8_t *output);

/* Mean over any dimensions. Strides as in sotto_broadcast_params. */
typedef struct sotto_mean_axes_params {
  int32_t outputs;   /* product of kept_extents */
  int32_t positions; /* product of reduced_extents, at most 2^23 */
  int32_t input_offset;
  int32_t output_offset;
  int32_t multiplier;
  int32_t shift;
  const int32_t *kept_extents;    /* [SOTTO_STRIDED_DIMENSIONS] */
  const int32_t *kept_strides;    /* [SOTTO_STRIDED_DIMENSIONS] */
  const int32_t *reduced_extents; /* [SOTTO_STRIDED_DIMENSIONS] */
  const int32_t *reduced_strides; /* [SOTTO_STRIDED_DIMENSIONS] */
} sotto_mean_axes_params;

void sotto_mean_axes_s8(const sotto_mean_axes_params *params, const int8_t *input, int8_t *output);

/* Softmax of each row; output scale 1/256, zero point -128. */
typedef struct sotto_softmax_params {
  int32_t rows;
  int32_t classes;              /* at most 511, so that the sum stays below 2^9 */
  int32_t exp_entries;          /* 1 to 256; exponentials behind them are too small to count */
  const int32_t *exp_table_q31; /* [exp_entries]: exp(-beta * scale * i) */
} sotto_softmax_params;

void sotto_softmax_s8(const sotto_softmax_params *params, const int8_t *input, int8_t *output);

/* Any function of one stored value: logistic, relu, requantisation. `output` may be `input`. Tables
 * are for the bytes as int8, also where a tensor is uint8. */
typedef struct sotto_lookup_params {
  int32_t elements;
  const int8_t *table; /* [256], indexed by the stored input + 128 */
} sotto_lookup_params;

void sotto_lookup_s8(const sotto_lookup_params *params, const int8_t *input, int8_t *output);

/* From int16 to int8. int16 tensors are pairs of bytes, lowest byte first, at any address. Shifts
 * are at most 14. */
typedef struct sotto_narrow_params {
  int32_t elements;
  int32_t input_offset; /* -32767..32768 */
  int32_t output_offset;
  int32_t multiplier;
  int32_t shift;
} sotto_narrow_params;

void sotto_narrow_s16(const sotto_narrow_params *params, const int8_t *input, int8_t *output);

/* From int16 to int16, `output` may be `input`. As above. */
void sotto_rescale_s16(const sotto_narrow_params *params, const int8_t *input, int8_t *output);

/* From bytes to int16. */
typedef struct sotto_widen_params {
  int32_t elements;
  const int16_t *table; /* [256], indexed by the stored input as int8 + 128 */
} sotto_widen_params;

void sotto_widen_s8(const sotto_widen_params *params, const int8_t *input, int8_t *output);

/* Writes one value everywhere. */
typedef struct sotto_fill_params {
  int32_t bytes;
  int32_t value;
} sotto_fill_params;

void sotto_fill_s8(const sotto_fill_params *params, int8_t *output);

/* A border of `value` around [height][width][channels]. */
typedef struct sotto_pad_params {
  int32_t input_height;
  int32_t input_row_bytes; /* width * channels */
  int32_t before_rows;
  int32_t after_rows;
  int32_t before_bytes; /* columns * channels */
  int32_t after_bytes;
  int32_t value;
} sotto_pad_params;

void sotto_pad_s8(const sotto_pad_params *params, const int8_t *input, int8_t *output);

/* Copies `blocks` runs of `block_bytes`. The first lies at the start bytes of input and output,
 * each other one stride after the one before. */
typedef struct sotto_copy_params {
  int32_t blocks;
  int32_t block_bytes;
  int32_t input_start_byte;
  int32_t input_stride_bytes;
  int32_t output_start_byte;
  int32_t output_stride_bytes;
} sotto_copy_params;

void sotto_copy_s8(const sotto_copy_params *params, const int8_t *input, int8_t *output);

/* Copies a block of five dimensions byte by byte. Strides of the input may be negative. */
#define SOTTO_MOVE_DIMENSIONS 5
typedef struct sotto_move_params {
  int32_t input_start_byte;
  int32_t output_start_byte;
  const int32_t *extents;              /* [SOTTO_MOVE_DIMENSIONS], outermost first */
  const int32_t *input_strides_bytes;  /* [SOTTO_MOVE_DIMENSIONS] */
  const int32_t *output_strides_bytes; /* [SOTTO_MOVE_DIMENSIONS] */
} sotto_move_params;

void sotto_move_s8(const sotto_move_params *params, const int8_t *input, int8_t *output);

/* Makes room at the end of a state: drops the first `dropped_bytes` and moves the `kept_bytes`
 * behind them to the front. The state (4-byte aligned) has kept_bytes + dropped_bytes. */
typedef struct sotto_shift_params {
  int32_t kept_bytes;
  int32_t dropped_bytes;
} sotto_shift_params;

void sotto_shift_s8(const sotto_shift_params *params, int8_t *state);

#ifdef __cplusplus
}
#endif
#endif
