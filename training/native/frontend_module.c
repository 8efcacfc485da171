/* CPython extension training._native: the firmware's front-end over the buffer protocol.
 *
 * Every size is checked here, so that no call from Python can read or write outside a buffer.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <string.h>

#include "sotto/frontend.h"

enum { WINDOW, TWIDDLES, SPLIT, BAND_START, RISING, LOG2, TABLE_COUNT };

typedef struct FrontendObject {
  PyObject_HEAD;
  void *table_copies[TABLE_COUNT]; /* own copies: nobody else can change what was checked */
  Py_ssize_t table_elements[TABLE_COUNT];
  sotto_frontend_tables tables;
  sotto_frontend stream;
  void *stream_workspace;
  size_t workspace_bytes;
} FrontendObject;

static const char *const table_names[TABLE_COUNT] = {
    [WINDOW] = "window_q15",     [TWIDDLES] = "twiddles_q15", [SPLIT] = "split_q15",
    [BAND_START] = "band_start", [RISING] = "rising_q15",     [LOG2] = "log2_q15",
};
static const char table_formats[TABLE_COUNT] = {
    [WINDOW] = 'h',     [TWIDDLES] = 'I', [SPLIT] = 'I',
    [BAND_START] = 'H', [RISING] = 'H',   [LOG2] = 'H',
};

/* Gets a C-contiguous buffer of elements of struct format `format`, writable if asked. 0, or -1
 * with an exception: ValueError for another layout or type, TypeError for no buffer at all. */
static int get_buffer(PyObject *object, Py_buffer *view, char format, int writable,
                      const char *name) {
  const int flags = PyBUF_FORMAT | PyBUF_ND | (writable ? PyBUF_WRITABLE : 0);
  if (PyObject_GetBuffer(object, view, flags) < 0) {
    if (PyErr_ExceptionMatches(PyExc_BufferError) || PyErr_ExceptionMatches(PyExc_ValueError)) {
      PyErr_Format(PyExc_ValueError, "%s must be C-contiguous%s", name,
                   writable ? " and writable" : "");
    }
    return -1;
  }
  const char *seen = view->format != NULL ? view->format : "B";
  if (seen[0] != format || seen[1] != '\0') {
    PyErr_Format(PyExc_ValueError, "%s must have element format '%c', not '%s'", name, format,
                 seen);
    PyBuffer_Release(view);
    return -1;
  }
  return 0;
}

static Py_ssize_t elements(const Py_buffer *view) {
  return view->len / view->itemsize;
}

static int check_elements(const FrontendObject *self, int table, Py_ssize_t wanted) {
  const Py_ssize_t seen = self->table_elements[table];
  if (seen != wanted) {
    PyErr_Format(PyExc_ValueError, "%s has %zd elements, not %zd", table_names[table], seen,
                 wanted);
    return -1;
  }
  return 0;
}

static int check_table_sizes(const FrontendObject *self) {
  const sotto_frontend_tables *t = &self->tables;
  if (check_elements(self, WINDOW, t->window_samples) < 0 ||
      check_elements(self, SPLIT, t->fft_samples / 4) < 0 ||
      check_elements(self, BAND_START, t->bins + 2) < 0 ||
      check_elements(self, LOG2, SOTTO_FRONTEND_LOG2_SEGMENTS + 1) < 0) {
    return -1;
  }
  const Py_ssize_t used = t->band_start[t->bins + 1] - t->band_start[0];
  return check_elements(self, RISING, used);
}

static int fits(long value, long maximum, const char *name) {
  if (value < 0 || value > maximum) {
    PyErr_Format(PyExc_ValueError, "%s is %ld, not 0 to %ld", name, value, maximum);
    return 0;
  }
  return 1;
}

