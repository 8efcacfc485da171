/* Arduino looks for headers in src/ alone. */
#include "../../include/sotto/nn_packed.h"
