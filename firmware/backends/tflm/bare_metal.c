/* What TFLite-Micro calls of a C library and a console, for ports that have neither: where a check
 * of its fails the fault handler takes over, and its log goes nowhere. */
#include <stdarg.h>
#include <stddef.h>

/* Names and types are those of the C library and of tensorflow/lite/micro/debug_log.h. */
_Noreturn void abort(void);
_Noreturn void __assert_func(const char *file, int line, const char *function, const char *failed);
void DebugLog(const char *format, va_list arguments);
int DebugVsnprintf(char *text, size_t text_bytes, const char *format, va_list arguments);

void abort(void) {
  __builtin_trap();
}

void __assert_func(const char *file, int line, const char *function, const char *failed) {
  (void)file;
  (void)line;
  (void)function;
  (void)failed;
  __builtin_trap();
}

void DebugLog(const char *format, va_list arguments) {
  (void)format;
  (void)arguments;
}

int DebugVsnprintf(char *text, size_t text_bytes, const char *format, va_list arguments) {
  (void)format;
  (void)arguments;
  if (text_bytes != 0) {
    text[0] = '\0';
  }
  return 0;
}
