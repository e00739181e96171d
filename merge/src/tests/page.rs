//! The page: what stands in it as data. That it is read as it was meant is for the tests in a browser.

use super::*;
use crate::sample::call;
use base64::Engine;
use std::io::Read;

/// What an element of the page holds.
fn element<'a>(page: &'a str, begin: &str) -> &'a str {
    let at = page.find(begin).unwrap() + begin.len();
    &page[at..at + page[at..].find("</script>").unwrap()]
}

pub fn header(page: &str) -> Value {
    serde_json::from_str(element(page, "id=\"header\">")).unwrap()
}

fn block(page: &str) -> Vec<u8> {
    let packed = base64::engine::general_purpose::STANDARD.decode(element(page, "data-process=\"0\">")).unwrap();
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut bytes).unwrap();
    bytes
}

pub fn page(case: &Case) -> String {
    String::from_utf8(case.merge("out.html", 2).1).unwrap()
}

#[test]
fn a_block_holds_the_steps_of_a_thread() {
    let mut ring = small(9);
    ring.calls(1, 0, &[call(2, 5_000_100, 50), call(2, 5_000_200, 3), call(1, 5_000_000, 1000)], true);
    ring.stack(1, &[(1, 5_001_500)]);
    let page = page(&Case::of(ring, false));
    #[rustfmt::skip]
    let expected = [
        2, 1, 2, // functions: f, builtins.len
        0, 0, 0, 0, // the first thread, no task, nothing open, from 0 ns on
        5, 5, 5, 2, 0, // bytes of the columns
        2, 5, 5, 0, 3, // f begins, len, len, f ends, f
        0, 100, 50, 0xf4, 3, // when they begin
        50, 3, 0x9d, 6, 1, // when they end
        4, 1, // the one at place 4 is unfinished
    ];
    assert_eq!(block(&page), expected);
    let header = header(&page);
    assert_eq!(header["names"], serde_json::json!(["unknown function", "f", "builtins.len"]));
    assert_eq!(header["paths"], serde_json::json!(["/x/ev.py"]));
    assert_eq!(header["files"], serde_json::json!([null, 0, null]));
    assert_eq!(header["lines"], serde_json::json!([0, 7, 0]));
    let process = &header["processes"][0];
    assert_eq!(process["calls"], serde_json::json!([[0, 0, 4]]));
    assert_eq!((&process["state"], &process["pid"]), (&"crashed".into(), &9.into()));
}

#[test]
fn logged_data_stands_with_its_call_or_beside_the_calls() {
    let mut case = Case::new();
    case.add("logged.bin", include_bytes!("../../../format/tests/golden/v1-logged.bin"));
    let block = block(&page(&case));
    let block = String::from_utf8_lossy(&block);
    for part in [
        r#"{"func_args":{"a":"1"},"return_value":"'ü'"}"#,
        r#"{"overwritten":true}"#,
        r#"{"value":"no object"}"#,
        r#"{"kind":"counter","name":"memory","args":{"rss":1.5}}"#,
        r#"{"kind":"instant","name":"é","args":null,"scope":"g"}"#,
        r#"{"kind":"object","name":"o","args":null}"#,
        r#"{"k":[]}"#,
    ] {
        assert!(block.contains(part), "{part} is not in the page");
    }
}

#[cfg(unix)] // names of files, and what the system says of them
#[test]
fn names_in_a_page_are_data() {
    let name = "</script><script>alert(1)</script><!--\"'&\u{202e}\u{1b}]0;x\u{7}";
    let mut ring = Ring::new(1, 5_000_000);
    ring.names.clear();
    let process = format!("process {name}");
    ring.names.extend(viztracer_format::names::name_entry(
        viztracer_format::names::Tag::ProcessName,
        0,
        &process,
        4096,
    ));
    ring.thread(1, 5, &format!("thread {name}"), 7, 0);
    ring.function(1, &format!("function {name}"), &format!("/{name}.py"), 3);
    ring.calls(1, 9, &[call(1, 5_000_010, 5)], true);
    ring.stack(1, &[(1, 5_000_100)]);
    let mut case = Case::new();
    case.add("<img src=x onerror=alert(1)>.bin", ring.bytes(false));
    case.add("<b>bad.bin", "nothing");
    let page = page(&case);
    for harm in ["<script>alert", "<!--", "<img", "<b>", "\u{1b}", "\u{7}"] {
        assert!(!page.contains(harm), "{harm:?}");
    }
    let header = header(&page);
    let process = &header["processes"][0];
    assert_eq!(process["name"], format!("process {name}"));
    assert_eq!(process["threads"][0]["name"], format!("thread {name}"));
    assert_eq!((&process["threads"][0]["overwritten"], &process["threads"][0]["gap"][2]), (&9.into(), &9.into()));
    assert_eq!(header["names"][1], format!("function {name}"));
    assert_eq!(header["paths"][0], format!("/{name}.py"));
    let warnings = header["warnings"].to_string();
    assert!(warnings.contains("ended without a word in function") && warnings.contains("<b>bad.bin"), "{warnings}");
}

#[test]
fn the_page_has_the_categories_of_functions_that_another_program_has_named() {
    let mut case = Case::new();
    let event =
        |name: &str, more: &str| format!(r#"{{"ph":"X","pid":1,"tid":1,"ts":5,"dur":1,"name":"{name}"{more}}}"#);
    let [own, mul, bare] = [event("f", r#","cat":"FEE""#), event("mul", r#","cat":"kernel""#), event("bare", "")];
    case.add("a.json", format!("[{own},{mul},{bare}]"));
    let header = header(&page(&case));
    let names = header["names"].as_array().unwrap();
    let of = |name: &str| names.iter().position(|one| one == name).unwrap();
    let mut expected = [(of("mul"), "kernel"), (of("bare"), "")];
    expected.sort_unstable();
    assert_eq!(header["categories"], serde_json::json!(expected));
}

#[test]
fn a_page_has_the_name_of_the_process_that_was_opened_first() {
    let mut case = Case::new();
    for (pid, opened) in [(9, 5_000_500), (32_000, 5_000_000)] {
        let mut ring = Ring::new(pid, opened);
        ring.thread(1, pid.into(), "", 0, 0);
        ring.calls(1, 0, &[call(1, opened + 10, 5)], true);
        case.add(&format!("result_{pid}.bin"), ring.bytes(true));
    }
    assert!(header(&page(&case))["title"].as_str().unwrap().ends_with("(pid 32000) and 1 more"));
}
