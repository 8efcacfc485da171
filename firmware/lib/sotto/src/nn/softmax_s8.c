/* Softmax in fixed point: tabulated exponentials, one reciprocal by Newton-Raphson a row. */
#include "fixed_point.h"
#include "sotto/nn.h"

#define SUM_INTEGER_BITS 12 /* the sum of exponentials is Q12.19 */
#define ONE_Q29 (INT32_C(1) << 29)

/* 1 / (1 + x) in Q31 for x in Q31, 0 <= x < 1: three Newton-Raphson steps on d = (1 + x) / 2,
 * started at 48/17 - 32/17 d (Q29). */
static int32_t reciprocal_of_one_plus(int32_t x_q31) {
  const int32_t start_q29 = 1515870810;  /* 48/17 */
  const int32_t slope_q29 = -1010580540; /* -32/17 */
  /* (x + 2^31) / 2 <= 2^31 - 1 because x <= 2^31 - 1 */
  const int32_t half_q31 = (int32_t)(((uint32_t)x_q31 + (UINT32_C(1) << 31)) / 2);
  /* d in [1/2, 1): estimate in (16/17, 32/17], so Q29 leaves a factor of two. The first error is
   * at most 1/17 and the next ones are smaller: the step below is less than 2^26. */
  int32_t estimate_q29 = start_q29 + sotto_multiply_high(half_q31, slope_q29);
  for (int step = 0; step < 3; ++step) {
    const int32_t error_q29 = ONE_Q29 - sotto_multiply_high(half_q31, estimate_q29);
    estimate_q29 += 4 * sotto_multiply_high(estimate_q29, error_q29); /* Q27 to Q29 */
  }
  /* 1 / (1 + x) = estimate / 2, Q30 to Q31 with saturation */
  return estimate_q29 > INT32_MAX / 2 ? INT32_MAX : estimate_q29 * 2;
}

static int32_t leading_zeros(uint32_t value) {
  int32_t count = 0;
  for (; count < 32 && (value & UINT32_C(0x80000000)) == 0; ++count) value <<= 1;
  return count;
}

static int32_t row_maximum(const int8_t *input, int32_t classes) {
  int32_t greatest = INT8_MIN;
  for (int32_t c = 0; c < classes; ++c) greatest = input[c] > greatest ? input[c] : greatest;
  return greatest;
}

static int32_t exponential_q31(const sotto_softmax_params *p, int32_t distance) {
  return distance < p->exp_entries ? p->exp_table_q31[distance] : 0;
}

static void softmax_row(const sotto_softmax_params *p, const int8_t *input, int8_t *output) {
  const int32_t greatest = row_maximum(input, p->classes);
  int32_t sum_q19 = 0; /* each term <= 2^19, at most 511 of them: < 2^28 */
  for (int32_t c = 0; c < p->classes; ++c) {
    const int32_t term_q31 = exponential_q31(p, greatest - input[c]);
    sum_q19 += sotto_divide_by_power_of_two(term_q31, SUM_INTEGER_BITS);
  }
  /* the greatest contributes 1, so 2^19 <= sum; normalised to [1, 2) in Q31 */
  const int32_t zeros = leading_zeros((uint32_t)sum_q19);
  const uint32_t fraction_q31 = ((uint32_t)sum_q19 << zeros) - (UINT32_C(1) << 31);
  const int32_t reciprocal_q31 = reciprocal_of_one_plus((int32_t)fraction_q31);
  const int32_t to_q8 = SUM_INTEGER_BITS - zeros + 31 - 8; /* 4 <= zeros <= 12, so 23 .. 31 */
  for (int32_t c = 0; c < p->classes; ++c) {
    const int32_t product_q31 =
        sotto_multiply_high(reciprocal_q31, exponential_q31(p, greatest - input[c]));
    const int32_t share_q8 = sotto_divide_by_power_of_two(product_q31, to_q8);
    output[c] = (int8_t)sotto_clamp(share_q8 + INT8_MIN, INT8_MIN, INT8_MAX);
  }
}

void sotto_softmax_s8(const sotto_softmax_params *params, const int8_t *input, int8_t *output) {
  for (int32_t row = 0; row < params->rows; ++row) {
    softmax_row(params, input, output);
    input += params->classes;
    output += params->classes;
  }
}
