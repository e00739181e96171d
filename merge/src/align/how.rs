//! The ways to align files.

/// How files are positioned relative to each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Align {
    /// By their clocks.
    #[default]
    Clock,
    /// As if all runs had begun at the same time; processes of one run stay aligned by their clocks.
    Start,
    /// By their clocks; time 0 is that of the first file's monotonic clock, as in the reports of VizTracer.
    Monotonic,
}
