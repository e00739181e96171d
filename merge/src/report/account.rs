//! Collects what is known of a process besides its events, for the report's metadata.

use crate::align::Clock;
use crate::plan::account::{Account, RecordedTimes, ThreadAccount};
use crate::plan::bursts::Bursts;
use crate::plan::elided::{ElidedFunction, earliest};
use crate::plan::file::{FilePlan, Thread};
use crate::report::prefixes::Prefixes;

/// Makes the account of a process, with paths without these prefixes.
pub fn of(plan: &FilePlan, clock: &Clock, prefixes: &Prefixes) -> Account {
    let recording = &plan.recording;
    let times = plan.is_dated.then(|| RecordedTimes {
        opened: clock.signed(recording.opened.ticks),
        opened_at: recording.opened.realtime,
        last: clock.signed(plan.last_moment),
        last_at: clock.last_realtime(plan),
        closed: recording.closed.map(|closed| clock.signed(closed.ticks)),
    });
    let earlier = plan.account();
    let rested = clock
        .signed(recording.opened.ticks.saturating_add(plan.bursts.rested))
        .saturating_sub(clock.signed(recording.opened.ticks));
    let signed = |ticks: u64| (ticks != 0).then(|| clock.signed(ticks));
    let thread = |(index, thread): (usize, &Thread)| ThreadAccount {
        begun: signed(thread.begun),
        ended: signed(thread.ended),
        others: earlier
            .and_then(|earlier| earlier.threads.get(index))
            .map(|earlier| earlier.others.clone())
            .unwrap_or_default(),
        ..ThreadAccount::default()
    };
    Account {
        process_id: (recording.pid != plan.pid).then_some(recording.pid),
        parent_id: recording.parent_pid,
        is_worker: plan.is_worker,
        waited_after: plan.waited_after,
        python: recording.python_version,
        session: recording.session_id,
        command: recording.arguments.clone(),
        host: recording.host.clone(),
        entries: recording.entries,
        times,
        sync_marker: plan.sync_marker.map(|marker| clock.of_monotonic(marker, plan)),
        unnamed: recording.unnamed,
        unmatched: recording.unmatched,
        forgotten: recording.forgotten,
        switched: recording.switched,
        elided: earliest(plan.elided.iter().map(|(elided, since)| {
            let shown = prefixes.shown(&elided.function());
            (ElidedFunction::of(&shown, elided.only_c_calls), clock.signed(*since))
        })),
        estimates: plan
            .estimates
            .iter()
            .map(|(elided, about)| (ElidedFunction::of(&prefixes.shown(&elided.function()), false), *about))
            .collect(),
        bursts: Bursts { rested: u64::try_from(rested).unwrap_or(0), ..plan.bursts },
        threads: plan.threads.iter().enumerate().map(thread).collect(),
        others: earlier.map(|earlier| earlier.others.clone()).unwrap_or_default(),
        ..Account::default()
    }
}
