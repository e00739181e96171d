// Field numbers and constants of Perfetto's protobuf, from its protos/perfetto/trace.

export const TRACE = { packet: 1 };
export const PACKET = {
    chromeEvents: 5, clockSnapshot: 6, timestamp: 8, sequenceId: 10, trackEvent: 11, internedData: 12,
    sequenceFlags: 13, defaults: 59, trackDescriptor: 60,
};
export const STATE_CLEARED = 1;
export const NEEDS_STATE = 2;
export const DEFAULTS = { trackEvent: 11, clockId: 58 };
export const CLOCK = { id: 1, timestamp: 2, isIncremental: 3, REALTIME: 1, BOOTTIME: 6 };
export const INTERNED = { eventNames: 2, sourceLocations: 4, iid: 1, name: 2, file: 2, function: 3, line: 4 };
export const TRACK = {
    uuid: 1, name: 2, process: 3, thread: 4, parent: 5, counter: 8, siblingMerge: 15, MERGE_NONE: 2,
};
export const PROCESS = { pid: 1, name: 6 };
export const THREAD = { pid: 1, tid: 2, name: 5 };
export const EVENT = {
    annotations: 4, legacy: 6, type: 9, nameIid: 10, track: 11, categories: 22, name: 23, locationIid: 34,
    doubleCounter: 44, BEGIN: 1, END: 2, INSTANT: 3, COUNTER: 4,
};
export const LEGACY = { phase: 2, id: 6, bindToEnclosing: 12 };
export const ANNOTATION = { bool: 2, int: 4, double: 5, string: 6, name: 10, entries: 11, values: 12 };
export const METADATA = { metadata: 2, name: 1, json: 5 };
