/* The firmware as a Linux process: its serial line is a TCP connection on the loopback interface.
 *
 *   program --port N [--exit-with-stdin]
 *   program --lockstep
 *
 * N = 0 takes any free port. One line `listening 127.0.0.1:N` goes to stderr when connections are
 * accepted. One connection is served at a time; when it closes the next one is taken.
 * --exit-with-stdin ends the process when its standard input ends, so that it never outlives the
 * program that started it. --lockstep makes standard input and output the line (lockstep.h). The
 * variable SOTTO_MICROPHONE names what the microphone hears (host_microphone.h). A reset starts the
 * program afresh and, like a board's, keeps the line.
 */
#define _POSIX_C_SOURCE 200809L /* sockets, clock_gettime, execv */

#include "port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "host_microphone.h"
#include "lockstep.h"

#define EXIT_USAGE 2
#define RX_WINDOW_BYTES 4096u
#define NANOSECONDS_PER_SECOND 1000000000u
#define PORT_MAX 65535
#define NOT_OPEN (-1)
#define FD_TEXT_BYTES 12

typedef struct host_state {
  int port;
  int listener;
  int connection;
  bool exit_with_stdin;
  bool lockstep;
  bool restarted; /* by reset() */
} host_state;

static host_state host = {.port = NOT_OPEN, .listener = NOT_OPEN, .connection = NOT_OPEN};

static _Noreturn void fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(EXIT_USAGE);
}

static int number_or_exit(const char *option, const char *text, int max) {
  char *end = NULL;
  const long value = text == NULL ? -1 : strtol(text, &end, 10);
  if (text == NULL || end == text || *end != '\0' || value < 0 || value > max) {
    fprintf(stderr, "%s needs a number from 0 to %d, got %s\n", option, max,
            text == NULL ? "nothing" : text);
    exit(EXIT_USAGE);
  }
  return (int)value;
}

/* main() takes no arguments, as on every board, so glibc hands them over here. --listener and
 * --connection are how reset() passes its sockets on, --restarted says that it did. */
__attribute__((constructor)) static void read_arguments(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--exit-with-stdin") == 0) {
      host.exit_with_stdin = true;
      continue;
    }
    if (strcmp(argv[i], "--lockstep") == 0) {
      host.lockstep = true;
      continue;
    }
    if (strcmp(argv[i], "--restarted") == 0) {
      host.restarted = true;
      continue;
    }
    const char *value = i + 1 < argc ? argv[i + 1] : NULL;
    if (strcmp(argv[i], "--port") == 0) {
      host.port = number_or_exit(argv[i], value, PORT_MAX);
    } else if (strcmp(argv[i], "--listener") == 0) {
      host.listener = number_or_exit(argv[i], value, PORT_MAX);
    } else if (strcmp(argv[i], "--connection") == 0) {
      host.connection = number_or_exit(argv[i], value, PORT_MAX);
    } else {
      fprintf(stderr, "unknown argument %s\n", argv[i]);
      exit(EXIT_USAGE);
    }
    i++;
  }
  if (host.port == NOT_OPEN && host.listener == NOT_OPEN && !host.lockstep) {
    fprintf(stderr, "usage: %s --port N [--exit-with-stdin], or --lockstep\n", argv[0]);
    exit(EXIT_USAGE);
  }
}

static void host_init(void) {
  if (host.listener != NOT_OPEN) {
    return; /* passed on by reset() */
  }
  host.listener = socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)host.port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t address_bytes = sizeof address;
  if (host.listener < 0 ||
      setsockopt(host.listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      bind(host.listener, (struct sockaddr *)&address, address_bytes) != 0 ||
      listen(host.listener, 1) != 0 ||
      getsockname(host.listener, (struct sockaddr *)&address, &address_bytes) != 0) {
    fail("cannot listen on the loopback interface");
  }
  fprintf(stderr, "listening 127.0.0.1:%u\n", (unsigned)ntohs(address.sin_port));
}

static void hang_up(void) {
  close(host.connection);
  host.connection = NOT_OPEN;
}

static size_t host_read(uint8_t *data, size_t capacity_bytes) {
  if (host.connection == NOT_OPEN) {
    return 0;
  }
  const ssize_t received = recv(host.connection, data, capacity_bytes, MSG_DONTWAIT);
  if (received > 0) {
    return (size_t)received;
  }
  if (received == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
    hang_up();
  }
  return 0;
}

