#include "monitor.h"

#include <string.h>

#include "sotto/model.h"

#define COMMAND_END '%'
#define DECIMAL_DIGITS_MAX 9u /* of a number: it stays below 2^32 */
#define DEFAULT_INFERENCES 1u
#define DEFAULT_WARMUPS 10u
#define DEFAULT_PRINTED_BYTES 16u
#define PRINTED_BYTES_PER_LINE 8u
#define HEX_DIGITS_PER_BYTE 2u
#define NO_DIGIT (-1)

/* The runner knows firmware of the benchmark by this text, and the task by "kws01". */
#define PROFILE "ULPMark for tinyML Firmware V0.0.1"
#define TASK "kws01"

static void say(mlperf_monitor *monitor, const char *line) {
  mlperf_put(&monitor->out, line);
  mlperf_end_line(&monitor->out);
}

static void say_field(mlperf_monitor *monitor, const char *name, const char *value) {
  mlperf_put(&monitor->out, name);
  mlperf_put(&monitor->out, "-[");
  mlperf_put(&monitor->out, value);
  say(monitor, "]");
}

static void say_number(mlperf_monitor *monitor, const char *before, uint64_t value,
                       const char *after) {
  mlperf_put(&monitor->out, before);
  mlperf_put_number(&monitor->out, value);
  say(monitor, after);
}

static void refuse(mlperf_monitor *monitor, const char *why) {
  say_field(monitor, "e", why);
}

/* The next word of a command, or NULL at its end. `*rest` moves behind the word. */
static char *next_word(char **rest) {
  char *word = *rest + strspn(*rest, " ");
  char *end = word + strcspn(word, " ");
  *rest = *end == '\0' ? end : end + 1;
  *end = '\0';
  return *word == '\0' ? NULL : word;
}

/* A decimal number without a sign. False when `word` is something else. */
static bool read_number(const char *word, uint32_t *value) {
  const size_t digits = strspn(word, "0123456789");
  if (digits == 0 || digits > DECIMAL_DIGITS_MAX || word[digits] != '\0') {
    return false;
  }
  *value = 0;
  for (size_t i = 0; i < digits; i++) {
    *value = *value * 10u + (uint32_t)(word[i] - '0');
  }
  return true;
}

/* The next word as a number, `*value` as it is where no word follows. False: no number. */
static bool next_number(char **rest, uint32_t *value) {
  const char *word = next_word(rest);
  return word == NULL || read_number(word, value);
}

static int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') {
    return digit - '0';
  }
  if (digit >= 'a' && digit <= 'f') {
    return digit - 'a' + 10;
  }
  return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : NO_DIGIT;
}

static void say_time(mlperf_monitor *monitor) {
  say_number(monitor, "m-lap-us-", mlperf_task_time_us(&monitor->task), "");
}

static void answer_name(mlperf_monitor *monitor, char *rest) {
  (void)rest;
  say_field(monitor, "m-name-dut", monitor->out.port->board);
}

static void answer_timestamp(mlperf_monitor *monitor, char *rest) {
  (void)rest;
  say_time(monitor);
}

static void answer_profile(mlperf_monitor *monitor, char *rest) {
  (void)rest;
  say_field(monitor, "m-profile", PROFILE);
  say_field(monitor, "m-model", TASK);
}

/* Our own: what a host must know to judge the answers. The benchmark's runner never asks. */
static void answer_sotto(mlperf_monitor *monitor, char *rest) {
  static const uint8_t model_hash[] = SOTTO_MODEL_HASH_BYTES;
  (void)rest;
  mlperf_put(&monitor->out, "m-sotto-model-[");
  for (size_t i = 0; i < sizeof model_hash; i++) {
    mlperf_put_hex(&monitor->out, model_hash[i]);
  }
  say(monitor, "]");
  say_field(monitor, "m-sotto-backend", sotto_model_backend());
  say_field(monitor, "m-sotto-ticks", monitor->out.port->tick_unit);
  say_number(monitor, "m-sotto-ticks-hz-[", monitor->task.clock.hz, "]");
  say_number(monitor, "m-sotto-input-[", MLPERF_INPUT_BYTES, "]");
}

static void answer_help(mlperf_monitor *monitor, char *rest) {
  static const char *const lines[] = {
      PROFILE,
      "",
      "help           : these lines",
      "name           : which board this is",
      "timestamp      : microseconds since its start",
      "profile        : which benchmark and which task",
      "sotto          : model, back-end, clock, bytes of an input",
      "db load N      : expect N bytes of input",
      "db HH[HH]*     : the next of them, two hexadecimal digits each",
      "db print [N=16] [OFFSET=0] : show N of them",
      "infer [N=1] [W=10] : W inferences to warm up, then N measured ones",
      "results        : the classes' probabilities of the last inference",
  };
  (void)rest;
  for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
    say(monitor, lines[i]);
  }
}

