//! The options of the command that align files.

use super::how::Align;
use super::offset::Offset;
use regex::Regex;

/// How files are put on one time line.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Time line")]
pub struct AlignOptions {
    /// How to align several runs on the time line. With `monotonic`, times are those of the machine's monotonic clock,
    /// as in VizTracer's reports; otherwise they begin at 0. With `start`, a run that has called set_sync_marker() is
    /// aligned at the time of this call
    #[arg(long, value_name = "HOW", default_value = "clock")]
    pub align: Align,

    /// Place machines by the calls of these functions instead of by their wall clocks. All processes must call them, and
    /// none may leave a call before all have entered it, as in torch.distributed.barrier. The summary says how exact
    /// the times are then
    #[arg(long, value_name = "REGEX")]
    pub barrier: Option<Regex>,

    /// Shift a file, or all files in a directory, on the time line: in nanoseconds (run_2=-1500) or with a unit
    /// (run_2=+20ms). Can be given more than once
    #[arg(long, value_name = "FILE=TIME")]
    pub offset: Vec<Offset>,
}
