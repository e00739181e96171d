//! The manual page and the completion scripts. They are the same in every program, so they are files that a test makes
//! from the options: the program does not contain the code that makes them.

use super::arguments::Generated;
use std::io::{self, Write};

/// Writes the manual page or a completion script.
pub fn generate(what: Generated, to: &mut dyn Write) -> io::Result<()> {
    to.write_all(text(what).as_bytes())
}

fn text(what: Generated) -> &'static str {
    match what {
        Generated::Man => include_str!("generate/viztracer-merge.1"),
        Generated::Bash => include_str!("generate/viztracer-merge.bash"),
        Generated::Zsh => include_str!("generate/viztracer-merge.zsh"),
        Generated::Fish => include_str!("generate/viztracer-merge.fish"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::arguments::Arguments;
    use clap::CommandFactory;
    use clap_complete::Shell;
    use clap_mangen::Man;
    use std::path::Path;

    /// After a change of the options, `BLESS=1 cargo test -p viztracer-merge generated` writes the files.
    #[test]
    fn generated_files_agree_with_the_options() {
        for (what, extension, shell) in [
            (Generated::Man, "1", None),
            (Generated::Bash, "bash", Some(Shell::Bash)),
            (Generated::Zsh, "zsh", Some(Shell::Zsh)),
            (Generated::Fish, "fish", Some(Shell::Fish)),
        ] {
            let made = shell.map_or_else(manual_page, completions);
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli/generate");
            if std::env::var_os("BLESS").is_some_and(|value| value == "1") {
                std::fs::write(folder.join(format!("viztracer-merge.{extension}")), &made).expect("written");
            } else {
                assert!(made == text(what).as_bytes(), "the file for {extension} differs: BLESS=1 writes it");
            }
        }
    }

    /// A page of the command and its commands, since `--generate man` prints one.
    fn manual_page() -> Vec<u8> {
        let mut command = Arguments::command();
        command.build();
        let mut page = rendered(&command, |man, to| man.render(to));
        for below in command.get_subcommands() {
            let name = below.get_name();
            let sections = rendered(below, |man, to| {
                man.render_synopsis_section(to)?;
                man.render_description_section(to)?;
                man.render_options_section(to)?;
                man.render_extra_section(to)
            });
            page += &sections.replace(".SH ", &format!(".SH {name}: "));
        }
        page.into_bytes()
    }

    fn rendered(command: &clap::Command, render: impl Fn(&Man, &mut Vec<u8>) -> io::Result<()>) -> String {
        let mut page = Vec::new();
        render(&Man::new(command.clone()), &mut page).expect("memory takes all");
        String::from_utf8(page).expect("pages are text")
    }

    fn completions(shell: Shell) -> Vec<u8> {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Arguments::command(), "viztracer-merge", &mut script);
        script
    }
}
