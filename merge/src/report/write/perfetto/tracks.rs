//! The tracks of a report: one for each process, below it those of its threads, tasks and counters.

use super::fields::{process_descriptor, thread_descriptor, trace, trace_packet, track_descriptor as track};
use super::wire::{Message, put_bytes, put_message, put_number};
use crate::plan::file::{FilePlan, Thread};

/// Packets that belong to no thread.
pub const OWN_SEQUENCE: u64 = 1;
/// Packets of the lives of tasks and coroutines: behind the numbers of all threads. Perfetto takes the clock of a
/// sequence with a larger number for a negative one.
pub const LIVES_SEQUENCE: u64 = i32::MAX as u64;

/// The numbers of one file's tracks. A thread's is also that of its packet sequence: they are small, so that most
/// packets need one byte for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrackIds {
    file: u64,
    process: u64,
}

impl TrackIds {
    /// The numbers of all files' tracks.
    pub fn of(files: &[FilePlan]) -> Vec<TrackIds> {
        let mut next = OWN_SEQUENCE + 1;
        let number = |(file, plan): (usize, &FilePlan)| {
            let process = next;
            next += 1 + plan.threads.len() as u64;
            TrackIds { file: file as u64, process }
        };
        files.iter().enumerate().map(number).collect()
    }

    /// The track, and the packet sequence, of the thread at this index of the plan.
    pub fn thread(self, index: usize) -> u64 {
        self.process + 1 + index as u64
    }

    /// The track of an asyncio task.
    pub fn task(self, serial: u32) -> u64 {
        (self.file + 1) << 32 | u64::from(serial)
    }

    /// The track of the lives of a task and its coroutines that are so deep.
    pub fn lives(self, serial: u32, level: u32) -> u64 {
        self.hash(format!("lives {serial} {level}").bytes())
    }

    /// The track of a counter, by its name (FNV-1a).
    pub fn counter(self, name: &str) -> u64 {
        self.hash(name.bytes())
    }

    fn hash(self, name: impl Iterator<Item = u8>) -> u64 {
        let bytes = self.file.to_le_bytes().into_iter().chain(name);
        let hash =
            bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        1 << 63 | hash
    }

    /// Describes the tracks of a file's process and threads.
    pub fn describe(self, file: &FilePlan, trace: &mut Message) {
        let pid = u64::from(file.pid);
        put_track(trace, OWN_SEQUENCE, self.process, |descriptor| {
            put_message(descriptor, track::process, |process| {
                put_number(process, process_descriptor::pid, pid);
                put_bytes(process, process_descriptor::process_name, file.process_name());
                for argument in &file.recording.arguments {
                    put_bytes(process, process_descriptor::cmdline, argument);
                }
            });
        });
        for (index, thread) in file.threads.iter().enumerate() {
            self.describe_thread(pid, index, thread, trace);
        }
    }

    fn describe_thread(self, pid: u64, index: usize, thread: &Thread, trace: &mut Message) {
        let number = self.thread(index);
        put_track(trace, number, number, |descriptor| {
            put_number(descriptor, track::parent_uuid, self.process);
            put_message(descriptor, track::thread, |message| {
                put_number(message, thread_descriptor::pid, pid);
                put_number(message, thread_descriptor::tid, u64::from(thread.tid as u32));
                put_bytes(message, thread_descriptor::thread_name, thread.display_name());
            });
        });
    }

    /// Describes the track of a task. Tasks of the same name stay apart.
    pub fn describe_task(self, sequence: u64, serial: u32, name: &str, trace: &mut Message) {
        put_track(trace, sequence, self.task(serial), |descriptor| {
            put_number(descriptor, track::parent_uuid, self.process);
            put_bytes(descriptor, track::name, name);
            put_number(descriptor, track::sibling_merge_behavior, track::SIBLING_MERGE_BEHAVIOR_NONE);
        });
    }

    /// Describes a track of lives. Those of a task have one name, so they are drawn as one track.
    pub fn describe_lives(self, sequence: u64, serial: u32, level: u32, trace: &mut Message) {
        put_track(trace, sequence, self.lives(serial, level), |descriptor| {
            put_number(descriptor, track::parent_uuid, self.task(serial));
            put_bytes(descriptor, track::name, "life");
        });
    }

    /// Describes the track of a counter.
    pub fn describe_counter(self, sequence: u64, name: &str, trace: &mut Message) {
        put_track(trace, sequence, self.counter(name), |descriptor| {
            put_number(descriptor, track::parent_uuid, self.process);
            put_bytes(descriptor, track::name, name);
            put_message(descriptor, track::counter, |_| {});
        });
    }
}

fn put_track(trace: &mut Message, sequence: u64, uuid: u64, fill: impl FnOnce(&mut Message)) {
    put_message(trace, trace::packet, |packet| {
        put_number(packet, trace_packet::trusted_packet_sequence_id, sequence);
        put_message(packet, trace_packet::track_descriptor, |descriptor| {
            put_number(descriptor, track::uuid, uuid);
            fill(descriptor);
        });
    });
}
