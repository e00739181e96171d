//! Every record of one file as a line, for readers of FORMAT.md: the header, the anchors, then the segments in the
//! order of the file, each with its content. A damaged part has a line that says so.
//!
//! Only the names of functions stay in memory; everything else is read a segment at a time.

mod segment;

use crate::align::Clock;
use crate::error::Problem;
use crate::events::content::ring;
use crate::input::ring::Input;
use crate::plan::file::FilePlan;
use crate::plan::names;
use crate::text::display::{self, function_name, printable};
use segment::Dump;
use std::collections::HashMap;
use std::io::{self, BufWriter, Write};
use viztracer_format::clock::Anchor;
use viztracer_format::header::{CLOCK_COUNTER, Header};

/// Writes the dump of a file, as long as `go_on` says so, and returns how many parts of it could not be read.
pub fn write(plan: &FilePlan, clock: &Clock, go_on: &dyn Fn() -> bool, to: &mut dyn Write) -> io::Result<u64> {
    let input = ring(plan)?;
    let mut to = BufWriter::new(to);
    header(plan, &input.header, &mut to)?;
    writeln!(to, "\nanchors: ticks, monotonic ns, realtime ns")?;
    for Anchor { ticks, monotonic, realtime } in &plan.anchors {
        writeln!(to, "  {ticks} {monotonic} {realtime}")?;
    }
    writeln!(to, "\nTimes are in ns since the file was opened. A record's line: {}", segment::COLUMNS)?;
    let mut dump = Dump { functions: functions(&input, plan), clock, reference: plan.last_moment, to, damaged: 0 };
    let mut result = Ok(());
    let mut buffer = Vec::new();
    input.segments(|index, segment| {
        if result.is_err() {
            return;
        }
        result = match go_on() {
            false => Err(io::ErrorKind::Interrupted.into()),
            true => match segment {
                Ok(_) => dump.segment(&input, index, &mut buffer),
                Err(problem) => dump.damage(index, &problem),
            },
        };
    });
    result?;
    dump.to.flush()?;
    Ok(dump.damaged)
}

fn header(plan: &FilePlan, header: &Header, to: &mut impl Write) -> io::Result<()> {
    let id = &header.identity;
    let hex = |bytes: &[u8; 16]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let anchor = |a: &Anchor| format!("{} {} {}", a.ticks, a.monotonic, a.realtime);
    let clock = if id.clock == CLOCK_COUNTER { "1 (counter of the processor)" } else { "2 (monotonic ns)" };
    let fields: [(&str, String); 36] = [
        ("file", display::path(&plan.path)),
        ("bytes", plan.length.to_string()),
        ("state", plan.state.word().to_owned()),
        ("version", id.version.to_string()),
        ("header_size", id.header_size.to_string()),
        ("segment_size", id.segment_size.to_string()),
        ("clock", clock.to_owned()),
        ("incompatible", format!("{:#x}", id.incompatible)),
        ("compatible", format!("{:#x}", id.compatible)),
        ("entries", id.entries.to_string()),
        ("min_duration", id.min_duration.to_string()),
        ("pid", id.pid.to_string()),
        ("parent_pid", id.parent_pid.to_string()),
        ("process_start", id.process_start.to_string()),
        ("monotonic_offset", id.monotonic_offset.to_string()),
        ("boot_id", hex(&id.boot_id)),
        ("host", printable(&id.host_name().unwrap_or_default())),
        ("session_id", hex(&id.session_id)),
        ("file_id", hex(&id.file_id)),
        ("python_version", format!("{:#010x}", id.python_version)),
        ("imported", anchor(&id.imported)),
        ("opened", anchor(&id.opened)),
        ("closed", anchor(&header.closed)),
        ("unmatched", header.unmatched.to_string()),
        ("unnamed", header.unnamed.to_string()),
        ("lost", header.lost.to_string()),
        ("failure", header.failure.to_string()),
        ("gaps", header.gaps.to_string()),
        ("forgotten_threads", header.forgotten.threads.to_string()),
        ("forgotten_events", header.forgotten.events.to_string()),
        ("forgotten_tasks", header.forgotten.tasks.to_string()),
        ("switched", u8::from(header.switched).to_string()),
        ("forgotten_children", header.forgotten_children.to_string()),
        ("rests", header.rests.count.to_string()),
        ("rested", header.rests.ticks.to_string()),
        ("resting_since", header.rests.since.to_string()),
    ];
    for (name, value) in fields {
        writeln!(to, "{name:<17} {value}")?;
    }
    for argument in &header.arguments {
        writeln!(to, "{:<17} {}", "argument", printable(argument))?;
    }
    Ok(())
}

fn functions(input: &Input, plan: &FilePlan) -> HashMap<u32, String> {
    let mut functions = HashMap::new();
    names::functions(input, &plan.names, |id, function| {
        let name = match function.file {
            "" => function.name.to_owned(),
            file => function_name(function.name, file, function.line),
        };
        functions.insert(id, printable(&name));
    });
    functions
}

impl From<Problem> for io::Error {
    fn from(problem: Problem) -> io::Error {
        io::Error::other(problem.to_string())
    }
}