/* Without a listener the bytes are lost, as on a wire that nobody holds. */
static void host_write(const uint8_t *data, size_t length_bytes) {
  while (length_bytes > 0 && host.connection != NOT_OPEN) {
    const ssize_t sent = send(host.connection, data, length_bytes, MSG_NOSIGNAL);
    if (sent >= 0) {
      data += sent;
      length_bytes -= (size_t)sent;
    } else if (errno != EINTR) {
      hang_up();
    }
  }
}

static void take_connection(void) {
  const int on = 1;
  host.connection = accept(host.listener, NULL, NULL);
  if (host.connection != NOT_OPEN) {
    (void)setsockopt(host.connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
}

static void leave_when_stdin_ended(void) {
  uint8_t ignored[64];
  if (read(STDIN_FILENO, ignored, sizeof ignored) == 0) {
    exit(EXIT_SUCCESS);
  }
}

static void host_idle(void) {
  struct pollfd waiting[3] = {
      {.fd = host.connection == NOT_OPEN ? host.listener : host.connection, .events = POLLIN},
      {.fd = host.exit_with_stdin ? STDIN_FILENO : NOT_OPEN, .events = POLLIN},
      {.fd = host_microphone_fd(), .events = POLLIN},
  };
  if (poll(waiting, 3, host_microphone_wait_ms()) < 0) {
    if (errno != EINTR) {
      fail("cannot wait for bytes");
    }
    return;
  }
  if (waiting[1].revents != 0) {
    leave_when_stdin_ended();
  }
  if (waiting[0].revents != 0 && host.connection == NOT_OPEN) {
    take_connection();
  }
}

static uint32_t host_ticks(void) {
  struct timespec now;
  if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) {
    fail("cannot read the clock");
  }
  return (uint32_t)((uint64_t)now.tv_sec * NANOSECONDS_PER_SECOND + (uint64_t)now.tv_nsec);
}

static uint32_t host_rx_overruns(void) {
  return 0; /* TCP holds bytes back */
}

static uint32_t host_stack_peak_bytes(void) {
  return 0; /* unknown: the process's stack is not painted */
}

static sotto_reset_cause host_reset_cause(void) {
  return host.restarted ? SOTTO_RESET_SOFTWARE : SOTTO_RESET_POWER_ON;
}

static void host_reset(void) {
  char listener[FD_TEXT_BYTES];
  char connection[FD_TEXT_BYTES];
  (void)snprintf(listener, sizeof listener, "%d", host.listener);
  (void)snprintf(connection, sizeof connection, "%d", host.connection);
  char *arguments[] = {"sotto", "--restarted", "--listener", listener, NULL, NULL, NULL, NULL};
  size_t count = 4;
  if (host.connection != NOT_OPEN) {
    arguments[count++] = "--connection";
    arguments[count++] = connection;
  }
  if (host.exit_with_stdin) {
    arguments[count++] = "--exit-with-stdin";
  }
  execv("/proc/self/exe", arguments);
  fail("cannot restart");
}

static void lockstep_init(void) {} /* its line is there from the start */

static void lockstep_reset(void) {
  char *arguments[] = {"sotto", "--restarted", "--lockstep", NULL};
  lockstep_finish();
  execv("/proc/self/exe", arguments);
  fail("cannot restart");
}

/* cpu_hz is unknown. */
#define THIS_COMPUTER                                                                              \
  .board = "host", .tick_unit = "nanoseconds", .rx_window_bytes = RX_WINDOW_BYTES,                 \
  .ticks = host_ticks, .rx_overruns = host_rx_overruns, .stack_peak_bytes = host_stack_peak_bytes, \
  .reset_cause = host_reset_cause, .microphone = &host_fed

const sotto_port *sotto_port_get(void) {
  static sotto_port on_tcp = {
      THIS_COMPUTER,       .init = host_init, .read = host_read,
      .write = host_write, .idle = host_idle, .reset = host_reset,
  };
  static const sotto_port in_step = {
      THIS_COMPUTER,           .init = lockstep_init, .read = lockstep_read,
      .write = lockstep_write, .idle = lockstep_idle, .reset = lockstep_reset,
  };
  on_tcp.microphone = host_microphone(); /* in step, there is no clock to pace it */
  return host.lockstep ? &in_step : &on_tcp;
}

uint32_t sotto_port_ticks_hz(void) {
  return NANOSECONDS_PER_SECOND;
}
