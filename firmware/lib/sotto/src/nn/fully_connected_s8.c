/* Fully connected layer. */
#include "fixed_point.h"
#include "sotto/nn.h"

void sotto_fully_connected_s8(const sotto_fully_connected_params *params, const int8_t *input,
                              int8_t *output) {
  const sotto_fully_connected_params *p = params;
  for (int32_t row = 0; row < p->rows; ++row, input += p->input_features) {
    const int8_t *weights = p->weights;
    for (int32_t o = 0; o < p->output_features; ++o, weights += p->input_features) {
      int32_t acc = p->bias[o];
      for (int32_t i = 0; i < p->input_features; ++i) {
        /* |input + offset| <= 255, |weight| <= 128; the exporter has bounded the sum below 2^31 */
        acc += (input[i] + p->input_offset) * weights[i];
      }
      const int32_t scaled = sotto_requantise(acc, p->multiplier[o], p->shift[o]);
      *output++ =
          (int8_t)sotto_clamp(scaled + p->output_offset, p->activation_min, p->activation_max);
    }
  }
}
