//! The functions of all files, numbered before anything else is read, by the names in the files: so the numbers do not
//! depend on which worker comes first.

use super::writer::Report;
use crate::error::MergeError;
use crate::events::content::Content;
use crate::parallel::progress::Watch;
use crate::parallel::reorder_buffer::in_order;
use crate::plan::file::FilePlan;
use crate::report::functions::InternedFunctions;
use crate::text::display::UNKNOWN_FUNCTION;
use rayon::ThreadPool;
use viztracer_format::names::Function;

/// The function with the number 0.
const UNKNOWN: Function<'_> = Function { name: UNKNOWN_FUNCTION, file: "", line: 0, is_c: true };

/// The functions of all files; number 0 stands for those without a name.
pub fn functions(report: &Report<'_>, pool: &ThreadPool, watch: &dyn Watch) -> Result<InternedFunctions, MergeError> {
    let mut all = InternedFunctions::default();
    all.add(&UNKNOWN);
    let read = |(): &mut (), file: usize| report.files.get(file).map(|plan| of_file(report, plan));
    let take = |interned: Option<InternedFunctions>| {
        for function in interned.iter().flat_map(InternedFunctions::iter) {
            all.add(&function.function());
        }
        Ok(())
    };
    in_order(pool, report.files.len(), || watch.stopped(), || (), read, take).map_err(MergeError::from)?;
    Ok(all)
}

fn of_file(report: &Report<'_>, plan: &FilePlan) -> InternedFunctions {
    let mut interned = InternedFunctions::default();
    if let Ok(content) = Content::of(plan) {
        content.functions(plan, |_, function| {
            interned.add(&report.prefixes.shown(&function));
        });
    }
    interned
}
