#include "trace.h"

#include "sotto/detect.h"
#include "sotto/link_bytes.h"
#include "sotto/model.h"

/* Samples converted at a time: 320 bytes of stack. */
#define CHUNK_SAMPLES 160u

/* The workspace while a detector runs alone: a value for each class, then the detector's own. */
#define VALUES_BYTES (((uint32_t)SOTTO_MODEL_CLASSES * sizeof(uint16_t) + 3u) / 4u * 4u)
#define DETECT_BYTES \
  SOTTO_DETECT_WORKSPACE_SIZE(SOTTO_MODEL_CLASSES, (uint32_t)SOTTO_LISTENER_SMOOTHING_STEPS_MAX)
_Static_assert(VALUES_BYTES + DETECT_BYTES <= SOTTO_LISTENER_WORKSPACE_BYTES,
               "a listener's workspace holds its detector");

/* A run over steps, and where it stands. */
typedef struct run {
  const sotto_port *port;
  const sotto_trace_tap *tap;
  sotto_detect detect;
  uint16_t *values;
  uint32_t step;
  uint32_t stages; /* seen in this step */
  uint32_t began;  /* ticks() when the stage began */
} run;

/* The time that `see` takes is no stage's. */
static void show(run *of, const void *data, size_t length_bytes) {
  const sotto_trace_seen seen = {of->step, of->stages, of->port->ticks() - of->began, data,
                                 length_bytes};
  of->tap->see(of->tap->context, &seen);
  of->stages++;
  of->began = of->port->ticks();
}

static void show_layer(void *context, uint32_t layer, const void *data, size_t length_bytes) {
  (void)layer; /* they come in their order */
  show(context, data, length_bytes);
}

static void show_detection(run *of, const int8_t scores[SOTTO_MODEL_CLASSES]) {
  sotto_detection heard;
  show(of, scores, SOTTO_MODEL_CLASSES);
  sotto_detect_posteriors(of->detect.scores, scores, of->values);
  show(of, of->values, SOTTO_MODEL_CLASSES * sizeof *of->values);
  const int word = sotto_detect_step(&of->detect, scores, &heard);
  for (uint16_t c = 0; c < SOTTO_MODEL_CLASSES; c++) {
    of->values[c] = sotto_detect_average_q15(&of->detect, c);
  }
  show(of, of->values, SOTTO_MODEL_CLASSES * sizeof *of->values);
  const uint8_t decision[] = {sotto_decide(scores),
                              word == 1 ? (uint8_t)heard.class_index : SOTTO_TRACE_NO_WORD};
  show(of, decision, sizeof decision);
}

int sotto_trace_steps(sotto_engine *engine, const sotto_port *port, const sotto_clip *clip,
                      uint32_t steps, const sotto_trace_tap *tap) {
  run of = {.port = port, .tap = tap, .values = (uint16_t *)(void *)engine->workspace};
  const sotto_model_tap layers = {show_layer, &of};
  int status = sotto_engine_restart(engine);
  if (status == SOTTO_OK) {
    status = sotto_detect_init(
        &of.detect, &sotto_listener_default_model.scores, engine->workspace + VALUES_BYTES,
        DETECT_BYTES, SOTTO_LISTENER_SMOOTHING_STEPS_MAX, &sotto_listener_default_settings.detect);
  }
  for (of.step = 0; of.step < steps && status == SOTTO_OK; of.step++) {
    int8_t scores[SOTTO_MODEL_CLASSES];
    of.stages = 0;
    of.began = port->ticks();
    status = sotto_model_invoke_tapped(engine->arena, sizeof engine->arena,
                                       &clip->features[of.step * SOTTO_MODEL_INPUT_BYTES], scores,
                                       &layers);
    if (status == SOTTO_OK) {
      show_detection(&of, scores);
    }
    sotto_port_feed_watchdog(port);
  }
  return status == SOTTO_OK ? (int)of.stages : status;
}

int sotto_trace_window(sotto_engine *engine, const sotto_port *port, const uint8_t *pcm_s16le,
                       const sotto_frontend_tap *tap, uint32_t *began) {
  int16_t chunk[CHUNK_SAMPLES];
  int8_t frame[SOTTO_MODEL_BINS];
  int status = sotto_engine_restart(engine);
  for (uint32_t at = 0; at < SOTTO_FRONTEND_WINDOW_SAMPLES && status == SOTTO_OK;) {
    const uint32_t left = SOTTO_FRONTEND_WINDOW_SAMPLES - at;
    const uint32_t count = left < CHUNK_SAMPLES ? left : CHUNK_SAMPLES;
    for (uint32_t i = 0; i < count; i++) {
      chunk[i] = (int16_t)sotto_get_u16(pcm_s16le + SOTTO_CLIP_SAMPLE_BYTES * (at + i));
    }
    size_t consumed = 0;
    *began = port->ticks();
    const int frames =
        sotto_frontend_push_tapped(&engine->frontend, chunk, count, &consumed, frame, tap);
    status = frames < 0 ? frames : SOTTO_OK;
    at += count;
  }
  return status;
}
