/* Arduino looks for headers in src/ alone. */
#include "../../include/sotto/storage.h"
