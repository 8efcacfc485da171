/* One result of the arithmetic kernels. */
#ifndef SOTTO_NN_ARITHMETIC_H
#define SOTTO_NN_ARITHMETIC_H

#include "fixed_point.h"
#include "sotto/nn.h"

/* Fraction bits of the common scale of a sum: 255 * 2^20 < 2^28. */
#define FRACTION_BITS 20

static inline int8_t rescale_sum(const sotto_add_params *p, int32_t sum) {
  const int32_t scaled = sotto_requantise(sum, p->output_multiplier, p->output_shift);
  return (int8_t)sotto_clamp(scaled + p->output_offset, p->activation_min, p->activation_max);
}

/* The factors are <= 1/2 of twice the greater scale: each term < 2^27, sums of two < 2^28. */
static inline int32_t first_term(const sotto_add_params *p, int8_t value) {
  const int32_t raw = (value + p->input1_offset) * (1 << FRACTION_BITS);
  return sotto_requantise(raw, p->input1_multiplier, p->input1_shift);
}

static inline int32_t second_term(const sotto_add_params *p, int8_t value) {
  const int32_t raw = (value + p->input2_offset) * (1 << FRACTION_BITS);
  return sotto_requantise(raw, p->input2_multiplier, p->input2_shift);
}

static inline int8_t add_value(const sotto_add_params *p, int8_t value1, int8_t value2) {
  return rescale_sum(p, first_term(p, value1) + second_term(p, value2));
}

static inline int8_t sub_value(const sotto_add_params *p, int8_t value1, int8_t value2) {
  return rescale_sum(p, first_term(p, value1) - second_term(p, value2));
}

static inline int8_t mul_value(const sotto_mul_params *p, int8_t value1, int8_t value2) {
  /* |product| <= 255^2 < 2^16; the exporter accepts shifts up to 14 */
  const int32_t product = (value1 + p->input1_offset) * (value2 + p->input2_offset);
  const int32_t scaled = sotto_requantise(product, p->multiplier, p->shift);
  return (int8_t)sotto_clamp(scaled + p->output_offset, p->activation_min, p->activation_max);
}

#endif
