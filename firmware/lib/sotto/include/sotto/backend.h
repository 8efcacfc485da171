/* Which back-end of sotto/model.h a build links.
 *
 * The folder generated/ serves both. Its sotto_model_aot*.c are empty where TFLite-Micro runs the
 * network, and firmware/backends/tflm is empty where the ahead-of-time C does. Define SOTTO_BACKEND
 * as one of the numbers below for all sources of a build. */
#ifndef SOTTO_BACKEND_H
#define SOTTO_BACKEND_H

#define SOTTO_BACKEND_AOT 1  /* generated C: needs this library and nothing else */
#define SOTTO_BACKEND_TFLM 2 /* TFLite-Micro, which the build brings along */

#ifndef SOTTO_BACKEND
#define SOTTO_BACKEND SOTTO_BACKEND_AOT
#endif

#endif
