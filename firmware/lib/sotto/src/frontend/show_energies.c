#include "mel.h"

typedef struct showing {
  const sotto_frontend_tap *tap;
  int scale;
} showing;

static void show(const void *context, size_t bin, uint64_t energy) {
  const showing *to = context;
  (void)bin;
  to->tap->see(to->tap->context, SOTTO_STAGE_MEL, to->scale, &energy, sizeof energy);
}

void sotto_show_energies(const uint32_t *power, const sotto_frontend_tables *tables, int exponent,
                         const sotto_frontend_tap *tap) {
  const int scale = sotto_mel_scale(tables, exponent);
  const showing to = {tap, scale};
  sotto_each_energy(power, tables, scale, show, &to);
}
