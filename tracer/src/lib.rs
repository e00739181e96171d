//! The Python extension of viztracer-ring, `viztracer.snaptrace`.
//!
//! What happens at each event, in this order:
//!
//! - [`hook`]: the interpreter calls a function of ours.
//! - [`thread::current`] finds the calling thread's recorder.
//! - [`function`] finds the id of what is called. The first time, [`filter`] decides whether it is recorded.
//! - [`thread::calls`] enters or leaves it on the record path of `viztracer-recorder`.
//!
//! What happens now and then:
//!
//! - [`thread::name`] reads the name of a thread, [`thread::task`] which asyncio task it runs.
//! - [`greenlets`] notices that a thread has several stacks.
//! - [`preserve`] keeps the exception that is under way while a hook runs Python.
//! - [`allocator`] has a reserve for a program that has used up its memory, and [`fallible`] makes Python objects, or
//!   fails, where pyo3 would panic.
//! - [`source_log`] logs what instrumented source code does, [`interpreter_events`] what the interpreter does.
//!
//! What happens once in a process:
//!
//! - [`tracer`]: Python asks to record, to stop, to save; [`process::lifecycle`] does that to the one [`recording`].
//! - [`process::fork`]: a forked child records into a file of its own.
//! - [`ending::deadly_signal`] and [`ending::exit_calls`]: the file of a process that ends without Python says how.
//! - [`ending::child_exits`]: the file of its parent says how, too.
//! - [`ending::exit_report`]: a run whose first process ends so has its report all the same.
//! - [`process::switching`]: the session is paused, resumed or stopped; [`process::watcher`] waits for the resume.
//! - [`control`]: the processes of a run count themselves.
//! - [`ring_file`] says which run a ring file belongs to, and whether its process lives.
//! - [`main_program`] runs the program of the command `viztracer`; [`command`] merges for Python, [`calls`] gives it
//!   calls as data; [`background`] starts commands that the program does not see.
//!
//! [`system`] has what operating systems do differently, and so have files that are named after one.
//!
//! A hook is a critical section: between finding its thread's recorder and leaving it, it neither runs Python nor lets
//! the interpreter stop its thread. So `stop`, which falls between the hooks of all threads ([`exclusive`]), ends all
//! recording at once, and memory is freed only after that ([`recording`]). The per-call path formats no text, allocates
//! nothing, takes no lock and calls no Python.

#![cfg_attr(windows, allow(dead_code, reason = "some functions are for forks and signals alone"))]

// Modules stand in the order in which they use each other: each uses only those before it.

// Locks and atomic words, loom's or the standard ones.
mod sync;
// Functions of the interpreter that pyo3 does not declare.
mod imported;
// System calls of signal handlers.
#[cfg_attr(windows, path = "signal_on_windows.rs")]
mod signal;
// What operating systems do differently.
mod system;
// The one line on stderr when tracing does not go on.
mod stderr;
// Daemon threads at the end of the interpreter.
mod daemon;
// Python objects whose making may fail, but does not panic.
mod fallible;
// The interpreter's state, kept while a hook runs Python.
mod preserve;
// Memory for when there is none.
mod allocator;

// Which functions are recorded.
mod filter;
// The GIL, or what stands for it.
mod exclusive;
// The state of the process's one recording.
mod recording;
// Ids of functions.
mod function;
// What is done at the end of a hook now and then.
mod due;
// The calling thread: its recorder, its name, its task.
mod thread;
// Whether threads have several stacks.
mod greenlets;

// What a program logs besides its calls.
mod logged;
// The control block of a run.
mod control;
// What Python learns of ring files.
mod ring_file;
// Commands beside the program, which does not see them.
#[cfg_attr(windows, path = "background_on_windows.rs")]
mod background;
// Snapshots that the process takes by itself.
mod snapshots;
// What tracing may cost.
mod budget;
// Functions of ours in place of the interpreter's.
mod interpose;
// What the interpreter calls at each event.
mod hook;
// Ends of the process without Python.
mod ending;
// Start and end of a recording, and forks.
mod process;

// Merging for Python.
mod command;
// Calls as data for Python.
mod calls;
// Large traces for the viewer.
mod tiles;
// The program of the command `viztracer`.
mod main_program;
// What Python's tracer calls.
mod tracer;
// What instrumented source code calls.
mod source_log;
// What the interpreter calls when it collects garbage, and at audit events.
mod interpreter_events;

/// What Python may see. An interpreter that can do without the GIL takes it on for this module and says so in a
/// `RuntimeWarning`, since the free-threaded versions that pyo3 supports are not tested. With `PYTHON_GIL=0` it does
/// without all the same; what keeps its threads apart then is in [`exclusive`].
#[pyo3::pymodule(gil_used = true)]
mod snaptrace {
    #[pymodule_export]
    use super::background::start_unseen;
    #[pymodule_export]
    use super::calls::{Calls, open_calls};
    #[pymodule_export]
    use super::command::{Merged, combine, is_output_name, merge, output_kinds, ring_process, snapshot};
    #[pymodule_export]
    use super::control::{ControlBlock, SessionDescription, read_control_block, scratch_directory};
    #[pymodule_export]
    use super::ending::deadly_signal::watch;
    #[pymodule_export]
    use super::ending::exit_calls::{ask_before_exec, note_exit, ring_cut};
    #[pymodule_export]
    use super::ending::exit_report::{arm_exit_line, arm_exit_report, disarm_exit_line, disarm_exit_report};
    #[pymodule_export]
    use super::ending::exit_status::note_unsaved;
    #[pymodule_export]
    use super::ending::last_memory::free_last_memory;
    #[pymodule_export]
    use super::interpreter_events::{record_audit_event, record_garbage_collection};
    #[pymodule_export]
    use super::logged::interruption::is_for_program;
    #[pymodule_export]
    use super::logged::json::json_of;
    #[pymodule_export]
    use super::logged::shown::text_of;
    #[pymodule_export]
    use super::main_program::{run_byte_code, run_code, run_command, run_file, run_module, run_stdin};
    #[pymodule_export]
    use super::process::switching::release_watcher;
    #[pymodule_export]
    use super::process::watcher::{end_watcher, hold_watcher};
    #[pymodule_export]
    use super::ring_file::{RingFacts, RingStatus, await_ring, is_ring_open, ring_facts, ring_session, ring_status};
    #[pymodule_export]
    use super::snapshots::{arm_snapshots, check_snapshot_trigger, disarm_snapshots};
    #[pymodule_export]
    use super::source_log::SourceLog;
    #[pymodule_export]
    use super::tiles::{Tiles, open_tiles};
    #[pymodule_export]
    use super::tracer::Tracer;

    #[pymodule_init]
    fn init(module: &pyo3::Bound<'_, pyo3::types::PyModule>) -> pyo3::PyResult<()> {
        use pyo3::PyTypeInfo;
        use pyo3::types::PyModuleMethods;

        let python = module.py();
        super::function::request_slot(python);
        super::function::leave_out([Tracer::type_object_raw(python), SourceLog::type_object_raw(python)]);
        module.add("RECORD_SIZE", viztracer_format::record::RECORD_SIZE)?;
        module.add("source_log", SourceLog::new(python)?)?;
        module.add("RING_MAGIC", pyo3::types::PyBytes::new(python, &viztracer_format::header::MAGIC))?;
        super::tracer::note_import();
        super::system::add_functions(module)?;
        super::system::note_main_thread(python);
        super::stderr::note_at_import();
        Ok(())
    }
}
