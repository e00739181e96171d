//! The lines of one segment.

use crate::align::Clock;
use crate::error::Problem;
use crate::input::ring::{Input, Unread};
use crate::plan::ending::Ending;
use crate::text::display::printable;
use std::collections::HashMap;
use std::io::{self, Write};
use viztracer_format::arguments::{is_header, is_part};
use viztracer_format::names::{Entry, Estimate, SourceIdentity};
use viztracer_format::reader::Segment;
use viztracer_format::record::{DURATION_EXTENDED, INHERITED, Kind, RECORD_SIZE, Record, full_ticks};
use viztracer_format::segment::{SEGMENT_HEADER_SIZE, SegmentKind};
use viztracer_format::stack::{BLOCK_SIZE, Block, blocks, task_of};

/// The columns of a record's line.
pub const COLUMNS: &str = "offset, segment, generation, thread, task, kind, start, duration, function";

/// A dump that is being written.
pub struct Dump<'a, W> {
    /// The names of functions by id, as in reports.
    pub functions: HashMap<u32, String>,
    pub clock: &'a Clock,
    /// Open frames began near these ticks.
    pub reference: u64,
    pub to: W,
    /// How many parts could not be read.
    pub damaged: u64,
}

impl<W: Write> Dump<'_, W> {
    /// Writes a segment as it is now.
    pub fn segment(&mut self, input: &Input, index: u32, buffer: &mut Vec<u8>) -> io::Result<()> {
        let (segment, body) = match input.read_now(index, buffer) {
            Ok(read) => read,
            Err(Unread::Recycled) => return writeln!(self.to, "\nsegment {index}: recycled meanwhile"),
            Err(Unread::Damaged(problem)) => return self.damage(index, &problem),
        };
        self.head(index, &segment)?;
        match segment.kind {
            SegmentKind::Names | SegmentKind::Labels => self.names(&segment, body),
            SegmentKind::Stacks => self.stacks(&segment, body),
            SegmentKind::Calls => self.calls(index, &segment, body),
            SegmentKind::Payload => self.payload(&segment, body),
        }
    }

    /// Writes a line for a segment that cannot be read.
    pub fn damage(&mut self, index: u32, problem: &Problem) -> io::Result<()> {
        self.damaged += 1;
        writeln!(self.to, "\nsegment {index}: not read: {problem}")
    }

    fn head(&mut self, index: u32, segment: &Segment) -> io::Result<()> {
        let Segment { offset, generation, kind, thread, first_event, opened, anchor, committed, seal, .. } = segment;
        let kind = format!("{kind:?}").to_uppercase();
        let seal = seal.map_or_else(|| "open".to_owned(), |crc| format!("sealed {crc:#010x}"));
        write!(self.to, "\nsegment {index}: {kind} at {offset}, generation {generation}, {seal}, {committed} bytes")?;
        if segment.kind == SegmentKind::Calls {
            let (others, handovers) = (segment.others, segment.handovers);
            write!(self.to, ", thread {thread}, {first_event} events before, {others} others, {handovers} handovers")?;
        }
        let (opened, anchor) = (self.clock.signed(*opened), self.clock.signed(anchor.ticks));
        writeln!(self.to, ", opened at {opened}, anchor at {anchor}")
    }

    fn names(&mut self, segment: &Segment, body: &[u8]) -> io::Result<()> {
        for entry in segment.entries(body) {
            match entry {
                Ok(Entry::Function { id, .. }) => {
                    let name = self.functions.get(&id).map_or("?", |name| name);
                    writeln!(self.to, "  FUNCTION {id} {name}")
                }
                Ok(Entry::Thread { serial, tid, begun, ended, events, lost }) => {
                    let begun = self.clock.signed(begun);
                    let ended = if ended == 0 { "-".to_owned() } else { self.clock.signed(ended).to_string() };
                    writeln!(
                        self.to,
                        "  THREAD {serial} tid {tid}, begun {begun}, ended {ended}, {events} events, {lost} lost"
                    )
                }
                Ok(Entry::ThreadName { serial, name }) => {
                    writeln!(self.to, "  THREADNAME {serial} {}", printable(name))
                }
                Ok(Entry::ProcessName(name)) => writeln!(self.to, "  PROCESSNAME {}", printable(name)),
                Ok(Entry::TaskName { serial, name }) => writeln!(self.to, "  TASKNAME {serial} {}", printable(name)),
                Ok(Entry::Child { pid, status, waited }) => {
                    let ending = Ending::of_wait(status).map_or_else(|| format!("status {status}"), Ending::words);
                    writeln!(self.to, "  CHILD {pid} {ending}, waited for at {waited} monotonic ns")
                }
                Ok(Entry::Source { path, identity: SourceIdentity { device, inode, size, modified } }) => {
                    let (path, modified) = (printable(path), modified as i64);
                    writeln!(self.to, "  SOURCE {path}: device {device}, inode {inode}, {size} bytes, {modified} ns")
                }
                Ok(Entry::Elided { function, only_c_calls, ticks }) => {
                    let (name, ticks) = (name(&self.functions, function), self.clock.signed(ticks));
                    let what = if only_c_calls { " only its C calls," } else { "" };
                    writeln!(self.to, "  ELIDED {function} {name},{what} from {ticks} on")
                }
                Ok(Entry::Estimate { function, estimate }) => {
                    let Estimate { bursts, counted, time, calls, error } = estimate;
                    let name = name(&self.functions, function);
                    write!(self.to, "  ESTIMATE {function} {name}: {calls} calls, standard error {error}, ")?;
                    writeln!(self.to, "of {counted} calls counted in {bursts} bursts of {time} ns")
                }
                Ok(Entry::Unknown(tag)) => writeln!(self.to, "  entry of unknown tag {tag}"),
                Err(error) => {
                    self.damaged += 1;
                    let what = if segment.kind == SegmentKind::Labels { "not read" } else { "not read from here on" };
                    writeln!(self.to, "  {what}: {}", Problem::from(error))
                }
            }?;
        }
        Ok(())
    }

    fn stacks(&mut self, segment: &Segment, body: &[u8]) -> io::Result<()> {
        let offsets = (0..).map(|number: u64| segment.offset + SEGMENT_HEADER_SIZE as u64 + number * BLOCK_SIZE as u64);
        for (offset, bytes) in offsets.zip(body.chunks_exact(BLOCK_SIZE)) {
            for Block { thread, base, frames } in blocks(bytes) {
                writeln!(self.to, "  {offset} block of thread {thread}, base {base}, {} frames", frames.len())?;
                for frame in frames {
                    self.frame(frame)?;
                }
            }
        }
        Ok(())
    }

    fn frame(&mut self, frame: Record) -> io::Result<()> {
        if let Some(task) = task_of(frame) {
            return writeln!(self.to, "    task {task}");
        }
        if is_part(frame) {
            let what = if is_header(frame) { "arguments end" } else { "arguments" };
            return writeln!(self.to, "    {what}");
        }
        let start = self.clock.signed(full_ticks(frame.start(), self.reference));
        let inherited = if Block::is_inherited(frame) { ", inherited" } else { "" };
        let name = name(&self.functions, frame.function());
        writeln!(self.to, "    began {start}{inherited} {name}")
    }

    fn calls(&mut self, index: u32, segment: &Segment, body: &[u8]) -> io::Result<()> {
        let (mut thread, mut task) = (segment.thread, 0);
        let records: Vec<Record> = body.chunks_exact(RECORD_SIZE).map(bytemuck::pod_read_unaligned).collect();
        for (number, record) in records.iter().enumerate() {
            let kind = Kind::from_byte(record.kind_byte());
            match kind {
                Some(Kind::Thread) => (thread, task) = (record.word1 as u32, 0),
                Some(Kind::Task) => task = record.word1 as u32,
                _ => {}
            }
            let offset = segment.offset + (SEGMENT_HEADER_SIZE + number * RECORD_SIZE) as u64;
            let word = kind.map_or_else(|| format!("KIND {:#04x}", record.kind_byte()), word);
            write!(self.to, "  {offset:>10} {index:>5} {:>6} {thread:>4} {task:>4}  ", segment.generation)?;
            match kind {
                Some(kind) if kind.is_event() => {
                    let next = records.get(number + 1).filter(|next| is_long(next));
                    let event = Timed { record, opened: segment.opened, long: next.map(|next| next.start()) };
                    self.event(&word, &event)
                }
                Some(Kind::Payload) => {
                    let (offset, length) = (record.word1 as u32, record.word1 >> 32);
                    writeln!(self.to, "{word:<10} generation {}, offset {offset}, {length} bytes", record.start())
                }
                Some(Kind::Long) => writeln!(self.to, "{word:<10} {} ticks", record.start()),
                Some(_) => writeln!(self.to, "{word:<10} {}", record.word1),
                None => writeln!(self.to, "{word:<10} {:#018x} {:#018x}", record.word0, record.word1),
            }?;
        }
        Ok(())
    }

    fn event(&mut self, word: &str, event: &Timed<'_>) -> io::Result<()> {
        let start = full_ticks(event.record.start(), event.opened);
        let ticks = event.long.filter(|_| event.record.duration() == DURATION_EXTENDED);
        let end = start.saturating_add(ticks.unwrap_or(event.record.duration()));
        let (start, end) = (self.clock.signed(start), self.clock.signed(end));
        let inherited = if event.record.kind_byte() & INHERITED == 0 { "" } else { " (inherited)" };
        let name = name(&self.functions, event.record.function());
        writeln!(self.to, "{word:<10} {start:>14} {:>12}  {name}{inherited}", end.saturating_sub(start))
    }

    fn payload(&mut self, segment: &Segment, body: &[u8]) -> io::Result<()> {
        let offset = segment.offset + SEGMENT_HEADER_SIZE as u64;
        writeln!(self.to, "  {offset} {}", printable(&String::from_utf8_lossy(body)))
    }
}

/// A record, with what its times are calculated from.
struct Timed<'a> {
    record: &'a Record,
    /// Ticks when its segment was opened.
    opened: u64,
    /// The duration in the extension that follows.
    long: Option<u64>,
}

fn is_long(record: &Record) -> bool {
    Kind::from_byte(record.kind_byte()) == Some(Kind::Long)
}

fn word(kind: Kind) -> String {
    format!("{kind:?}").to_uppercase()
}

fn name(functions: &HashMap<u32, String>, id: u32) -> String {
    functions.get(&id).cloned().unwrap_or_else(|| format!("unknown function {id}"))
}