static int copy_table(FrontendObject *self, int table, PyObject *object) {
  Py_buffer view;
  if (get_buffer(object, &view, table_formats[table], 0, table_names[table]) < 0) {
    return -1;
  }
  self->table_elements[table] = elements(&view);
  self->table_copies[table] = PyMem_Malloc((size_t)view.len);
  if (self->table_copies[table] != NULL) {
    memcpy(self->table_copies[table], view.buf, (size_t)view.len);
  }
  PyBuffer_Release(&view);
  if (self->table_copies[table] == NULL) {
    PyErr_NoMemory();
    return -1;
  }
  return 0;
}

static void frontend_dealloc(PyObject *object) {
  FrontendObject *self = (FrontendObject *)object;
  PyTypeObject *type = Py_TYPE(object);
  PyMem_Free(self->stream_workspace);
  for (int i = 0; i < TABLE_COUNT; ++i) {
    PyMem_Free(self->table_copies[i]);
  }
  type->tp_free(object);
  Py_DECREF(type);
}

/* Parses the arguments of Frontend(...) into self->tables. */
static int parse_tables(FrontendObject *self, PyObject *args, PyObject *kwargs) {
  static char *keywords[] = {
      "window_samples",   "hop_samples",   "fft_samples",          "bins",       "window_q15",
      "twiddles_q15",     "split_q15",     "band_start",           "rising_q15", "log2_q15",
      "noise_floor_log2", "zero_log2_q15", "steps_per_octave_q16", NULL};
  long window = 0;
  long hop = 0;
  long fft = 0;
  long bins = 0;
  long noise_floor = 0;
  int zero = 0;
  int steps = 0;
  PyObject *objects[TABLE_COUNT];
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "$llllOOOOOOlii", keywords, &window, &hop, &fft,
                                   &bins, &objects[WINDOW], &objects[TWIDDLES], &objects[SPLIT],
                                   &objects[BAND_START], &objects[RISING], &objects[LOG2],
                                   &noise_floor, &zero, &steps)) {
    return -1;
  }
  if (!fits(window, UINT16_MAX, "window_samples") || !fits(hop, UINT16_MAX, "hop_samples") ||
      !fits(fft, UINT16_MAX, "fft_samples") || !fits(bins, SOTTO_FRONTEND_MAX_BINS, "bins") ||
      !fits(noise_floor, UINT8_MAX, "noise_floor_log2")) {
    return -1;
  }
  for (int i = 0; i < TABLE_COUNT; ++i) {
    if (copy_table(self, i, objects[i]) < 0) {
      return -1;
    }
  }
  if (!fits((long)self->table_elements[TWIDDLES], UINT16_MAX, "length of twiddles_q15")) {
    return -1;
  }
  self->tables = (sotto_frontend_tables){
      .window_samples = (uint16_t)window,
      .hop_samples = (uint16_t)hop,
      .fft_samples = (uint16_t)fft,
      .bins = (uint16_t)bins,
      .window_q15 = self->table_copies[WINDOW],
      .twiddles_q15 = self->table_copies[TWIDDLES],
      .twiddle_words = (uint16_t)self->table_elements[TWIDDLES],
      .split_q15 = self->table_copies[SPLIT],
      .band_start = self->table_copies[BAND_START],
      .rising_q15 = self->table_copies[RISING],
      .log2_q15 = self->table_copies[LOG2],
      .noise_floor_log2 = (uint8_t)noise_floor,
      .zero_log2_q15 = zero,
      .steps_per_octave_q16 = steps,
  };
  return check_table_sizes(self);
}

static PyObject *frontend_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
  FrontendObject *self = (FrontendObject *)type->tp_alloc(type, 0);
  if (self == NULL) {
    return NULL;
  }
  if (parse_tables(self, args, kwargs) < 0) {
    Py_DECREF(self);
    return NULL;
  }
  self->workspace_bytes =
      SOTTO_FRONTEND_WORKSPACE_SIZE((size_t)self->tables.window_samples, self->tables.fft_samples);
  self->stream_workspace = PyMem_Malloc(self->workspace_bytes);
  if (self->stream_workspace == NULL) {
    Py_DECREF(self);
    return PyErr_NoMemory();
  }
  const int status = sotto_frontend_init(&self->stream, &self->tables, self->stream_workspace,
                                         self->workspace_bytes);
  if (status != SOTTO_OK) {
    PyErr_Format(PyExc_ValueError, "the front-end refuses these tables (status %d)", status);
    Py_DECREF(self);
    return NULL;
  }
  return (PyObject *)self;
}

