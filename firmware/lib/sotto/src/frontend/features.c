#include "mel.h"

/* What becomes of an energy: a feature. */
typedef struct quantizing {
  const sotto_frontend_tables *tables;
  int32_t zero_q15;
  int8_t *frame_s8;
} quantizing;

static inline void quantize(const void *context, size_t bin, uint64_t energy) {
  const quantizing *to = context;
  const int32_t log2_q15 = sotto_log2_q15(energy, to->tables->log2_q15);
  to->frame_s8[bin] = sotto_quantize(log2_q15, to->zero_q15, to->tables->steps_per_octave_q16);
}

void sotto_features(const uint32_t *power, const sotto_frontend_tables *tables, int exponent,
                    int8_t *frame_s8) {
  const int scale = sotto_mel_scale(tables, exponent);
  const quantizing to = {tables, tables->zero_log2_q15 + scale * 32768, frame_s8};
  sotto_each_energy(power, tables, scale, quantize, &to);
}
