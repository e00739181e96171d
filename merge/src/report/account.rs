//! What this report knows of a process beside its events, for its metadata.

use crate::align::Clock;
use crate::plan::account::{Account, ThreadAccount, Times};
use crate::plan::file::{FilePlan, Thread};

/// What is known of a process of this report.
pub fn of(plan: &FilePlan, clock: &Clock) -> Account {
    let (header, identity) = (&plan.header, &plan.header.identity);
    let times = plan.is_dated.then(|| Times {
        opened: clock.signed(identity.opened.ticks),
        opened_at: identity.opened.realtime,
        last: clock.signed(plan.last_moment),
        last_at: clock.last_realtime(plan),
        closed: (header.sealed && header.closed.ticks != 0).then(|| clock.signed(header.closed.ticks)),
    });
    let told = plan.account();
    let moment = |ticks: u64| (ticks != 0).then(|| clock.signed(ticks));
    let thread = |(place, thread): (usize, &Thread)| ThreadAccount {
        begun: moment(thread.begun),
        ended: moment(thread.ended),
        others: told.and_then(|told| told.threads.get(place)).map(|told| told.others.clone()).unwrap_or_default(),
        ..ThreadAccount::default()
    };
    Account {
        process_id: (identity.pid != plan.pid).then_some(identity.pid),
        parent_id: identity.parent_pid,
        waited_after: plan.waited_after,
        python: identity.python_version,
        session: identity.session_id,
        command: header.arguments.clone(),
        entries: identity.entries,
        times,
        sync_marker: plan.sync_marker.map(|marker| clock.of_monotonic(marker, plan)),
        unnamed: header.unnamed,
        unmatched: header.unmatched,
        forgotten: header.forgotten,
        switched: header.switched,
        threads: plan.threads.iter().enumerate().map(thread).collect(),
        others: told.map(|told| told.others.clone()).unwrap_or_default(),
        ..Account::default()
    }
}
