//! Options of all commands about how inputs are read.

use crate::report::prefixes::Prefixes;
use crate::request::Request;
use crate::text::whole;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// How inputs are read.
#[derive(Clone, Debug, clap::Args)]
pub struct ReadOptions {
    /// Remove this directory from the beginning of source paths, also in the names of functions. Can be given more than
    /// once
    #[arg(long = "strip_prefix", alias = "strip-prefix", value_name = "PATH")]
    strip_prefix: Vec<PathBuf>,

    /// Show no progress
    #[arg(short, long)]
    pub quiet: bool,

    /// Use N worker threads: up to 64, or one per processor if there are more [default: one per processor, up to 16]
    #[arg(long, value_name = "N", value_parser = whole::parse::<NonZeroUsize>)]
    threads: Option<NonZeroUsize>,
}

impl ReadOptions {
    /// A request for these inputs, without a report.
    pub fn request(&self, inputs: Vec<PathBuf>) -> Request {
        Request {
            threads: self.threads.map(NonZeroUsize::get),
            prefixes: Prefixes::new(&self.strip_prefix),
            ..Request::new(inputs, PathBuf::new())
        }
    }
}
