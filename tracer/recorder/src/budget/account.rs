//! What tracing has cost, beside what it may cost.

/// What a program may spend at once, in ns: it takes some time to see that it spends too much.
const CREDIT: f64 = 10e6;
/// The processor time that a decision is based on, at least, in ns.
const WINDOW_MIN: f64 = 5e6;
/// A decision aims at this part of what may be spent, so that the next one is far.
const MARGIN: f64 = 0.8;
/// A debt is to be paid in so much of the program's own time, in ns, and at least this part of the bound may be spent
/// meanwhile.
const DEBT_TIME: f64 = 1e9;
const PART_IN_DEBT: f64 = 0.25;
/// What a function costs when it is first called, in ns: the interpreter changes its code, and it gets an id.
const FUNCTION_COST: f64 = 3000.0;
/// The least share of the processor time that is taken for the program's own: the cost of a call is an estimate.
const OWN_MIN: f64 = 0.05;

/// A process's account, by its processor time. All times are in ns.
///
/// The time of the program earns what tracing may spend. The cost of a call is an estimate.
#[derive(Clone, Debug)]
pub struct Account {
    /// What tracing may cost, as a part of the program's own time.
    bound: f64,
    /// What may still be spent.
    balance: f64,
    /// The processor time of the process at the last booking.
    time: u64,
    /// The functions that had been called then.
    functions: u64,
    recent: Recent,
}

/// What was booked since the account was last in order, or since the last decision.
#[derive(Clone, Debug, Default)]
struct Recent {
    spent: f64,
    /// By threads that have ended.
    ended: f64,
    time: f64,
    bookings: f64,
}

impl Account {
    /// An account with this bound, at this processor time.
    pub fn new(bound: f64, time: u64) -> Account {
        Account { bound, balance: CREDIT, time, functions: 0, recent: Recent::default() }
    }

    /// Books what a thread has spent since it was here last. Returns which part of its calls the thread may go on to
    /// record, from 0 to 1; `None`: all of them.
    pub fn book(&mut self, spent: f64, now: u64) -> Option<f64> {
        let time = now.saturating_sub(self.time) as f64;
        self.time = self.time.max(now);
        self.balance = (self.balance + self.bound * (time - spent) - spent).min(CREDIT);
        self.recent.spent += spent;
        self.recent.time += time;
        self.recent.bookings += 1.0;
        if self.balance >= 0.0 {
            self.recent = Recent::default();
            return None;
        }
        let others = (self.recent.spent - self.recent.ended) / self.recent.bookings;
        let is_idle = self.recent.ended == 0.0 && spent < others / 2.0;
        if self.recent.time < WINDOW_MIN || is_idle {
            return None;
        }
        let recent = std::mem::take(&mut self.recent);
        let own = (recent.time - recent.spent).max(recent.time * OWN_MIN);
        let share = recent.spent / own;
        let allowed = (self.bound + self.balance / DEBT_TIME).max(self.bound * PART_IN_DEBT);
        (share > allowed).then(|| allowed * MARGIN / share)
    }

    /// Notes how many functions have been called so far. They are paid for by recording fewer calls.
    pub fn note_functions(&mut self, functions: u64) {
        let new = functions.saturating_sub(self.functions);
        self.functions = functions;
        self.spend(new as f64 * FUNCTION_COST);
    }

    /// Notes that so many functions have an id without having been called: they cost nothing.
    pub fn inherit_functions(&mut self, functions: u64) {
        self.functions = functions;
    }

    /// Notes at this processor time that nothing is spent for now. Returns for how much processor time it must stay so,
    /// until the debt is paid; `None`: it is.
    pub fn rest(&mut self, now: u64) -> Option<u64> {
        self.earn(now);
        self.recent = Recent::default();
        (self.balance < 0.0).then(|| (-self.balance / self.bound) as u64)
    }

    /// Whether so much may be spent at once at this processor time, beside what threads spend on recorded calls.
    pub fn has(&mut self, cost: f64, now: u64) -> bool {
        self.earn(now);
        self.balance >= cost
    }

    /// Books what was spent so.
    pub fn spend(&mut self, cost: f64) {
        self.balance -= self.bound * cost + cost;
    }

    fn earn(&mut self, now: u64) {
        let time = now.saturating_sub(self.time) as f64;
        self.time = self.time.max(now);
        self.balance = (self.balance + self.bound * time).min(CREDIT);
        self.recent.time += time;
    }

