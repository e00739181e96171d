//! Help, the version, and what is wrong with arguments that do not parse.

use super::arguments::Arguments;
use super::exit::{FAILED, OK};
use super::{misspelt, say};
use crate::input::leftovers;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, CommandFactory, Error};
use std::ffi::OsString;

/// Shows help, the version or a wrong usage, and returns the exit status.
pub fn show(error: Error, words: &[OsString]) -> u8 {
    if lacks_inputs(&error) {
        return show_without_input(&error, words);
    }
    if error.use_stderr() {
        say::usage(&explained(error, words).render().to_string());
        return FAILED;
    }
    // A reader that has gone is no reason to fail.
    drop(error.print());
    OK
}

/// Whether nothing is wrong but that no input is named.
fn lacks_inputs(error: &Error) -> bool {
    let is_input = |missing: &ContextValue| matches!(missing, ContextValue::Strings(names) if *names == ["<INPUT>..."]);
    error.kind() == ErrorKind::MissingRequiredArgument && error.get(ContextKind::InvalidArg).is_some_and(is_input)
}

/// Shows the usage to a user that names no input, and what a crash has left, for which this user may look.
fn show_without_input(error: &Error, words: &[OsString]) -> u8 {
    if let Some(ContextValue::StyledStr(usage)) = error.get(ContextKind::Usage) {
        say::usage(&usage.to_string());
    }
    if !words.iter().any(|word| word == "-q" || word == "--quiet") {
        say::leftovers(&leftovers::find(None, &[]));
    }
    say::complain("no input: name ring files, traces in JSON, or directories of them; --help explains the options");
    FAILED
}

/// The error about an unknown option with a better hint, where there is one.
fn explained(mut error: Error, words: &[OsString]) -> Error {
    let unknown = match (error.kind(), error.get(ContextKind::InvalidArg)) {
        (ErrorKind::UnknownArgument, Some(ContextValue::String(unknown))) => unknown.clone(),
        _ => return error,
    };
    let mut command = invoked(words);
    if let Some(message) = negative(&unknown, &command, words) {
        return command.error(ErrorKind::ValueValidation, message);
    }
    let longs = command.get_arguments().filter_map(Arg::get_long);
    if let Some(option) = unknown.strip_prefix("--").and_then(|word| misspelt::closest(word, longs)) {
        error.insert(ContextKind::SuggestedArg, ContextValue::String(format!("--{option}")));
    }
    error
}

/// The command that these words invoke.
fn invoked(words: &[OsString]) -> Command {
    let mut command = Arguments::command();
    command.build();
    let named = words.get(1).and_then(|word| command.find_subcommand(word)).cloned();
    named.unwrap_or(command)
}

/// What is wrong if a number below 0 behind an option was taken for an option itself.
fn negative(unknown: &str, command: &Command, words: &[OsString]) -> Option<String> {
    unknown.strip_prefix('-').filter(|number| number.starts_with(|first: char| first.is_ascii_digit()))?;
    let mut pairs =
        words.iter().zip(words.iter().skip(1)).filter_map(|(one, next)| Some((one.to_str()?, next.to_str()?)));
    let (option, value) = pairs.find(|(_, value)| value.starts_with(unknown))?;
    let is_meant = |argument: &&Arg| argument.get_long().is_some_and(|long| option.strip_prefix("--") == Some(long));
    let argument = command.get_arguments().find(is_meant)?;
    let is_time = argument.get_value_names().unwrap_or_default().iter().any(|name| name == "TIME");
    let what = if is_time { "time" } else { "number" };
    Some(format!("invalid value '{value}' for '{argument}': a {what} is not negative"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn text(words: &[&str]) -> String {
        let words: Vec<OsString> = ["viztracer-merge"].iter().chain(words).map(OsString::from).collect();
        explained(Arguments::try_parse_from(&words).unwrap_err(), &words).render().to_string()
    }

    #[test]
    fn options_that_are_nearly_one() {
        for (words, option) in [
            (&["--tpo", "3", "x"][..], "--top"),
            (&["--otuput", "a.json", "x"], "--output"),
            (&["--func_", "f", "x"], "--func"),
            (&["calls", "--slowset", "3", "x"], "--slowest"),
            (&["compare", "--failon", "x", "a", "b"], "--fail_on"),
        ] {
            assert!(text(words).contains(&format!("a similar argument exists: '{option}'")), "{}", text(words));
        }
    }

    #[test]
    fn numbers_below_0() {
        for (words, expected) in [
            (&["--last", "-5s", "x"][..], "invalid value '-5s' for '--last <TIME>': a time is not negative"),
            (
                &["calls", "--since", "-300ms", "x"],
                "invalid value '-300ms' for '--since <TIME>': a time is not negative",
            ),
            (&["--top", "-3", "x"], "invalid value '-3' for '--top <N>': a number is not negative"),
        ] {
            assert!(text(words).starts_with(&format!("error: {expected}\n")), "{}", text(words));
        }
        assert!(text(&["-5", "x"]).contains("unexpected argument '-5'"));
    }
}
