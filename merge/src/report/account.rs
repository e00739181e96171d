//! Collects what is known of a process besides its events, for the report's metadata.

use crate::align::Clock;
use crate::plan::account::{Account, ThreadAccount, Times};
use crate::plan::file::{FilePlan, Thread};

/// Makes the account of a process.
pub fn of(plan: &FilePlan, clock: &Clock) -> Account {
    let (header, identity) = (&plan.header, &plan.header.identity);
    let times = plan.is_dated.then(|| Times {
        opened: clock.signed(identity.opened.ticks),
        opened_at: identity.opened.realtime,
        last: clock.signed(plan.last_moment),
        last_at: clock.last_realtime(plan),
        closed: (header.sealed && header.closed.ticks != 0).then(|| clock.signed(header.closed.ticks)),
    });
    let earlier = plan.account();
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
        others: earlier.map(|earlier| earlier.others.clone()).unwrap_or_default(),
        ..Account::default()
    }
}