    /// Books what a thread that ends has spent since it was here last.
    pub fn book_end(&mut self, spent: f64) {
        self.balance -= self.bound * spent + spent;
        self.recent.spent += spent;
        self.recent.ended += spent;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    /// Books for `times` ms, each with so many ns spent, and returns the answers.
    fn book(account: &mut Account, times: u64, spent: f64) -> Vec<f64> {
        let begin = account.time;
        (1..=times).filter_map(|time| account.book(spent, begin + time * MS)).collect()
    }

    #[test]
    fn nothing_happens_within_the_bound() {
        let mut account = Account::new(0.05, 0);
        assert!(book(&mut account, 10_000, 0.045 * MS as f64).is_empty());
    }

    #[test]
    fn a_short_burst_is_paid_for_by_the_credit() {
        let mut account = Account::new(0.05, 0);
        assert!(book(&mut account, 10, 0.9 * MS as f64).is_empty());
        assert!(book(&mut account, 1000, 0.0).is_empty());
        assert!(book(&mut account, 10, 0.9 * MS as f64).is_empty());
    }

    #[test]
    fn who_spends_too_much_may_record_the_part_that_the_bound_allows() {
        let mut account = Account::new(0.05, 0);
        let kept = book(&mut account, 30, 0.5 * MS as f64); // as much as the program's own time
        let expected = 0.05 * MARGIN;
        assert!((expected * 0.8..=expected).contains(&kept[0]), "{kept:?}");
        assert!(kept.is_sorted_by(|earlier, later| earlier > later), "the debt grows: {kept:?}");
        assert!(kept.iter().all(|kept| *kept >= expected * PART_IN_DEBT), "{kept:?}");
    }

    #[test]
    fn a_debt_is_paid_by_fewer_calls() {
        let mut account = Account::new(0.05, 0);
        account.spend(30e6);
        let kept = book(&mut account, 10, 0.045 * MS as f64);
        assert!(!kept.is_empty(), "this is within the bound, but there is a debt");
        let mut account = Account::new(0.05, 0);
        account.note_functions(1000);
        account.note_functions(7000);
        assert!(!book(&mut account, 10, 0.045 * MS as f64).is_empty(), "functions cost something, too");
    }

    #[test]
    fn functions_that_were_not_called_cost_nothing() {
        let mut account = Account::new(0.05, 0);
        account.inherit_functions(7000);
        account.note_functions(7000);
        assert!(book(&mut account, 10, 0.045 * MS as f64).is_empty());
    }

    #[test]
    fn the_debt_is_paid_without_another_decision_once_the_calls_are_few() {
        let mut account = Account::new(0.05, 0);
        while account.book(0.9 * MS as f64, account.time + MS).is_none() {}
        assert!(account.balance < 0.0);
        assert!(book(&mut account, 10_000, 0.03 * MS as f64).is_empty());
        assert!(account.balance > 0.0);
    }

    #[test]
    fn a_thread_that_spends_little_is_left_alone() {
        let mut account = Account::new(0.05, 0);
        for time in 1..1000 {
            let (busy, idle) = (account.book(0.8 * MS as f64, time * MS), account.book(1000.0, time * MS));
            assert!(idle.is_none());
            if busy.is_some() {
                return;
            }
        }
        panic!("the busy thread may go on");
    }

    #[test]
    fn threads_that_end_at_once_spend_as_well() {
        let mut account = Account::new(0.05, 0);
        let is_too_much = |time| {
            account.book_end(0.5 * MS as f64);
            account.book(100.0, time * MS).is_some()
        };
        assert!((1..100).any(is_too_much));
    }

    #[test]
    fn a_rest_pays_the_debt() {
        let mut account = Account::new(0.05, 0);
        assert_eq!(account.rest(0), None);
        while account.book(0.9 * MS as f64, account.time + MS).is_none() {}
        let left = account.rest(account.time).unwrap();
        assert!(left > 10 * MS, "at 5 %, half a millisecond takes ten to pay: {left}");
        let rest_left = account.rest(account.time + left / 2).unwrap();
        assert!(rest_left.abs_diff(left - left / 2) < 1000, "{left} {rest_left}");
        assert_eq!(account.rest(account.time + rest_left + 1000), None);
    }

    #[test]
    fn a_program_between_rests_keeps_within_the_bound() {
        let mut account = Account::new(0.05, 0);
        let (mut spent, mut time) = (0.0, 0);
        while time < 10_000 * MS {
            time += 5 * MS;
            spent += 2.5 * MS as f64; // as much as the program's own time
            if account.book(2.5 * MS as f64, time).is_some() {
                while let Some(left) = account.rest(time) {
                    time += left.max(MS);
                }
            }
        }
        let share = (spent - CREDIT) / (time as f64 - spent);
        assert!((0.04..=0.05).contains(&share), "{share}");
    }

    #[test]
    fn what_is_spent_beside_recorded_calls_needs_a_balance() {
        let mut account = Account::new(0.05, 0);
        assert!(account.has(9e6, 0) && !account.has(11e6, 0));
        account.spend(9e6);
        assert!(!account.has(2e6, 0) && account.has(2e6, 40 * MS));
    }

    #[test]
    fn a_clock_that_goes_back_is_harmless() {
        let mut account = Account::new(0.05, 5 * MS);
        assert_eq!(account.book(0.0, 0), None);
        assert_eq!(account.time, 5 * MS);
    }
}
