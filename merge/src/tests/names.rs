//! Names that break reports, in every kind of report: of functions, files, threads, processes and tasks.

use super::{Case, OUTPUTS, events};
use crate::sample::{Ring, call};
use crate::text::display::printable;
use serde_json::Value;
use viztracer_format::names::{Tag, name_entry};
use viztracer_format::record::Record;
use viztracer_format::segment::SegmentKind;

/// The most that the recorder leaves of a name of 1 MiB: it must fit into a segment of 64 KiB.
const LONG: usize = 60_000;

fn names() -> Vec<String> {
    let mut names: Vec<String> = [
        "\"quoted\" 'and' \\ \\u0041 \\",
        "a\nb\rc\r\nd\te\u{b}f\u{2028}g\u{2029}",
        "NUL\0inside",
        "no; end; 12",
        "naïve ☃ 🐍 \u{10ffff} \u{feff} \u{202e}",
        "</script><!-- {{ %s ${x}",
        " ",
    ]
    .map(str::to_owned)
    .into();
    names.push((1..32).map(char::from).chain(['\u{7f}', '\u{80}', '\u{9f}']).collect());
    names.push("long é".repeat(LONG / 7));
    names
}

/// A process in which everything has this name.
fn named(name: &str) -> Ring {
    let mut ring = Ring::new(9, 5_000_000);
    ring.identity.segment_size = 64 << 10;
    ring.names = name_entry(Tag::ProcessName, 0, name, LONG);
    ring.names.extend(name_entry(Tag::TaskName, 1, name, LONG));
    ring.thread(1, 11, "", 0, 0);
    ring.names.extend(name_entry(Tag::ThreadName, 1, name, LONG));
    ring.function(1, name, name, 7);
    ring.function(2, name, "", 0);
    let records = [call(1, 5_000_000, 10), Record::task(1), call(2, 5_000_100, 10), call(1, 5_000_050, 100)];
    ring.calls(1, 0, &records, true);
    ring
}

#[test]
fn whatever_a_name_holds_the_report_is_one() {
    for name in names() {
        let case = Case::of(named(&name), true);
        let (_, report) = case.json();
        let cut: String = name.chars().take(100).collect();
        for event in report["traceEvents"].as_array().unwrap() {
            let shown = event["args"]["name"].as_str().or(event["name"].as_str()).unwrap();
            assert!(shown.starts_with(&cut), "{shown:?} is not {cut:?}");
        }
        // Three calls, and begin and end of the task's life.
        assert_eq!(events(&report).len(), 5);
        let (_, packets) = case.merge("out.pftrace", 1);
        let times = packets.windows(cut.len()).filter(|bytes| *bytes == cut.as_bytes()).count();
        assert!(times >= 4, "{cut:?} is there {times} times");
        let (_, stacks) = case.merge("out.folded", 1);
        let plain = printable(&name).replace(';', "_");
        for line in String::from_utf8(stacks).unwrap().split_terminator('\n') {
            let (stack, own) = line.rsplit_once(' ').unwrap();
            let frames: Vec<&str> = stack.split(';').collect();
            let begin: String = plain.chars().take(50).collect();
            assert!(frames.iter().all(|frame| frame.starts_with(&begin)), "{line:?}");
            assert!((3..=4).contains(&frames.len()) && own.parse::<u64>().unwrap() > 0, "{line:?}");
        }
    }
}

/// A table is read line by line, in terminals and in spreadsheets.
#[test]
fn whatever_a_name_holds_a_row_of_the_table_is_a_line() {
    let formulas = ["=1+1", "+1", "-1", "@SUM(1)"].map(str::to_owned);
    for name in names().into_iter().chain(formulas) {
        let (_, table) = Case::of(named(&name), true).merge("out.csv", 1);
        let table = String::from_utf8(table).unwrap();
        let rows: Vec<&str> = table.split_terminator('\n').collect();
        assert_eq!(rows.len(), 1 + 2 * 2, "{table}");
        assert!(rows.iter().all(|row| printable(row) == *row), "{table}");
        assert!(!name.starts_with(['=', '+', '-', '@']) || !table.contains(&format!(",{name}")), "{table}");
    }
}

/// A segment that was recycled may stand before older ones.
#[test]
fn the_last_name_is_that_of_the_newest_segment() {
    let mut ring = Ring::new(9, 5_000_000);
    let old = name_entry(Tag::ProcessName, 0, "old", 64);
    ring.segment(SegmentKind::Names, 0, 0, 0, &old, false);
    let mut bytes = ring.bytes(true);
    let (first, second) = bytes[4096..].split_at_mut(4096);
    first.swap_with_slice(second);
    let mut case = Case::new();
    case.add("a.bin", bytes);
    assert_eq!(case.json().1["viztracer_metadata"]["processes"][0]["name"], "MainProcess");
}

/// Bytes that are no text cost their own name and no other.
#[test]
fn names_that_are_no_text_are_passed_over() {
    let mut ring = Ring::new(9, 5_000_000);
    ring.thread(1, 11, "a damaged thread", 0, 0);
    ring.function(1, "damaged_function", "/x/a.py", 1);
    ring.function(2, "f", "a damaged/file.py", 1);
    ring.function(3, "good", "/x/a.py", 7);
    ring.calls(1, 0, &[1, 2, 3].map(|id| call(id, 5_000_000 + u64::from(id) * 100, 10)), true);
    let mut bytes = ring.bytes(true);
    for at in 4096..bytes.len() - 7 {
        if bytes[at..].starts_with(b"damaged") {
            bytes[at..at + 7].copy_from_slice(b"\xff\xc3\x28\xed\xa0\x80\x80");
        }
    }
    let mut case = Case::new();
    case.add("a.bin", bytes);
    for output in OUTPUTS {
        let (summary, _) = case.merge(output, 1);
        assert_eq!((summary.events(), summary.files[0].problems.count), (3, 3), "{output}");
    }
    let (_, report) = case.json();
    let names: Vec<&Value> = events(&report).iter().map(|event| &event["name"]).collect();
    assert_eq!(names, ["unknown function", "unknown function", "good (/x/a.py:7)"]);
    assert_eq!(report["traceEvents"][1]["args"]["name"], "Thread-11");
}