static void load(mlperf_monitor *monitor, char *rest) {
  const char *word = next_word(&rest);
  uint32_t count = 0;
  if (word == NULL || !read_number(word, &count)) {
    refuse(monitor, "'db load' takes the number of bytes");
    return;
  }
  if (count != MLPERF_INPUT_BYTES) {
    say_number(monitor, "e-[an input of this model has ", MLPERF_INPUT_BYTES, " bytes]");
    return;
  }
  monitor->bytes_expected = count;
  monitor->bytes_loaded = 0;
  say_number(monitor, "m-[Expecting ", count, " bytes]");
}

static void print_input(mlperf_monitor *monitor, char *rest) {
  uint32_t count = DEFAULT_PRINTED_BYTES;
  uint32_t offset = 0;
  if (!next_number(&rest, &count) || !next_number(&rest, &offset)) {
    refuse(monitor, "'db print' takes a number of bytes and an offset");
    return;
  }
  /* not the sum of both, which may wrap */
  const uint32_t loaded = monitor->bytes_loaded;
  const uint32_t left = offset < loaded ? loaded - offset : 0;
  count = count < left ? count : left;
  for (uint32_t i = 0; i < count; i++) {
    mlperf_put(&monitor->out, i % PRINTED_BYTES_PER_LINE == 0 ? "m-buffer-" : "-");
    mlperf_put_hex(&monitor->out, (uint8_t)monitor->task.input[offset + i]);
    if ((i + 1u) % PRINTED_BYTES_PER_LINE == 0 || i + 1u == count) {
      say(monitor, "");
    }
  }
}

/* Bytes in hexadecimal, all of them or none. Digits behind the last expected byte do not count, as
 * in the reference. */
static void take_bytes(mlperf_monitor *monitor, const char *digits) {
  const size_t count = strlen(digits) / HEX_DIGITS_PER_BYTE;
  if (monitor->bytes_loaded == monitor->bytes_expected) {
    refuse(monitor, "no bytes are expected: send 'db load' first");
    return;
  }
  if (strlen(digits) % HEX_DIGITS_PER_BYTE != 0) {
    refuse(monitor, "a byte is two hexadecimal digits: one is missing");
    return;
  }
  for (size_t i = 0; digits[i] != '\0'; i++) {
    if (hex_value(digits[i]) == NO_DIGIT) {
      refuse(monitor, "not a hexadecimal digit");
      return;
    }
  }
  for (size_t i = 0; i < count && monitor->bytes_loaded < monitor->bytes_expected; i++) {
    const int byte = hex_value(digits[0]) * 16 + hex_value(digits[1]);
    monitor->task.input[monitor->bytes_loaded++] = (int8_t)(uint8_t)byte;
    digits += HEX_DIGITS_PER_BYTE;
  }
  if (monitor->bytes_loaded == monitor->bytes_expected) {
    say(monitor, "m-load-done");
  }
}

static void answer_db(mlperf_monitor *monitor, char *rest) {
  const char *word = next_word(&rest);
  if (word == NULL) {
    refuse(monitor, "'db' takes load, print or hexadecimal digits");
  } else if (strcmp(word, "load") == 0) {
    load(monitor, rest);
  } else if (strcmp(word, "print") == 0) {
    print_input(monitor, rest);
  } else {
    take_bytes(monitor, word);
  }
}

static void say_results(mlperf_monitor *monitor) {
  if (!monitor->has_results) {
    refuse(monitor, "no inference has been made");
    return;
  }
  mlperf_put(&monitor->out, "m-results-[");
  for (uint32_t c = 0; c < SOTTO_MODEL_CLASSES; c++) {
    mlperf_put(&monitor->out, c == 0 ? "" : ",");
    mlperf_put_fraction(&monitor->out, monitor->task.posterior_q15[c]);
  }
  say(monitor, "]");
}

static void answer_results(mlperf_monitor *monitor, char *rest) {
  (void)rest;
  say_results(monitor);
}

