//! Accounts: what is written is read again, and nothing else is believed.

use super::*;
use proptest::prelude::*;

fn count() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), any::<u64>()]
}

fn thread() -> impl Strategy<Value = ThreadAccount> {
    let time = || prop::option::of(any::<i64>());
    (any::<u32>(), ".*", count(), prop::option::of(any::<(i64, i64)>()), count(), time(), time()).prop_map(
        |(tid, name, overwritten, overwritten_time, lost, begun, ended)| {
            let others = Map::from_iter([("later".to_owned(), json!([1, {"a": name}]))]);
            ThreadAccount { tid, name, overwritten, overwritten_time, lost, begun, ended, others }
        },
    )
}

fn elided() -> impl Strategy<Value = ElidedSince<i64>> {
    let since = -(1i64 << 50)..1 << 50;
    let one = (".*", ".*", any::<u32>(), any::<bool>(), since).prop_map(|(name, file, line, only_c_calls, since)| {
        let is_c = file.is_empty();
        (ElidedFunction { name, file, line, is_c, only_c_calls }, since)
    });
    prop::collection::vec(one, 0..3).prop_map(earliest)
}

fn times() -> impl Strategy<Value = RecordedTimes> {
    let time = any::<i64>;
    let at = || 0..10_000_000_000_000_000_000_u64;
    (time(), at(), time(), at(), prop::option::of(time())).prop_map(|(opened, opened_at, last, last_at, closed)| {
        RecordedTimes { opened, opened_at, last, last_at, closed }
    })
}

prop_compose! {
    fn account()(
        (pid, process_id, parent_id, python) in
            (any::<u32>(), prop::option::of(any::<u32>()), any::<u32>(), any::<[u8; 3]>()),
        waited_after in prop::option::of(any::<u64>()),
        (name, state, ending, command, session) in
            (".*", "[a-z]*", "[a-z ]*", prop::collection::vec(".*", 0..3), any::<[u8; 16]>()),
        host in prop::option::of(".*"),
        counts in prop::collection::vec(count(), 12),
        [switched, is_worker] in any::<[bool; 2]>(),
        elided in elided(),
        abouts in prop::collection::vec((any::<u64>(), any::<u64>()), 3),
        times in prop::option::of(times()),
        sync_marker in prop::option::of(any::<i64>()),
        threads in prop::collection::vec(thread(), 0..3),
    ) -> Account {
        let python = hexadecimal(&python.map(|number| number.to_string()).join("."));
        let python = if python == 0xf0 { 0 } else { python };
        let [entries, lost, unnamed, unmatched, failure, damaged, gaps, ..] = counts[..] else { unreachable!() };
        let [.., threads_gone, events, tasks, bursts, rested] = counts[..] else { unreachable!() };
        let whole = elided.keys().filter(|elided| !elided.only_c_calls).cloned();
        let estimates = whole.zip(abouts).map(|(of, (calls, error))| (of, About { calls, error })).collect();
        let bursts = Bursts { count: bursts, rested };
        let forgotten = Forgotten { threads: threads_gone, events, tasks };
        let others = Map::from_iter([("signal".to_owned(), json!(9)), ("x".to_owned(), json!({"y": null}))]);
        Account {
            pid, name, state, ending, process_id, parent_id, is_worker, waited_after, python, session, command, host,
            entries, times, sync_marker, lost, unnamed, unmatched, gaps, forgotten, switched, elided, estimates, bursts,
            failure,
            damaged, threads, others,
        }
    }
}

/// The text of an account with all its members, as the summary puts it together.
fn written(account: &Account) -> String {
    let thread = |thread: &ThreadAccount| {
        let mut members = Map::from_iter([("tid".into(), thread.tid.into()), ("name".into(), json!(thread.name))]);
        members.insert("events".into(), 5.into());
        members.insert("unfinished".into(), 5.into());
        members.insert("overwritten".into(), thread.overwritten.into());
        if let Some((since, until)) = thread.overwritten_time {
            members.insert("overwritten_since_ns".into(), since.into());
            members.insert("overwritten_until_ns".into(), until.into());
        }
        members.insert("lost".into(), thread.lost.into());
        thread.put(&mut members);
        Value::Object(members)
    };
    let Account { pid, name, state, ending, lost, gaps, forgotten, failure, damaged, .. } = account;
    let mut members = Map::new();
    let words = [("pid", json!(pid)), ("name", json!(name)), ("state", json!(state)), ("ending", json!(ending))];
    for (key, value) in words {
        members.insert(key.into(), value);
    }
    let counts = [("lost", lost), ("gaps", gaps), ("failure", failure), ("damaged", damaged)];
    let forgotten = [("forgotten_threads", &forgotten.threads), ("forgotten_events", &forgotten.events)];
    for (key, count) in counts.into_iter().chain(forgotten) {
        members.insert(key.into(), json!(count));
    }
    account.put(&mut members);
    members.insert("threads".into(), account.threads.iter().map(thread).collect());
    Value::from(vec![Value::Object(members)]).to_string()
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(account in account()) {
        let text = written(&account);
        let read = Account::all(&RawValue::from_string(text).unwrap());
        prop_assert_eq!(read, [account]);
    }
}

#[test]
fn what_is_not_as_it_should_be_is_not_believed() {
    let all = |text: &str| Account::all(&RawValue::from_string(text.into()).unwrap());
    for none in ["null", "5", "{}", "[5]", "[[]]", "[{}]", r#"[{"pid":"1"}]"#, r#"[{"pid":-1}]"#] {
        assert_eq!(all(none), [], "{none}");
    }
    let odd = r#"[{"pid":1,"name":5,"state":[],"threads":{"tid":1},"command":["a",1],"opened_ns":"x","lost":-3}]"#;
    assert_eq!(all(odd), [Account { pid: 1, ..Account::default() }]);
    let states = ["sealed", "crashed", "living", "unknown", "", "killed"];
    let known = states.map(|state| Account { state: state.into(), ..Account::default() }.known_state());
    let unknown = State::Unknown;
    assert_eq!(known, [State::Sealed, State::Crashed, State::Living, unknown, unknown, unknown]);
    let known = [("living", ""), ("crashed", ""), ("sealed", ""), ("", ""), ("crashed", "ended by SIGTERM")];
    let known = known.map(|(state, ending)| {
        Account { state: state.into(), ending: ending.into(), ..Account::default() }.known_ending()
    });
    let expected = [Ending::Running, Ending::Silent, Ending::Untold, Ending::Untold, Ending::Signal(15)];
    assert_eq!(known, expected);
}
