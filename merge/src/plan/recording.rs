//! What is known of a recording as a whole, whether the header of a ring file says it or a report.

use crate::storage::inode::Inode;
use viztracer_format::clock::Anchor;
use viztracer_format::header::{CLOCK_MONOTONIC, Forgotten, Header};

/// A recording of one process.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// The process's id. In a trace in JSON that does not say it, the number of the process's tracks.
    pub pid: u32,
    /// The id of the process's parent, 0 if unknown.
    pub parent_pid: u32,
    /// The command line.
    pub arguments: Vec<String>,
    /// As in `PY_VERSION_HEX`, 0 if unknown.
    pub python_version: u32,
    /// The run that the process belonged to, zeros if none.
    pub session_id: [u8; 16],
    /// How many of the newest events were asked for, 0 if all.
    pub entries: u64,
    /// The name of the machine, if it is known.
    pub host: Option<String>,
    /// The boot of the machine that its clock counts from.
    pub boot: Boot,
    /// What the process's time namespace adds to the machine's monotonic clock, in ns.
    pub monotonic_offset: i64,
    /// Whether its ticks are nanoseconds of the monotonic clock; otherwise anchors relate them.
    pub ticks_are_nanoseconds: bool,
    /// When the recording began. Where a trace in JSON does not say it, the time of the first event in the document.
    pub opened: Anchor,
    /// When the recording was closed, if that is known.
    pub closed: Option<Anchor>,
    /// Events of threads that have no label.
    pub lost: u64,
    /// Functions that share one id, since the file had no space for their names.
    pub unnamed: u64,
    /// Returns that fitted no open call.
    pub unmatched: u64,
    /// How often the tracer's hook was found taken away: calls are missing from then on until it was put back.
    pub gaps: u64,
    /// Threads and tasks whose labels were reused, as the file holds none of their events any more.
    pub forgotten: Forgotten,
    /// Whether the program switched between several stacks inside a thread, as greenlets do.
    pub switched: bool,
    /// The operating system's error number that ended the recording early, 0 if none.
    pub failure: u64,
}

/// The boot of a machine, since which its monotonic clock counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Boot {
    /// The boot is not known. Files of unknown boots are taken to be of the same one.
    #[default]
    Unknown,
    /// The boot with this id.
    Id([u8; 16]),
    /// A boot of which only one document is known, as its clock began at another time than those of all other files.
    OfDocument(Inode),
}

impl Boot {
    /// The boot with this id; zeros mean an unknown one.
    pub fn of(id: [u8; 16]) -> Boot {
        if id == [0; 16] { Boot::Unknown } else { Boot::Id(id) }
    }

    /// The id as a report's metadata contains it, if it is known.
    pub fn id(self) -> Option<String> {
        match self {
            Boot::Id(id) => Some(format!("{:032x}", u128::from_le_bytes(id))),
            Boot::Unknown | Boot::OfDocument(_) => None,
        }
    }
}

impl Recording {
    /// What the header of a ring file says.
    pub fn of(header: &Header) -> Recording {
        let identity = &header.identity;
        Recording {
            pid: identity.pid,
            parent_pid: identity.parent_pid,
            arguments: header.arguments.clone(),
            python_version: identity.python_version,
            session_id: identity.session_id,
            entries: identity.entries,
            host: identity.host_name(),
            boot: Boot::of(identity.boot_id),
            monotonic_offset: identity.monotonic_offset,
            ticks_are_nanoseconds: identity.clock == CLOCK_MONOTONIC,
            opened: identity.opened,
            closed: Some(header.closed).filter(|closed| header.sealed && closed.ticks != 0),
            lost: header.lost,
            unnamed: header.unnamed,
            unmatched: header.unmatched,
            gaps: header.gaps,
            forgotten: header.forgotten,
            switched: header.switched,
            failure: header.failure,
        }
    }
}
