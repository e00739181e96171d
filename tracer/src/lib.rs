//! The Python extension of viztracer-ring, `viztracer.snaptrace`.
//!
//! The way of an event: the interpreter calls a [`hook`], which asks [`thread::current`] for the calling thread's
//! recorder and [`function`] for the id of what is called, and enters or leaves it on the record path of
//! `viztracer-recorder`. Everything else happens once: the process's one [`recording`] begins and ends as the
//! [`tracer`]'s methods ask for it ([`process::lifecycle`]), a [`filter`] decides over each code object the first time
//! it runs, [`thread::task`] tells which asyncio task runs it, [`thread::name`] what its thread is called,
//! [`greenlets`] whether it has several stacks, [`process::fork`] sees to it that a child records into a file of its
//! own, [`ending::deadly_signal`] (on a [`thread::signal_stack`]) and [`ending::leaving`] that the file of a process
//! which ends without a word to Python tells how, [`ending::waits`] that the file of its parent does,
//! [`ending::farewell`] that the run has its report all the same, [`control`] lets the processes of a run count
//! themselves, [`ring_file`] says which run a file belongs to, [`reserve`] sees to it that a program without memory
//! does not die of us, and [`main_program`] runs the program of the command `viztracer`.
//!
//! The rule that keeps the program alive: with a GIL, a hook is a critical section that neither runs Python nor gives
//! up the GIL between finding its thread's recorder and leaving it. Names are looked for [`aside`], before that. So
//! `stop`, which holds the GIL, ends all recording at once, and memory is freed only after that ([`recording`]).
//!
//! Invariants: the per-call path formats no text, allocates nothing, takes no lock and calls no Python; nothing here
//! merges, except that [`command`] lends `viztracer-merge` its Python door.

// Locks and atomic words, loom's or the standard ones.
mod sync;
// Why tracing does not go on, in one line.
mod stderr;
// Python run beside the program, which notices nothing.
mod aside;
// What signal handlers may do.
mod signal;
// Memory for when there is none.
mod reserve;

// What is left out.
mod filter;
// The state of the process's one recording.
mod recording;
// Whether threads have several stacks.
mod greenlets;
// Ids of functions.
mod function;
// The calling thread: its recorder, its name, its task.
mod thread;

// What a program logs beside its calls.
mod logged;
// Functions of ours in the place of the interpreter's.
mod interpose;
// What the interpreter calls.
mod hook;
// Ends without a word to Python.
mod ending;
// Begin and end of a recording, and forks.
mod process;

// The control block of a run.
mod control;
// What Python learns of ring files.
mod ring_file;
// The doors of `viztracer-merge`.
mod command;
// The program of the command `viztracer`.
mod main_program;
// What Python's tracer calls.
mod tracer;

/// What Python may see. An interpreter that can do without the GIL takes it on for this module.
#[pyo3::pymodule(gil_used = true)]
mod snaptrace {
    #[pymodule_export]
    use super::command::{Merged, is_output_name, merge, merge_command, output_kinds, ring_process};
    #[pymodule_export]
    use super::control::ControlBlock;
    #[pymodule_export]
    use super::ending::deadly_signal::watch;
    #[pymodule_export]
    use super::ending::farewell::{arm_farewell, arm_line, disarm_farewell, disarm_line};
    #[pymodule_export]
    use super::ending::leaving::{ask_before_exec, note_exit, ring_cut};
    #[pymodule_export]
    use super::main_program::{note_unsaved, run_byte_code, run_code, run_command, run_file, run_module, run_stdin};
    #[pymodule_export]
    use super::ring_file::{await_ring, is_ring_open, ring_session};
    #[pymodule_export]
    use super::tracer::Tracer;

    #[pymodule_init]
    fn init(module: &pyo3::Bound<'_, pyo3::types::PyModule>) -> pyo3::PyResult<()> {
        use pyo3::PyTypeInfo;
        use pyo3::types::PyModuleMethods;

        super::function::leave_out(Tracer::type_object_raw(module.py()));
        module.add("RECORD_SIZE", viztracer_format::record::RECORD_SIZE)?;
        module.add("RING_MAGIC", pyo3::types::PyBytes::new(module.py(), &viztracer_format::header::MAGIC))?;
        super::tracer::note_import();
        super::stderr::look();
        Ok(())
    }
}
