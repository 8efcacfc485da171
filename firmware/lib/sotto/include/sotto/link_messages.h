/* Numbers that both ends of the link share. docs/protocol.md gives every payload's bytes. */
#ifndef SOTTO_LINK_MESSAGES_H
#define SOTTO_LINK_MESSAGES_H

/* A reply carries its request's type with this bit set. */
#define SOTTO_LINK_REPLY_FLAG 0x80u

typedef enum sotto_link_type {
  SOTTO_LINK_INFO = 0x01,
  SOTTO_LINK_LABELS = 0x02,
  SOTTO_LINK_AUDIO = 0x03,
  SOTTO_LINK_RESULT = 0x04,
  SOTTO_LINK_FEATURES_GET = 0x05,
  SOTTO_LINK_FEATURES_PUT = 0x06,
  SOTTO_LINK_SELF_TEST = 0x07,
  SOTTO_LINK_RESET = 0x08,
  SOTTO_LINK_SETTINGS_GET = 0x09,
  SOTTO_LINK_SETTINGS_SET = 0x0A,
  SOTTO_LINK_LISTEN = 0x0B,
  SOTTO_LINK_STATISTICS = 0x0C,
  SOTTO_LINK_MICROPHONE = 0x10,
  SOTTO_LINK_CAPTURE_BEGIN = 0x11,
  SOTTO_LINK_CAPTURE_END = 0x12,
  SOTTO_LINK_CAPTURE_HEARD = 0x13,
  SOTTO_LINK_CAPTURE_SAMPLES = 0x14,
  SOTTO_LINK_CAPTURE_FEED = 0x15,
  SOTTO_LINK_HEALTH = 0x18,
  SOTTO_LINK_TRACE_AUDIO = 0x19,
  SOTTO_LINK_TRACE_WINDOW = 0x1A,
  SOTTO_LINK_TRACE_STAGES = 0x1B,
  SOTTO_LINK_TRACE_STEPS = 0x1C,
  SOTTO_LINK_TRACE_GET = 0x1D,
  SOTTO_LINK_ERROR = 0xFF, /* reply only */
} sotto_link_type;

/* Why a request was refused, and what the detail of the ERROR reply says. */
typedef enum sotto_link_error {
  SOTTO_LINK_ACCEPTED = 0,
  SOTTO_LINK_E_VERSION = 1,      /* detail: the board's protocol version */
  SOTTO_LINK_E_UNKNOWN_TYPE = 2, /* detail: 0 */
  SOTTO_LINK_E_LENGTH = 3,       /* detail: the payload length expected, in bytes */
  SOTTO_LINK_E_RANGE = 4,        /* detail: the least value accepted */
  SOTTO_LINK_E_SETTING = 5,      /* detail: number of the setting that is out of its range */
} sotto_link_error;

typedef enum sotto_result_state {
  SOTTO_RESULT_READY = 0,
  SOTTO_RESULT_INCOMPLETE = 1,   /* the clip is still being received */
  SOTTO_RESULT_UNKNOWN_CLIP = 2, /* never begun, or forgotten */
  SOTTO_RESULT_FAILED = 3,       /* front-end or model returned a negative status */
} sotto_result_state;

typedef enum sotto_self_test_stage {
  SOTTO_SELF_TEST_PASSED = 0,
  SOTTO_SELF_TEST_FRONTEND = 1, /* a feature of the golden clip differs */
  SOTTO_SELF_TEST_MODEL = 2,    /* a score of a golden case differs */
  SOTTO_SELF_TEST_STATUS = 3,   /* front-end or model returned a negative status */
  SOTTO_SELF_TEST_CONSTANT = 4, /* an array of the network is not what was generated */
  SOTTO_SELF_TEST_NOT_RUN = 5,  /* not at this start: the one before ended in a fault */
  SOTTO_SELF_TEST_KERNEL = 6,   /* a layer is not what the reference kernels make of it */
} sotto_self_test_stage;

/* How a build was compiled, as far as its compiler says. */
typedef enum sotto_build_fact {
  SOTTO_BUILD_FAST_MATH = 1,
  SOTTO_BUILD_CHAR_UNSIGNED = 2,
  SOTTO_BUILD_INT8_UNSIGNED = 4, /* int8_t is no signed type: nothing can be right */
  SOTTO_BUILD_NOT_OPTIMISED = 8,
  SOTTO_BUILD_PACKED = 16,           /* structures have no padding */
  SOTTO_BUILD_COMPARES_KERNELS = 32, /* the self-test has the reference kernels, too */
} sotto_build_fact;

#endif