static Py_ssize_t frames_of(const sotto_frontend_tables *t, Py_ssize_t samples) {
  return samples < t->window_samples ? 0 : 1 + (samples - t->window_samples) / t->hop_samples;
}

/* Features of one clip through a fresh stream. Returns SOTTO_OK or init's status. */
static int run_clip(const FrontendObject *self, void *workspace, const int16_t *pcm, size_t samples,
                    int8_t *features) {
  sotto_frontend fe;
  const int status = sotto_frontend_init(&fe, &self->tables, workspace, self->workspace_bytes);
  if (status != SOTTO_OK) {
    return status;
  }
  size_t consumed = 0;
  while (sotto_frontend_push(&fe, pcm, samples, &consumed, features) == 1) {
    pcm += consumed;
    samples -= consumed;
    features += self->tables.bins;
  }
  return SOTTO_OK;
}

PyDoc_STRVAR(
    clips_doc,
    "clips(pcm, clips, features)\n\nint16 pcm of `clips` clips, one after the other, into int8 "
    "features "
    "[clips][frames][bins]. Releases the interpreter lock. ValueError for a buffer of another "
    "size.");

static PyObject *frontend_clips(PyObject *object, PyObject *args) {
  const FrontendObject *self = (const FrontendObject *)object;
  PyObject *pcm_object = NULL;
  PyObject *features_object = NULL;
  Py_ssize_t clips = 0;
  if (!PyArg_ParseTuple(args, "OnO", &pcm_object, &clips, &features_object)) {
    return NULL;
  }
  Py_buffer pcm;
  Py_buffer features;
  if (get_buffer(pcm_object, &pcm, 'h', 0, "pcm") < 0) {
    return NULL;
  }
  if (get_buffer(features_object, &features, 'b', 1, "features") < 0) {
    PyBuffer_Release(&pcm);
    return NULL;
  }
  PyObject *result = NULL;
  void *workspace = NULL;
  const Py_ssize_t total = elements(&pcm);
  if (clips < 1 || total % clips != 0) {
    PyErr_Format(PyExc_ValueError, "%zd samples are not %zd clips of one length", total, clips);
    goto done;
  }
  const Py_ssize_t samples = total / clips;
  const Py_ssize_t clip_bytes = frames_of(&self->tables, samples) * self->tables.bins;
  if (features.len % clips != 0 || features.len / clips != clip_bytes) {
    PyErr_Format(PyExc_ValueError, "features has %zd bytes, not %zd clips of %zd", features.len,
                 clips, clip_bytes);
    goto done;
  }
  workspace = PyMem_Malloc(self->workspace_bytes);
  if (workspace == NULL) {
    PyErr_NoMemory();
    goto done;
  }
  int status = SOTTO_OK;
  Py_BEGIN_ALLOW_THREADS;
  for (Py_ssize_t i = 0; i < clips && status == SOTTO_OK; ++i) {
    status = run_clip(self, workspace, (const int16_t *)pcm.buf + i * samples, (size_t)samples,
                      (int8_t *)features.buf + i * clip_bytes);
  }
  Py_END_ALLOW_THREADS;
  if (status != SOTTO_OK) {
    PyErr_Format(PyExc_ValueError, "the tables were changed (status %d)", status);
    goto done;
  }
  result = Py_NewRef(Py_None);
done:
  PyMem_Free(workspace);
  PyBuffer_Release(&features);
  PyBuffer_Release(&pcm);
  return result;
}

PyDoc_STRVAR(
    push_doc,
    "push(pcm, features) -> frames\n\nFeeds int16 samples to this object's stream and writes each "
    "completed frame to int8 features. ValueError, nothing consumed, when features has not exactly "
    "the "
    "bytes of the frames that these samples complete (see `ready`).");

