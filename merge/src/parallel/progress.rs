//! Who watches a merge: told how far it is, asked whether to go on. And the bar that the command shows.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// A step of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Opening and planning files; the units are files.
    Reading,
    /// Writing the report; the units are events.
    Writing,
}

/// Watches a merge. Both are called on the thread that called `merge`, several times a second.
pub trait Watch {
    /// `done` of `total` units of this step are behind.
    fn progress(&self, _step: Stage, _done: u64, _total: u64) {}

    /// Whether to give up, leaving nothing behind.
    fn stopped(&self) -> bool {
        false
    }
}

/// Nobody watches.
impl Watch for () {}

/// A bar on stderr.
#[derive(Debug)]
pub struct Bar {
    bar: ProgressBar,
}

impl Bar {
    /// A bar that appears where stderr is a terminal; a hidden one never does.
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

    /// Shows how far a step is.
    pub fn show(&self, step: Stage, done: u64, total: u64) {
        self.bar.set_message(match step {
            Stage::Reading => "reading files",
            Stage::Writing => "writing events",
        });
        self.bar.set_length(total);
        self.bar.set_position(done);
    }

    /// Takes the bar off the terminal.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
