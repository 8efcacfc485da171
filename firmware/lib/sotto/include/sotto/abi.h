/* Version of the contract between the library and the files in generated/. */
#ifndef SOTTO_ABI_H
#define SOTTO_ABI_H

/* Raised by one whenever a generated file of an older sotto would not fit this library. */
#define SOTTO_ABI 5

#endif
