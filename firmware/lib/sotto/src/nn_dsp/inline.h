/* For functions that take a kernel: calls through the pointer become direct, one copy a kernel. So
 * a linker drops the kernels that a model does not use, and the stack's depth can be followed. */
#ifndef SOTTO_NN_DSP_INLINE_H
#define SOTTO_NN_DSP_INLINE_H

#define DSP_INLINE static inline __attribute__((always_inline))

#endif
