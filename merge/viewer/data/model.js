// What a report holds, as the parts of the page see it, and small questions about it.
//
// All times are nanoseconds since the report's zero, as numbers: exact below 2^53, which is 104 days.
// Names come from traced programs: they may hold anything, and are only ever shown as text.

/**
 * @typedef {object} Trace
 * @property {string} title          what the report is about
 * @property {string} version        the version of the program that wrote it
 * @property {number} duration       the end of the last call or moment
 * @property {number} zero           what was taken away from all times, and belongs to them in files out of the page
 * @property {bigint|null} baseRealtime  nanoseconds since 1970 at the report's zero
 * @property {string[]} warnings     sentences about what is missing or a guess
 * @property {Functions} functions   the functions of all processes
 * @property {Process[]} processes
 * @property {Track[]} tracks        those of all processes; `tracks[i].index === i`
 * @property {Counter[]} counters
 * @property {Flow[]} flows
 * @property {Map<string, string>} sources  the text of source files by path
 * @property {LastWords[]} lastWords
 * @property {object} metadata       the same as a JSON report's `viztracer_metadata`
 * @property {string} metadataText   its text, with numbers that JavaScript cannot hold
 *
 * @typedef {object} Process
 * @property {number} index          its place among the processes
 * @property {number} pid
 * @property {string} name
 * @property {"sealed"|"crashed"|"living"|"unknown"} state  how its recording ended
 * @property {string} ending         how the process ended, in words
 * @property {boolean} isEndingKnown whether these words tell it
 * @property {string[]} losses       what is missing of it or may be wrong, in words
 * @property {Track[]} tracks        threads first, then tasks
 *
 * @typedef {object} Track           a thread, an asyncio task, or asynchronous spans; calls are in the order of their
 *                                   begins, callers first
 * @property {number} index          its place among all tracks
 * @property {Process} process
 * @property {"thread"|"task"|"async"} kind  see spans.js for the last one
 * @property {string} name
 * @property {number} tid            the thread's id, or a task's number as in the JSON report
 * @property {number} count          calls; the arrays have that many entries
 * @property {Float64Array} start
 * @property {Float64Array} duration
 * @property {Uint32Array} function  numbers of functions
 * @property {Uint16Array} depth     calls around it on its track, at most 65535
 * @property {Int32Array} parent     the call around it, or -1
 * @property {Uint8Array} flags      UNFINISHED, RAISED, ABANDONED, CLIPPED, INHERITED, YIELDED
 * @property {number} maxDepth       the greatest depth, or -1 if there are no calls
 * @property {Moment[]} moments      by time
 * @property {object[]} events       that came as JSON and made the process's tracks of kind "async": `time`, `phase`,
 *                                   `cat`, `id`, `name`, `args`
 * @property {string=} category      of spans
 * @property {string[]=} ids         of spans, by call
 * @property {Map<number, string>} args  JSON text of an object by call: arguments, `return_value` and the like
 * @property {number} overwritten    older events that the ring went over
 * @property {number} lost           events that found no room
 * @property {number} unfinished     calls that never ended
 * @property {Gap|null} gap          the longest time of which nothing is left
 * @property {Unknown[]} unknown     time in which nobody knows what its innermost call did: see overwritten.js
 * @property {TaskPart[]=} parts     of a task: what ran on which thread
 *
 * @typedef {object} TaskPart
 * @property {Track} thread
 * @property {Int32Array|null} calls those that ran on it; null for all
 * @property {Unknown} unknown       of the task's unknown time, what was on it
 *
 * @typedef {Pick<Track, "count"|"start"|"duration"|"function"|"parent"|"depth"|"flags">} Unknown
 *
 * @typedef {object} Gap
 * @property {number} start
 * @property {number} end
 * @property {number} events         how many were overwritten
 * @property {number} since          the first moment of which nothing may be left
 * @property {number} until          the last one
 *
 * @typedef {object} Moment
 * @property {number} time
 * @property {string} kind           "instant", "object", or the phase of an event that came as JSON
 * @property {string} name
 * @property {string|null} args      JSON text
 *
 * @typedef {object} Counter
 * @property {Process} process
 * @property {string} name           with a series of its own, as "memory rss"
 * @property {Float64Array} times
 * @property {Float64Array} values   as many
 *
 * @typedef {object} Flow            an arrow: a process started another one, or the trace says so
 * @property {Track} fromTrack
 * @property {number} fromTime
 * @property {Track} toTrack
 * @property {number} toTime
 * @property {string} name
 *
 * @typedef {object} LastWords       what a process that died was doing
 * @property {Process} process
 * @property {number} end            the last moment that is known of it
 * @property {LastThread[]} threads
 *
 * @typedef {object} LastThread
 * @property {Track} track
 * @property {string} name
 * @property {OpenFrame[]} frames    open calls, outermost first
 *
 * @typedef {object} OpenFrame
 * @property {number} function
 * @property {number} since          when it began
 * @property {number} call           its place on the track
 */

