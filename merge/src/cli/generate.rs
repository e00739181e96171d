//! The manual page and the completion scripts, made from the options.

use super::arguments::{Arguments, Generated};
use clap::CommandFactory;
use clap_complete::Shell;
use std::io::{self, Write};

/// Writes the manual page or a completion script.
pub fn generate(what: Generated, to: &mut dyn Write) -> io::Result<()> {
    let mut command = Arguments::command();
    let shell = match what {
        Generated::Man => return clap_mangen::Man::new(command).render(&mut { to }),
        Generated::Bash => Shell::Bash,
        Generated::Zsh => Shell::Zsh,
        Generated::Fish => Shell::Fish,
    };
    // The generator expects that every write succeeds.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "viztracer-merge", &mut script);
    to.write_all(&script)
}
