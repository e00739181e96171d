//! A watcher of a merge sees how far it is and may stop it. The command shows a bar.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// A stage of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Opening and planning files; the units are files.
    Reading,
    /// Writing the report; the units are events.
    Writing,
}

/// Watches a merge. Both are called on the thread that called `merge`, several times a second.
pub trait Watch {
    /// Reports that `done` of `total` units of this stage are done.
    fn progress(&self, _stage: Stage, _done: u64, _total: u64) {}

    /// Whether to stop, and leave nothing of the report.
    fn stopped(&self) -> bool {
        false
    }
}

/// A watcher that does nothing.
impl Watch for () {}

/// A bar on stderr.
#[derive(Debug)]
pub struct Bar {
    bar: ProgressBar,
}

impl Bar {
    /// Makes a bar, which appears if stderr is a terminal and it is not hidden.
    pub fn new(hidden: bool) -> Bar {
        let target = if hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        let template = "{msg} [{wide_bar}] {human_pos}/{human_len} {elapsed}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        if !bar.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Bar { bar }
    }

    /// Shows how far a stage is.
    pub fn show(&self, stage: Stage, done: u64, total: u64) {
        self.bar.set_message(match stage {
            Stage::Reading => "reading files",
            Stage::Writing => "writing events",
        });
        self.bar.set_length(total);
        self.bar.set_position(done);
    }

    /// Removes the bar from the terminal.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
