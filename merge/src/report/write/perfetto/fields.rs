//! Field numbers and values out of Perfetto's `protos/perfetto/trace/*.proto`, under the names that they have there.

#![allow(non_upper_case_globals, reason = "as in the .proto files")]

pub mod trace {
    pub const packet: u32 = 1;
}

pub mod trace_packet {
    pub const chrome_events: u32 = 5;
    pub const clock_snapshot: u32 = 6;
    pub const timestamp: u32 = 8;
    pub const trusted_packet_sequence_id: u32 = 10;
    pub const track_event: u32 = 11;
    pub const interned_data: u32 = 12;
    pub const sequence_flags: u32 = 13;
    pub const previous_packet_dropped: u32 = 42;
    pub const trace_packet_defaults: u32 = 59;
    pub const track_descriptor: u32 = 60;

    pub const SEQ_INCREMENTAL_STATE_CLEARED: u64 = 1;
    pub const SEQ_NEEDS_INCREMENTAL_STATE: u64 = 2;
    pub const DATA_LOSS_PRESENT: u64 = 1;
    pub const DATA_LOSS_OVERWRITE: u64 = 64;
}

pub mod trace_packet_defaults {
    pub const track_event_defaults: u32 = 11;
    pub const timestamp_clock_id: u32 = 58;
}

pub mod track_event_defaults {
    pub const track_uuid: u32 = 11;
}

pub mod clock_snapshot {
    pub const clocks: u32 = 1;
    pub const primary_trace_clock: u32 = 2;
}

pub mod clock {
    pub const clock_id: u32 = 1;
    pub const timestamp: u32 = 2;
    pub const is_incremental: u32 = 3;

    pub const BUILTIN_CLOCK_REALTIME: u64 = 1;
    pub const BUILTIN_CLOCK_MONOTONIC: u64 = 3;
    pub const BUILTIN_CLOCK_BOOTTIME: u64 = 6;
}

pub mod interned_data {
    pub const event_names: u32 = 2;
    pub const source_locations: u32 = 4;
}

pub mod interned_name {
    pub const iid: u32 = 1;
    pub const name: u32 = 2;
}

pub mod source_location {
    pub const iid: u32 = 1;
    pub const file_name: u32 = 2;
    pub const function_name: u32 = 3;
    pub const line_number: u32 = 4;
}

pub mod track_descriptor {
    pub const uuid: u32 = 1;
    pub const name: u32 = 2;
    pub const process: u32 = 3;
    pub const thread: u32 = 4;
    pub const parent_uuid: u32 = 5;
    pub const counter: u32 = 8;
    pub const sibling_merge_behavior: u32 = 15;

    pub const SIBLING_MERGE_BEHAVIOR_NONE: u64 = 2;
}

pub mod process_descriptor {
    pub const pid: u32 = 1;
    pub const cmdline: u32 = 2;
    pub const process_name: u32 = 6;
}

pub mod thread_descriptor {
    pub const pid: u32 = 1;
    pub const tid: u32 = 2;
    pub const thread_name: u32 = 5;
}

pub mod track_event {
    pub const debug_annotations: u32 = 4;
    pub const legacy_event: u32 = 6;
    pub const r#type: u32 = 9;
    pub const name_iid: u32 = 10;
    pub const track_uuid: u32 = 11;
    pub const categories: u32 = 22;
    pub const name: u32 = 23;
    pub const counter_value: u32 = 30;
    pub const source_location_iid: u32 = 34;
    pub const double_counter_value: u32 = 44;

    pub const TYPE_SLICE_BEGIN: u64 = 1;
    pub const TYPE_SLICE_END: u64 = 2;
    pub const TYPE_INSTANT: u64 = 3;
    pub const TYPE_COUNTER: u64 = 4;
}

/// `TrackEvent.LegacyEvent`: an event of the Chrome trace format that has no field of its own.
pub mod legacy_event {
    pub const phase: u32 = 2;
    pub const unscoped_id: u32 = 6;
    pub const bind_to_enclosing: u32 = 12;
}

pub mod debug_annotation {
    pub const bool_value: u32 = 2;
    pub const uint_value: u32 = 3;
    pub const int_value: u32 = 4;
    pub const double_value: u32 = 5;
    pub const string_value: u32 = 6;
    pub const name: u32 = 10;
    pub const dict_entries: u32 = 11;
    pub const array_values: u32 = 12;
}

pub mod chrome_event_bundle {
    pub const metadata: u32 = 2;
}

pub mod chrome_metadata {
    pub const name: u32 = 1;
    pub const json_value: u32 = 5;
}
