//! Payloads that several CALLS segments show. Within a segment the decoder finds them itself, as payloads of one
//! generation stand one behind the other. Segments are decoded in parallel, so what they show together is added up
//! here, before. Segments without extensions, which their headers tell, have no payloads and are not read.

use crate::input::ring::Input;
use crate::plan::file::Overdrawn;
use std::collections::HashMap;
use viztracer_format::reader::{Event, PayloadRef, Segment, payload_refs};
use viztracer_format::segment::SEGMENT_HEADER_SIZE;

/// Finds the PAYLOAD segments of which `calls`, which are in order, show more than there is.
pub(super) fn find(input: &Input, calls: &[Segment], payloads: &[(u64, u32)]) -> Overdrawn {
    if payloads.is_empty() {
        return Overdrawn::new();
    }
    // Damaged events show nothing, but to know them takes ten times as long.
    let at_most = add_up(input, calls, payloads, |_, bytes, add| payload_refs(bytes).for_each(add));
    if at_most.is_empty() {
        return at_most;
    }
    let shown = |event: Event| event.payload.filter(|_| !event.is_damaged);
    add_up(input, calls, payloads, |segment, bytes, add| segment.events(bytes).filter_map(shown).for_each(add))
}

/// Adds up the payloads that `each` finds in the bytes of a segment.
fn add_up(
    input: &Input,
    calls: &[Segment],
    payloads: &[(u64, u32)],
    each: impl Fn(&Segment, &[u8], &mut dyn FnMut(PayloadRef)),
) -> Overdrawn {
    let body = (input.header.segment_size() - SEGMENT_HEADER_SIZE) as u64;
    let mut left: HashMap<u64, u64> = payloads.iter().map(|(generation, _)| (*generation, body)).collect();
    let mut overdrawn = Overdrawn::new();
    let mut buffer = Vec::new();
    for segment in calls.iter().filter(|segment| segment.has_extensions()) {
        // One that cannot be read shows nothing.
        let Ok((segment, bytes)) = input.read(input.committed(segment), &mut buffer) else { continue };
        let mut here = Run::default();
        let mut settle = |run: Run| {
            let Some(left) = left.get_mut(&run.generation) else { return };
            if run.bytes > *left {
                overdrawn.entry(run.generation).or_insert(segment.order());
            }
            *left = left.saturating_sub(run.bytes);
        };
        each(&segment, bytes, &mut |PayloadRef { generation, offset, length }| {
            if generation != here.generation {
                settle(std::mem::replace(&mut here, Run { generation, bytes: 0 }));
            }
            // One that reaches past the body is overwritten.
            let fits = u64::from(offset) + u64::from(length) <= body;
            here.bytes += if fits { length.into() } else { 0 };
        });
        settle(here);
    }
    overdrawn
}

/// Successive payloads of one generation: nearly always all of a segment.
#[derive(Default)]
struct Run {
    generation: u64,
    bytes: u64,
}
