/* The least that a tracer of calls can cost: the interpreter's own dispatch of the events, to callbacks that do
 * nothing.
 *
 * From CPython 3.12 on, `noop` is an object for sys.monitoring.register_callback. It is called through a vectorcall
 * slot of its own, which is cheaper than a builtin function. Before that, `set_profile(True)` installs a C function
 * that returns at once.
 */
#include <Python.h>
#include <stddef.h>

#if PY_VERSION_HEX >= 0x030C0000

typedef struct {
    PyObject_HEAD
    vectorcallfunc vectorcall;
} Noop;

static PyObject *noop(PyObject *self, PyObject *const *args, size_t count, PyObject *keywords)
{
    return Py_None; /* immortal */
}

static PyTypeObject NoopType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "floor.Noop",
    .tp_basicsize = sizeof(Noop),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_vectorcall_offset = offsetof(Noop, vectorcall),
    .tp_call = PyVectorcall_Call,
};

static PyMethodDef methods[] = {{NULL}};

static int add_objects(PyObject *module)
{
    if (PyType_Ready(&NoopType) < 0)
        return -1;
    Noop *object = PyObject_New(Noop, &NoopType);
    if (object == NULL)
        return -1;
    object->vectorcall = noop;
    return PyModule_AddObject(module, "noop", (PyObject *)object);
}

#else

static int noop(PyObject *argument, PyFrameObject *frame, int what, PyObject *value)
{
    return 0;
}

static PyObject *set_profile(PyObject *module, PyObject *on)
{
    PyEval_SetProfile(on == Py_True ? noop : NULL, NULL);
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
