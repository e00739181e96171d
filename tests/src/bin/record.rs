//! A process that records, for tests that kill it or remove its resources. Its arguments control it.
//!
//! `record NAME=VALUE...`, in this order: the limits and losses that hold from the beginning, the recording, the
//! losses in its middle, its end. Prints `ready` when it records, and at its end how that went; 3 is its status if it
//! could not begin.

use memmap2::MmapRaw;
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use rustix::process::{Resource, Rlimit, getgid, getuid, setrlimit};
use rustix::thread::{CapabilitySet, CapabilitySets, UnshareFlags, set_capabilities, unshare_unsafe};
use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use viztracer_format::names::Function;
use viztracer_format::record::Kind;
use viztracer_recorder::{Left, Recorder};
use viztracer_tests::options;
use viztracer_tests::program::{FUNCTIONS, Program, Step, name};

/// What to do.
#[derive(Default)]
struct Orders {
    directory: PathBuf,
    entries: u64,
    threads: u64,
    seed: u64,
    /// Ends of calls until the recording ends; 0: until the process is killed.
    calls: u64,
    /// A file for the number of calls that each thread has ended: 8 bytes each.
    counts: Option<PathBuf>,
    /// Bytes that a file may have.
    file_limit: Option<u64>,
    /// Bytes of address space beside those in use at the beginning.
    memory_limit: Option<u64>,
    /// A file system of this many bytes on the directory, which only this process sees.
    file_system: Option<u64>,
    no_privileges: bool,
    remove_directory: bool,
    /// All descriptors are closed, and their numbers are this file's from then on.
    take_descriptors: Option<PathBuf>,
    /// Where a copy of the ring file goes.
    copy: Option<PathBuf>,
    leave_open: bool,
}

fn main() -> ExitCode {
    let orders = Orders::from_arguments();
    orders.limit();
    let recorder = match Recorder::create(options(&orders.directory, orders.entries)) {
        Ok(recorder) => recorder,
        Err(error) => {
            println!("{error}");
            return ExitCode::from(3);
        }
    };
    println!("ready");
    let counts = orders.counts.as_ref().map(counts);
    let count = |thread: u64| {
        // SAFETY: a word of a file that is mapped as long as the process lives, and never cut.
        counts.as_ref().map(|map| unsafe { AtomicU64::from_ptr(map.as_mut_ptr().cast::<u64>().add(thread as usize)) })
    };
    std::thread::scope(|scope| {
        for thread in 1..orders.threads {
            let (orders, recorder, count) = (&orders, &recorder, count(thread));
            scope.spawn(move || orders.record(recorder, thread, count));
        }
        orders.record(&recorder, 0, count(0));
    });
    println!("{:?}", recorder.failure());
    let path = recorder.path().to_owned();
    if !orders.leave_open {
        recorder.close();
    }
    if let Some(copy) = orders.copy {
        fs::copy(path, copy).expect("the copy is made");
    }
    ExitCode::SUCCESS
}

impl Orders {
    fn from_arguments() -> Orders {
        let mut orders = Orders { entries: 1000, threads: 1, ..Orders::default() };
        for argument in std::env::args().skip(1) {
            let (name, value) = argument.split_once('=').expect("NAME=VALUE");
            let number = || value.parse::<u64>().expect("a number");
            match name {
                "directory" => orders.directory = value.into(),
                "entries" => orders.entries = number(),
                "threads" => orders.threads = number(),
                "seed" => orders.seed = number(),
                "calls" => orders.calls = number(),
                "counts" => orders.counts = Some(value.into()),
                "file_limit" => orders.file_limit = Some(number()),
                "memory_limit" => orders.memory_limit = Some(number()),
                "file_system" => orders.file_system = Some(number()),
                "no_privileges" => orders.no_privileges = number() == 1,
                "remove_directory" => orders.remove_directory = number() == 1,
                "take_descriptors" => orders.take_descriptors = Some(value.into()),
                "copy" => orders.copy = Some(value.into()),
                "leave_open" => orders.leave_open = number() == 1,
                _ => panic!("unknown order {name}"),
            }
        }
        orders
    }

