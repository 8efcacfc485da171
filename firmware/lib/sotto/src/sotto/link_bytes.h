/* Arduino looks for headers in src/ alone. */
#include "../../include/sotto/link_bytes.h"