/** The call had not ended when it was last seen. */
export const UNFINISHED = 1;
/** An exception left the call. */
export const RAISED = 2;
/** The call's frame was thrown away, as a generator's that nobody asks any more. */
export const ABANDONED = 4;
/** Only a part of the call was asked for. */
export const CLIPPED = 8;
/** The call began in the parent process. */
export const INHERITED = 16;
/** The call is a part of a generator's or coroutine's, which goes on later. */
export const YIELDED = 32;
/** What is drawn at a call. */
export const DRAWN = UNFINISHED | RAISED | ABANDONED | CLIPPED;

/** The functions of all processes. */
export class Functions {
    /**
     * @param {string[]} names
     * @param {string[]} files   paths, each once
     * @param {ArrayLike<number>} fileOf  by function, a place in `files`, or -1
     * @param {ArrayLike<number>} lines
     */
    constructor(names, files, fileOf, lines) {
        this.count = names.length;
        this.names = names;
        this.files = files;
        this.fileOf = fileOf;
        this.lines = lines;
    }

    /** The one that stands for calls that were overwritten, -1 if none were. It must be made before those of spans. */
    overwritten = -1;

    /** Makes it. */
    addOverwritten() {
        this.overwritten = this.count;
        this.names[this.count] = "[overwritten]";
        this.count += 1;
    }

    /** The one that stands for spans of a name. @param {string} name @returns {number} */
    ofSpan(name) {
        this.spans ??= new Map();
        if (!this.spans.has(name)) {
            this.spans.set(name, this.count);
            this.names[this.count] = name;
            this.count += 1;
        }
        return this.spans.get(name);
    }

    /** Whether it stands for spans. @param {number} index */
    isSpan(index) {
        return this.spans !== undefined && index >= this.count - this.spans.size;
    }

    /** The qualified name. @param {number} index @returns {string} */
    name(index) {
        return this.names[index] ?? "unknown function";
    }

    /** The path of the source, "" for a C function. @param {number} index @returns {string} */
    file(index) {
        return this.files[this.fileOf[index] ?? -1] ?? "";
    }

    /** The first line, 0 for a C function. @param {number} index @returns {number} */
    line(index) {
        return this.lines[index] ?? 0;
    }

    /** The name as a JSON report has it: "f (/x/a.py:7)". @param {number} index @returns {string} */
    label(index) {
        const file = this.file(index);
        return file === "" ? this.name(index) : `${this.name(index)} (${file}:${this.line(index)})`;
    }
}

/** Those that are threads or tasks: spans are no calls. @param {Track[]} tracks */
export function ofCalls(tracks) {
    return tracks.filter(({ kind }) => kind !== "async");
}

/** When a call ended. @param {Track} track @param {number} call */
export function endOf(track, call) {
    return track.start[call] + track.duration[call];
}

/** The calls around a call, innermost first. @param {Track} track @param {number} call @returns {number[]} */
export function callers(track, call) {
    const around = [];
    for (let at = track.parent[call]; at >= 0; at = track.parent[at]) {
        around.push(at);
    }
    return around;
}

/** The place behind a call and all calls in it. @param {Track} track @param {number} call @returns {number} */
export function afterSubtree(track, call) {
    const { depth, count } = track;
    let at = call + 1;
    while (at < count && depth[at] > depth[call]) {
        at += 1;
    }
    return at;
}

/** The calls that a call made itself. @param {Track} track @param {number} call @returns {number[]} */
export function callees(track, call) {
    const found = [];
    const end = afterSubtree(track, call);
    for (let at = call + 1; at < end; at += 1) {
        if (track.parent[at] === call) {
            found.push(at);
        }
    }
    return found;
}

/** The time of a call without the calls in it. @param {Track} track @param {number} call @returns {number} */
export function selfTime(track, call) {
    return callees(track, call).reduce((rest, callee) => rest - track.duration[callee], track.duration[call]);
}

/** The first call that begins at this time or later. @param {Track} track @param {number} time @returns {number} */
export function firstFrom(track, time) {
    let [low, high] = [0, track.count];
    while (low < high) {
        const middle = (low + high) >>> 1;
        if (track.start[middle] < time) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/** What a call's flags say. @param {number} flags @returns {string[]} */
export function flagNames(flags) {
    const names = [
        [UNFINISHED, "unfinished"], [RAISED, "raised"], [ABANDONED, "abandoned"], [CLIPPED, "clipped"],
        [INHERITED, "from before the fork"], [YIELDED, "yielded"],
    ];
    return names.filter(([flag]) => (flags & flag) !== 0).map(([, name]) => name);
}
