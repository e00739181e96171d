//! The opened content of a plan, from which its events are read.

use crate::align::Times;
use crate::error::Problem;
use crate::events::decode::{Buffers, Event, Outcome, decode};
use crate::input::ring::Input;
use crate::plan::file::{FilePlan, Source};
use crate::plan::imported::Imported;
use crate::plan::names;
use std::ops::Range;
use std::sync::Arc;
use viztracer_format::names::{Function, SourceIdentity};

/// The opened content of a plan.
#[derive(Debug)]
pub enum Content {
    /// A ring file, or the copy of a living one.
    Ring(Arc<Input>),
    /// An imported trace in JSON.
    Chrome(Arc<Imported>),
}

impl Content {
    /// Opens the content of a plan.
    pub fn of(plan: &FilePlan) -> Result<Content, Problem> {
        match &plan.source {
            Source::Json { imported, .. } => Ok(Content::Chrome(Arc::clone(imported))),
            Source::Ring { .. } => ring(plan).map(Content::Ring),
        }
    }

    /// Calls `each` with every function.
    pub fn functions(&self, plan: &FilePlan, each: impl FnMut(u32, Function<'_>)) {
        match self {
            Content::Ring(input) => names::functions(input, &plan.names, each),
            Content::Chrome(imported) => imported.functions(each),
        }
    }

    /// Calls `each` with every source path that the content vouches for, and with the file that it led to. A file of
    /// another user vouches for nothing, nor does a trace in JSON.
    pub fn sources(&self, plan: &FilePlan, each: impl FnMut(&str, SourceIdentity)) {
        if let Content::Ring(input) = self
            && input.owner.is_trusted()
        {
            names::sources(input, &plan.names, each);
        }
    }

    /// Decodes `plan.calls[run]`.
    pub fn decode(
        &self,
        plan: &FilePlan,
        times: &mut impl Times,
        run: Range<usize>,
        buffers: &mut Buffers,
        each: impl FnMut(&Event<'_>),
    ) -> Outcome {
        match self {
            Content::Ring(input) => decode(plan, input, times, run, buffers, each),
            Content::Chrome(imported) => imported.decode(plan, times, run, buffers, each),
        }
    }
}

/// Opens the ring file of a plan: the copy of a living one, else the file.
pub fn ring(plan: &FilePlan) -> Result<Arc<Input>, Problem> {
    if let Source::Ring { snapshot: Some(snapshot), .. } = &plan.source {
        return Ok(Arc::clone(snapshot));
    }
    let input = Input::open(&plan.path)?;
    if input.inode == plan.inode {
        return Ok(Arc::new(input));
    }
    Err(Problem::new("another file has taken its name meanwhile"))
}