/* False when the model failed; that is said. */
static bool infer_times(mlperf_monitor *monitor, uint32_t times) {
  mlperf_task *task = &monitor->task;
  for (uint32_t i = 0; i < times; i++) {
    sotto_port_feed_watchdog(monitor->out.port);
    mlperf_task_infer(task);
    if (task->status != SOTTO_OK) {
      say_number(monitor, "e-[the model failed with status -", (uint64_t)-task->status, "]");
      return false;
    }
  }
  return true;
}

static void infer(mlperf_monitor *monitor, uint32_t inferences, uint32_t warmups) {
  monitor->has_results = false;
  say_number(monitor, "m-warmup-start-", warmups, "");
  if (!infer_times(monitor, warmups)) {
    return;
  }
  say(monitor, "m-warmup-done");
  say_number(monitor, "m-infer-start-", inferences, "");
  say_time(monitor);
  if (!infer_times(monitor, inferences)) {
    return;
  }
  say_time(monitor);
  say(monitor, "m-infer-done");
  monitor->has_results = true;
  say_results(monitor);
}

static void answer_infer(mlperf_monitor *monitor, char *rest) {
  uint32_t inferences = DEFAULT_INFERENCES;
  uint32_t warmups = DEFAULT_WARMUPS;
  const bool numbers = next_number(&rest, &inferences) && next_number(&rest, &warmups);
  if (!numbers || inferences == 0 || inferences > MLPERF_INFERENCES_MAX ||
      warmups > MLPERF_INFERENCES_MAX) {
    say_number(monitor, "e-['infer' takes 1 or more inferences, then warm-ups, each at most ",
               MLPERF_INFERENCES_MAX, "]");
  } else if (monitor->bytes_loaded != MLPERF_INPUT_BYTES) {
    mlperf_put(&monitor->out, "e-[the input has ");
    mlperf_put_number(&monitor->out, monitor->bytes_loaded);
    say_number(monitor, " of ", MLPERF_INPUT_BYTES,
               " bytes: send 'db load' and 'db'"
               "]");
  } else {
    infer(monitor, inferences, warmups);
  }
}

typedef struct known_command {
  const char *name;
  void (*answer)(mlperf_monitor *monitor, char *rest);
} known_command;

static const known_command COMMANDS[] = {
    {"name", answer_name},   {"timestamp", answer_timestamp}, {"profile", answer_profile},
    {"sotto", answer_sotto}, {"help", answer_help},           {"db", answer_db},
    {"infer", answer_infer}, {"results", answer_results},
};

static void execute(mlperf_monitor *monitor) {
  char *rest = monitor->command;
  const char *name = next_word(&rest);
  if (monitor->too_long) {
    say_number(monitor, "e-[a command has at most ", MLPERF_COMMAND_MAX_BYTES, " characters]");
    return;
  }
  for (size_t i = 0; name != NULL && i < sizeof COMMANDS / sizeof COMMANDS[0]; i++) {
    if (strcmp(name, COMMANDS[i].name) == 0) {
      COMMANDS[i].answer(monitor, rest);
      return;
    }
  }
  mlperf_put(&monitor->out, "e-[Unknown command: ");
  mlperf_put(&monitor->out, name == NULL ? "" : name);
  say(monitor, "]");
}

/* Terminals end lines with CR or LF; neither is part of a command. Other bytes that are no text
 * stand as '?' in the answer. */
static void take_byte(mlperf_monitor *monitor, uint8_t byte) {
  if (byte == COMMAND_END) {
    monitor->command[monitor->command_bytes] = '\0';
    execute(monitor);
    say(monitor, "m-ready");
    monitor->command_bytes = 0;
    monitor->too_long = false;
  } else if (byte == '\r' || byte == '\n') {
    return;
  } else if (monitor->command_bytes == MLPERF_COMMAND_MAX_BYTES) {
    monitor->too_long = true;
  } else {
    const bool text = byte >= ' ' && byte <= '~';
    monitor->command[monitor->command_bytes++] = text ? (char)byte : '?';
  }
}

void mlperf_monitor_init(mlperf_monitor *monitor, const sotto_port *port) {
  memset(monitor, 0, sizeof *monitor);
  monitor->out.port = port;
  mlperf_task_init(&monitor->task, port);
  say(monitor, "m-timestamp-mode-performance");
  say_time(monitor);
  say(monitor, "m-init-done");
  if (monitor->task.status != SOTTO_OK) {
    refuse(monitor, "the model does not start");
  }
  say(monitor, "m-ready");
}

void mlperf_monitor_receive(mlperf_monitor *monitor, const uint8_t *data, size_t length_bytes) {
  for (size_t i = 0; i < length_bytes; i++) {
    take_byte(monitor, data[i]);
  }
}
