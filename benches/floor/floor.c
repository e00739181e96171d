/* The least that a tracer of calls can cost: the interpreter's own dispatch of the events, to callbacks that do
 * nothing (`noop`), or that only read the clock (`clock`), as a tracer must in order to know when an event happened.
 *
 * From CPython 3.12 on, these are objects for sys.monitoring.register_callback. They are called through a vectorcall
 * slot of their own, which is cheaper than a builtin function. Before that, `set_profile(name)` installs a C function;
 * `set_profile(None)` removes it.
 */
#include <Python.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <x86intrin.h>
static uint64_t now(void) { return __rdtsc(); }
#else
#include <time.h>
static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * UINT64_C(1000000000) + time.tv_nsec;
}
#endif

/* Keeps the compiler from leaving the reading out. */
static volatile uint64_t last_reading;

#if PY_VERSION_HEX >= 0x030C0000

typedef struct {
    PyObject_HEAD
    vectorcallfunc vectorcall;
} Callback;

static PyObject *noop(PyObject *self, PyObject *const *args, size_t count, PyObject *keywords)
{
    return Py_None; /* immortal */
}

static PyObject *read_clock(PyObject *self, PyObject *const *args, size_t count, PyObject *keywords)
{
    last_reading = now();
    return Py_None;
}

static PyTypeObject CallbackType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "floor.Callback",
    .tp_basicsize = sizeof(Callback),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_vectorcall_offset = offsetof(Callback, vectorcall),
    .tp_call = PyVectorcall_Call,
};

static PyMethodDef methods[] = {{NULL}};

static int add_callback(PyObject *module, const char *name, vectorcallfunc function)
{
    Callback *object = PyObject_New(Callback, &CallbackType);
    if (object == NULL)
        return -1;
    object->vectorcall = function;
    return PyModule_AddObject(module, name, (PyObject *)object);
}

static int add_objects(PyObject *module)
{
    if (PyType_Ready(&CallbackType) < 0 || add_callback(module, "noop", noop) < 0)
        return -1;
    return add_callback(module, "clock", read_clock);
}

#else

static int noop(PyObject *argument, PyFrameObject *frame, int what, PyObject *value)
{
    return 0;
}

static int read_clock(PyObject *argument, PyFrameObject *frame, int what, PyObject *value)
{
    last_reading = now();
    return 0;
}

static PyObject *set_profile(PyObject *module, PyObject *name)
{
    const char *callback = name == Py_None ? "" : PyUnicode_AsUTF8(name);
    if (callback == NULL)
        return NULL;
    PyEval_SetProfile(strcmp(callback, "noop") == 0 ? noop : strcmp(callback, "clock") == 0 ? read_clock : NULL, NULL);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {{"set_profile", set_profile, METH_O, NULL}, {NULL}};

static int add_objects(PyObject *module)
{
    return 0;
}

#endif

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "floor", .m_size = -1, .m_methods = methods};

PyMODINIT_FUNC PyInit_floor(void)
{
    PyObject *module = PyModule_Create(&definition);
    if (module != NULL && add_objects(module) < 0)
        Py_CLEAR(module);
    return module;
}