static PyObject *frontend_ready(PyObject *object, PyObject *count_object) {
  const FrontendObject *self = (const FrontendObject *)object;
  const Py_ssize_t count = PyNumber_AsSsize_t(count_object, PyExc_ValueError);
  if (count == -1 && PyErr_Occurred()) {
    return NULL;
  }
  if (count < 0 || count > PY_SSIZE_T_MAX / 2) {
    return PyErr_Format(PyExc_ValueError, "%zd is not a number of samples", count);
  }
  return PyLong_FromSsize_t(
      frames_of(&self->tables, (Py_ssize_t)self->stream.samples_held + count));
}

static PyObject *frontend_push(PyObject *object, PyObject *args) {
  FrontendObject *self = (FrontendObject *)object;
  PyObject *pcm_object = NULL;
  PyObject *features_object = NULL;
  if (!PyArg_ParseTuple(args, "OO", &pcm_object, &features_object)) {
    return NULL;
  }
  Py_buffer pcm;
  Py_buffer features;
  if (get_buffer(pcm_object, &pcm, 'h', 0, "pcm") < 0) {
    return NULL;
  }
  if (get_buffer(features_object, &features, 'b', 1, "features") < 0) {
    PyBuffer_Release(&pcm);
    return NULL;
  }
  PyObject *result = NULL;
  const Py_ssize_t held = (Py_ssize_t)self->stream.samples_held;
  const Py_ssize_t frames = frames_of(&self->tables, held + elements(&pcm));
  if (features.len != frames * self->tables.bins) {
    PyErr_Format(PyExc_ValueError, "features has %zd bytes, not %zd frames of %d", features.len,
                 frames, (int)self->tables.bins);
  } else {
    const int16_t *samples = pcm.buf;
    size_t left = (size_t)elements(&pcm);
    size_t consumed = 0;
    int8_t *frame = features.buf;
    while (sotto_frontend_push(&self->stream, samples, left, &consumed, frame) == 1) {
      samples += consumed;
      left -= consumed;
      frame += self->tables.bins;
    }
    result = PyLong_FromSsize_t(frames);
  }
  PyBuffer_Release(&features);
  PyBuffer_Release(&pcm);
  return result;
}

static PyObject *frontend_reset(PyObject *object, PyObject *unused) {
  (void)unused;
  sotto_frontend_reset(&((FrontendObject *)object)->stream);
  Py_RETURN_NONE;
}

static PyMethodDef frontend_methods[] = {
    {"clips", frontend_clips, METH_VARARGS, clips_doc},
    {"push", frontend_push, METH_VARARGS, push_doc},
    {"ready", frontend_ready, METH_O,
     "ready(samples) -> frames that pushing so many samples completes"},
    {"reset", frontend_reset, METH_NOARGS,
     "reset()\n\nForgets the samples of this object's stream."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot frontend_slots[] = {
    {Py_tp_new, (void *)frontend_new},
    {Py_tp_dealloc, (void *)frontend_dealloc},
    {Py_tp_methods, frontend_methods},
    {Py_tp_doc, "The firmware's audio front-end with one set of tables."},
    {0, NULL},
};

static PyType_Spec frontend_spec = {
    .name = "training._native.Frontend",
    .basicsize = sizeof(FrontendObject),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = frontend_slots,
};

static int module_exec(PyObject *module) {
  PyObject *type = PyType_FromModuleAndSpec(module, &frontend_spec, NULL);
  if (type == NULL) {
    return -1;
  }
  const int status = PyModule_AddObjectRef(module, "Frontend", type);
  Py_DECREF(type);
  return status;
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, (void *)module_exec},
    {0, NULL},
};

static struct PyModuleDef module_definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "training._native",
    .m_doc = "The firmware's own C for training.",
    .m_size = 0,
    .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit__native(void) {
  return PyModuleDef_Init(&module_definition);
}
