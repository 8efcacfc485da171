/* Runs a fuzz target over the files that it is given, without a fuzzer. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define INPUT_MAX_BYTES (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length_bytes);

int main(int argc, char **argv) {
  static uint8_t input[INPUT_MAX_BYTES];
  for (int i = 1; i < argc; i++) {
    FILE *file = fopen(argv[i], "rb");
    if (file == NULL) {
      perror(argv[i]);
      return EXIT_FAILURE;
    }
    const size_t length_bytes = fread(input, 1, sizeof input, file);
    (void)fclose(file);
    (void)LLVMFuzzerTestOneInput(input, length_bytes);
  }
  return EXIT_SUCCESS;
}
