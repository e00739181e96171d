//! Places machines on one time line by the calls of a barrier: a function that no process leaves before all processes
//! have entered it, such as `torch.distributed.barrier`.
//!
//! So of one such call on two machines, the last enter on either one is before the first leave on the other one. This
//! bounds the difference of their clocks from both sides, whatever the network does meanwhile.

use super::fit::{Bounds, Fit};
use crate::plan::file::FilePlan;
use crate::plan::recording::Boot;
use crate::text::display;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use viztracer_format::clock::TickMap;

/// How long, in ns, a process may be seen to leave a barrier before another one of the same machine enters it: the
/// clocks of two processes are read with this error.
const TOLERANCE: i64 = 10_000;

/// A call of the barrier, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// When the process entered it.
    pub entered: u64,
    /// When the process left it.
    pub left: u64,
}

/// The calls of the barrier that a file has, in the order in which they ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passes {
    /// The calls that ended.
    pub calls: Vec<Pass>,
    /// Whether there may have been earlier ones.
    pub lacks_first: bool,
    /// Whether there may have been later ones.
    pub lacks_last: bool,
}

/// A machine that is placed by the calls of a barrier.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedHost {
    /// Its boot.
    pub boot: Boot,
    /// Its name, if it is known.
    pub name: Option<String>,
    /// The first of its files.
    pub path: PathBuf,
    /// The number of its files.
    pub files: usize,
    /// The number of calls that place it.
    pub calls: usize,
    /// Converts times of its clock to that of the first file's machine.
    pub fit: Fit,
}

/// On one machine: the last time at which a process entered the barrier, and the first at which one left it.
#[derive(Clone, Copy, Debug)]
struct Meeting {
    entered: i64,
    left: i64,
}

/// The meetings of one machine, by the number of the barrier's call.
type Meetings = BTreeMap<usize, Meeting>;

/// Places all machines but that of the first file. `maps` and `passes` belong to the files. The error says why a machine
/// cannot be placed.
pub fn place(files: &[FilePlan], maps: &[TickMap], passes: &[Passes]) -> Result<Vec<PlacedHost>, String> {
    let Some(first) = files.first() else { return Ok(Vec::new()) };
    let meetings = meetings(files, maps, passes)?;
    let of = |file: &FilePlan| {
        let found = meetings.get(&file.recording.boot).filter(|meetings| !meetings.is_empty());
        let path = display::path(&file.path);
        found.ok_or_else(|| format!("no process on the machine of {path} has called it, so its clock is not known"))
    };
    let reference = of(first)?;
    let mut placed: Vec<PlacedHost> = Vec::new();
    for file in files.iter().filter(|file| file.recording.boot != first.recording.boot) {
        let boot = file.recording.boot;
        if let Some(host) = placed.iter_mut().find(|host| host.boot == boot) {
            host.files += 1;
            continue;
        }
        let bounds = bounds(of(file)?, reference);
        let fit = Fit::of(&bounds).ok_or_else(|| {
            let (path, to) = (display::path(&file.path), display::path(&first.path));
            format!(
                "the clocks of {path} and {to} contradict each other: it is no barrier of both, or calls are missing"
            )
        })?;
        let (name, path) = (file.recording.host.clone(), file.path.clone());
        placed.push(PlacedHost { boot, name, path, files: 1, calls: bounds.len(), fit });
    }
    Ok(placed)
}

/// What the calls that two machines share say of the difference of their clocks.
fn bounds(of: &Meetings, to: &Meetings) -> Vec<Bounds> {
    let shared = of.iter().filter_map(|(number, of)| Some((of, to.get(number)?)));
    let bounds = |(of, to): (&Meeting, &Meeting)| Bounds {
        at: of.left,
        least: to.entered.saturating_sub(of.left),
        most: to.left.saturating_sub(of.entered),
    };
    shared.map(bounds).collect()
}

fn meetings(files: &[FilePlan], maps: &[TickMap], passes: &[Passes]) -> Result<HashMap<Boot, Meetings>, String> {
    let numbers = Numbers::of(files, passes)?;
    let mut meetings: HashMap<Boot, Meetings> = HashMap::new();
    for ((file, map), passes) in files.iter().zip(maps).zip(passes) {
        let on_machine = |ticks| {
            let monotonic = (map.nanoseconds(ticks) as i64).wrapping_add(file.monotonic_at_tick_0());
            monotonic.wrapping_sub(file.recording.monotonic_offset)
        };
        let of_machine = meetings.entry(file.recording.boot).or_default();
        for (number, pass) in (numbers.first(passes)..).zip(&passes.calls) {
            let (entered, left) = (on_machine(pass.entered), on_machine(pass.left));
            let meeting = of_machine.entry(number).or_insert(Meeting { entered, left });
            *meeting = Meeting { entered: entered.max(meeting.entered), left: left.min(meeting.left) };
            if meeting.entered > meeting.left.saturating_add(TOLERANCE) {
                let path = display::path(&file.path);
                return Err(format!("{path} and another process of its machine were not in it at the same time"));
            }
        }
    }
    Ok(meetings)
}

/// Which calls of different processes belong together: those with the same number from the begin, or from the end.
struct Numbers {
    from_end: bool,
    /// The most calls of a file.
    most: usize,
}

impl Numbers {
    fn of(files: &[FilePlan], passes: &[Passes]) -> Result<Numbers, String> {
        let called = || files.iter().zip(passes).filter(|(_, passes)| !passes.calls.is_empty());
        let most = called().map(|(_, passes)| passes.calls.len()).max().ok_or("no process has called it")?;
        let from_end = called().any(|(_, passes)| passes.lacks_first);
        let lacks_end = |(_, passes): &(_, &Passes)| passes.lacks_last;
        let is_whole = |passes: &Passes| if from_end { !passes.lacks_first } else { !passes.lacks_last };
        let short = called().find(|(_, passes)| passes.calls.len() < most && is_whole(passes));
        match (from_end, called().find(lacks_end), short) {
            (true, Some((file, _)), _) => Err(format!(
                "its first calls are overwritten, and {} may lack its last calls, so it is not known which calls of \
                 different processes belong together",
                display::path(&file.path)
            )),
            (_, _, Some((file, passes))) => Err(format!(
                "{} has {} calls of it, another process {most}: it is no barrier of all of them",
                display::path(&file.path),
                passes.calls.len()
            )),
            _ => Ok(Numbers { from_end, most }),
        }
    }

    /// The number of a file's first call.
    fn first(&self, passes: &Passes) -> usize {
        if self.from_end { self.most - passes.calls.len() } else { 0 }
    }
}
