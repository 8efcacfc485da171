/* Scores of one step as probabilities in Q15. */
#include "sotto/detect.h"

/* A probability byte counts 1/256: 2^15 / 256 units of Q15. */
#define BYTE_TO_Q15 128u
#define S8_ZERO (-128)

static int8_t greatest_score(const int8_t *scores, uint16_t classes) {
  int8_t greatest = scores[0];
  for (uint16_t c = 1; c < classes; c++) {
    greatest = scores[c] > greatest ? scores[c] : greatest;
  }
  return greatest;
}

/* Softmax: exp(s - greatest) / sum of all of them. */
static void softmax(const sotto_scores *format, const int8_t *scores, uint16_t *posterior_q15) {
  const int8_t greatest = greatest_score(scores, format->classes);
  uint32_t sum_q15 = 0; /* 2^15 .. 255 * 2^15: the greatest adds one */
  for (uint16_t c = 0; c < format->classes; c++) {
    const int distance = greatest - scores[c];
    const uint16_t term_q15 = distance < format->exp_entries ? format->exp_q15[distance] : 0;
    posterior_q15[c] = term_q15;
    sum_q15 += term_q15;
  }
  for (uint16_t c = 0; c < format->classes; c++) {
    /* <= 2^30 + 2^22; the quotient is rounded to nearest and at most 2^15 */
    const uint32_t dividend = posterior_q15[c] * SOTTO_DETECT_ONE_Q15 + sum_q15 / 2u;
    posterior_q15[c] = (uint16_t)(dividend / sum_q15);
  }
}

void sotto_detect_posteriors(const sotto_scores *scores, const int8_t *step_scores,
                             uint16_t *posterior_q15) {
  if (scores->kind == SOTTO_SCORES_LOGITS_S8) {
    softmax(scores, step_scores, posterior_q15);
    return;
  }
  const int zero = scores->kind == SOTTO_SCORES_PROBABILITY_S8 ? S8_ZERO : 0;
  for (uint16_t c = 0; c < scores->classes; c++) {
    const uint8_t steps = (uint8_t)(step_scores[c] - zero); /* of 1/256 */
    posterior_q15[c] = (uint16_t)(steps * BYTE_TO_Q15);
  }
}
