/* Windows of a convolution as the matrix kernel's inner loops read them. */
#ifndef SOTTO_NN_PORTABLE_WINDOW_WORDS_H
#define SOTTO_NN_PORTABLE_WINDOW_WORDS_H

#include "sotto/nn_portable.h"

/* Writes the three words of each group of the window that begins at `first`, `step_words` from a
 * group to the next. `patch`: 4 * groups bytes of memory. */
void sotto_portable_window(const sotto_matrix_portable_params *params, const int8_t *first,
                           int8_t *patch, uint32_t *words, int32_t step_words);

#endif
