//! Says which processes recorded calls in bursts only, so that all their numbers are "at least".

use crate::plan::account::{Account, RecordedTimes};
use crate::plan::bursts::Bursts;
use crate::text::display::grouped;
use crate::text::when;

const NOTE: &str =
    ">=: calls are recorded in bursts only (--max_overhead). What happens between two bursts is missing.";

/// What a table of these processes says below its rows.
pub fn note(all: impl IntoIterator<Item = Bursts>) -> Option<String> {
    all.into_iter().any(Bursts::are_there).then(|| NOTE.to_owned())
}

/// Says of a process that it recorded calls in bursts only, if that is so.
pub fn words_of(account: &Account) -> Option<String> {
    let duration = |times: &RecordedTimes| u64::try_from(times.last.saturating_sub(times.opened)).unwrap_or(0);
    words(account.bursts, account.times.as_ref().map(duration))
}

/// The same of a recording that lasted so many ns, if that is known.
pub fn words(bursts: Bursts, duration: Option<u64>) -> Option<String> {
    let (count, s) = (grouped(bursts.count), if bursts.count == 1 { "" } else { "s" });
    let time = match duration {
        None => format!("all but {}", when::duration(bursts.rested)),
        Some(all) => format!("{} of {}", when::duration(all.saturating_sub(bursts.rested)), when::duration(all)),
    };
    bursts.are_there().then(|| {
        format!(
            "calls were recorded for {time}, in {count} burst{s} (--max_overhead); all their numbers are \"at least\""
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bursts_in_words() {
        let of =
            |count, rested, times| words_of(&Account { bursts: Bursts { count, rested }, times, ..Account::default() });
        let times = |last| Some(RecordedTimes { opened: 500_000_000, last, ..RecordedTimes::default() });
        assert_eq!(of(0, 0, times(9)), None);
        let words = of(1234, 1_750_000_000, times(2_500_000_000)).unwrap();
        assert!(words.starts_with("calls were recorded for 250.000 ms of 2.000 s, in 1,234 bursts (--max"), "{words}");
        assert!(of(1, 7, times(0)).unwrap().starts_with("calls were recorded for 0 ns of 0 ns, in 1 burst ("));
        assert!(of(1, 7, None).unwrap().starts_with("calls were recorded for all but 7 ns, in 1 burst ("));
    }
}