    fn limit(&self) {
        let at = |bytes| Rlimit { current: Some(bytes), maximum: Some(bytes) };
        if let Some(bytes) = self.file_system {
            self.mount(bytes);
        }
        if let Some(bytes) = self.file_limit {
            setrlimit(Resource::Fsize, at(bytes)).expect("files are limited");
        }
        if let Some(bytes) = self.memory_limit {
            let statm = fs::read_to_string("/proc/self/statm").expect("the memory in use");
            let pages: u64 = statm.split(' ').next().and_then(|pages| pages.parse().ok()).expect("a number");
            let used = pages * rustix::param::page_size() as u64;
            setrlimit(Resource::As, at(used + bytes)).expect("memory is limited");
        }
        if self.no_privileges {
            let none = CapabilitySet::empty();
            let none = CapabilitySets { effective: none, permitted: none, inheritable: none };
            set_capabilities(None, none).expect("privileges can be given up");
        }
    }

    /// As root, or as the root of a user namespace of its own.
    fn mount(&self, bytes: u64) {
        let (user, group) = (getuid().as_raw(), getgid().as_raw());
        // SAFETY: this process has one thread, and expects nothing of the namespaces that it leaves.
        if unsafe { unshare_unsafe(UnshareFlags::NEWNS) }.is_err() {
            // SAFETY: as above.
            unsafe { unshare_unsafe(UnshareFlags::NEWUSER | UnshareFlags::NEWNS) }.expect("a namespace");
            for (file, map) in
                [("setgroups", "deny"), ("uid_map", &format!("0 {user} 1")), ("gid_map", &format!("0 {group} 1"))]
            {
                fs::write(format!("/proc/self/{file}"), map).expect("the namespace has users");
            }
        }
        mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).expect("mounts of its own");
        let size = CString::new(format!("size={bytes}")).expect("no NUL");
        mount("tmpfs", &self.directory, "tmpfs", MountFlags::empty(), &*size).expect("a file system of its own");
    }

    fn record(&self, recorder: &Recorder, thread: u64, count: Option<&AtomicU64>) {
        let ids: Vec<u32> = (0..FUNCTIONS)
            .map(|function| recorder.function(&Function { name: &name(function), is_c: true, ..Function::default() }))
            .collect();
        // SAFETY: attached by this thread, which is its only user.
        let own = unsafe { recorder.attach().as_mut() };
        recorder.name_thread(own.serial(), &thread.to_string());
        let mut ended = 0;
        for step in Program::new(self.seed + thread) {
            match step {
                Step::Enter(function) => own.enter(ids[function as usize], u64::from(function) + 1),
                Step::Leave(function) => {
                    let tag = u64::from(function) + 1;
                    if own.leave(tag, Kind::Return) == Left::Unmatched {
                        own.unwind_to(tag, Kind::Return);
                    }
                    ended += 1;
                    if let Some(count) = count {
                        count.store(ended, Ordering::Release);
                    }
                    if ended == self.calls / 2 {
                        self.lose();
                    }
                    if ended == self.calls {
                        return;
                    }
                }
            }
        }
    }

    /// What is lost in the middle.
    fn lose(&self) {
        if self.remove_directory {
            fs::remove_dir_all(&self.directory).expect("the directory is removed");
        }
        if let Some(path) = &self.take_descriptors {
            let is_open = |number: &i32| fs::exists(format!("/proc/self/fd/{number}")).expect("the descriptors");
            for number in (3..1000).filter(is_open) {
                // SAFETY: a program may close what it likes; this one has nothing open that it needs.
                unsafe { rustix::io::close(number) };
            }
            let file = File::options().read(true).write(true).open(path).expect("the other file");
            let taken = (3..1000).filter_map(|number| rustix::io::fcntl_dupfd_cloexec(&file, number).ok());
            std::mem::forget(taken.collect::<Vec<_>>());
        }
    }
}

fn counts(path: &PathBuf) -> MmapRaw {
    let file = OpenOptions::new().read(true).write(true).open(path).expect("the counts");
    MmapRaw::map_raw(&file).expect("the counts are mapped")
}
