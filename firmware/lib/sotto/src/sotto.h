/* What a sketch includes; other builds include the headers of include/sotto one by one. */
#ifndef SOTTO_H
#define SOTTO_H

#include "sotto/detect.h"
#include "sotto/frontend.h"
#include "sotto/listener.h"
#include "sotto/model.h"

#endif
