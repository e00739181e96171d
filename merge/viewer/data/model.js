// The model: the contents of a report for all parts of the page, with simple queries.
//
// All times are nanoseconds since the report's zero, as numbers: exact below 2^53, which is 104 days.
// Names come from traced programs and can contain anything: show them as text only.

/**
 * @typedef {object} Trace
 * @property {string} title          title of the report
 * @property {string} version        the version of the program that wrote it
 * @property {number} duration       end of the last call or instant, in ns
 * @property {number} zero           offset that was subtracted from all times; exports add it again
 * @property {bigint|null} baseRealtime  nanoseconds since 1970 at the report's zero
 * @property {bigint|null} fileRealtime  the same at the zero of saved files
 * @property {import("./starts.js").Starts|null} starts  what would let all runs begin together, if only the wall clock
 *                                   relates their times
 * @property {boolean} areTogether   whether all runs are moved so that they begin together
 * @property {[number, number]|null} opening  the time that is shown first, if that is not all of it
 * @property {string[]} warnings     sentences about missing or estimated data
 * @property {Functions} functions   the functions of all processes
 * @property {Process[]} processes
 * @property {Track[]} tracks        tracks of all processes; `tracks[i].index === i`
 * @property {Counter[]} counters
 * @property {Flow[]} flows
 * @property {Map<string, string>} sources  the text of source files by path
 * @property {LastWords[]} lastWords
 * @property {import("./hiding.js").Hidden|null=} hidden  the functions whose calls are hidden
 * @property {import("./comparison.js").Comparison|null} comparison  the sides, if the page compares runs
 * @property {{id: string, shortest: number, calls: number, whole: number, header: object}|null} served  how a
 *                                   server calls the trace that adds to the page, the duration below which calls are
 *                                   merged, the number of all calls, with how many the server adds all, and the header
 * @property {import("./loaded.js").Loaded=} loaded  what of a served trace is loaded
 * @property {object} metadata       the same as a JSON report's `viztracer_metadata`
 * @property {string} metadataText   its text, with numbers that JavaScript cannot represent
 *
 * @typedef {object} Process
 * @property {number} index          its index in `processes`
 * @property {number} pid
 * @property {string} name           its name in all reports
 * @property {string} label          its name on the page: that of its program, with arguments if others have the same
 * @property {string[]} command      its command line
 * @property {Process|null} parent   the process that started it
 * @property {Process[]} children    the processes that it started
 * @property {{track: Track, call: number}|null} birth  the call of the parent that started it, if it is known
 * @property {number} moved          nanoseconds that were added to its times; exports subtract them again
 * @property {number} opened         when its recording began, or its first event
 * @property {number} last           the last known time of it
 * @property {"sealed"|"crashed"|"living"|"unknown"} state  how its recording ended
 * @property {string} ending         how the process ended, in words
 * @property {boolean} isEndingKnown whether these words describe it
 * @property {boolean} isAbnormal    whether it crashed or was killed, or nobody knows why it ended
 * @property {boolean} tellsItsEnd   whether it is known when it ended: its open calls lasted until then, not longer
 * @property {number|null} waitedAfter  how many ns after its last sign of life its parent knew of its end
 * @property {string[]} losses       texts about its data that is missing or may be wrong
 * @property {import("./elided.js").Elided[]=} elided  functions of which not all calls are recorded
 * @property {boolean=} inBursts     whether it recorded calls in bursts only
 * @property {Track[]} tracks        threads first, then tasks
 * @property {number=} order         where a JSON trace wants it: lower ones come first; 0 if it does not say
 *
 * @typedef {object} Track           a thread, an asyncio task, or asynchronous spans; calls are in the order of their
 *                                   begins, callers first
 * @property {number} index          its index in `tracks`
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
 * @property {Instant[]} instants    by time
 * @property {object[]} events       of a JSON trace, for the process's tracks of kind "async": `time`, `phase`,
 *                                   `cat`, `id`, `name`, `args`
 * @property {string=} category      of spans
 * @property {[number, number]=} beside  of spans, which one of how many tracks of this name it is, from 1 on
 * @property {string[]=} ids         of spans, by call
 * @property {Map<number, string>} args  JSON text of an object by call: arguments, `return_value` and the like
 * @property {number} overwritten    older events that newer ones replaced
 * @property {number} lost           events that were not stored for lack of space
 * @property {number} unfinished     calls that never ended
 * @property {Gap|null} gap          the longest time of which no data is left
 * @property {Unknown[]} unknown     time in which the callees of its innermost call are unknown: see overwritten.js
 * @property {number=} order         as of a process
 * @property {object=} recorded      all recorded calls, if some may be hidden: see hiding.js. `count`, `start` and so on
 *                                   are those of the shown calls
 * @property {object|null=} shown    which of the recorded calls these are; null or absent for all
 * @property {TaskPart[]=} parts     of a task: the calls by thread
 * @property {import("./lives.js").Lives|null=} lives  of a task and its coroutines
 *
 * @typedef {object} TaskPart
 * @property {Track} thread
 * @property {Int32Array|null} calls the calls that ran on it; null for all
 * @property {Unknown} unknown       the task's unknown time on it
 *
 * @typedef {Pick<Track, "count"|"start"|"duration"|"function"|"parent"|"depth"|"flags">} Unknown
 *
 * @typedef {object} Gap
 * @property {number} start
 * @property {number} end
 * @property {number} events         number of overwritten events
 * @property {number} since          begin of the time of which data may be missing
 * @property {number} until          end of that time
 *
 * @typedef {object} Instant
 * @property {number} time
 * @property {string} kind           "instant", "object", or the phase of an event of a JSON trace
 * @property {string} name
 * @property {string|null} args      JSON text
 * @property {"g"|"p"=} scope        whether it is of the whole trace or of its process, not only of its track
 *
 * @typedef {object} Counter
 * @property {Process} process
 * @property {string} name           with the name of the series, as "memory rss"
 * @property {Float64Array} times
 * @property {Float64Array} values   one per time
 *
 * @typedef {object} Flow            an arrow: a process started another one, or a flow of the trace
 * @property {Track} fromTrack
 * @property {number} fromTime
 * @property {Track} toTrack
 * @property {number} toTime
 * @property {string} name
 * @property {boolean=} isStart      whether a process started another one
 * @property {number=} fromCall      the call that started it, or -1
 *
 * @typedef {object} LastWords       the open calls of a process that did not close its recording; those of processes
 *                                   that did not end normally come first
 * @property {Process} process
 * @property {number} end            the last known time of it
 * @property {LastThread[]} threads
 *
 * @typedef {object} LastThread
 * @property {Track} track
 * @property {string} name
 * @property {OpenFrame[]} frames    open calls, outermost first
 *
 * @typedef {object} OpenFrame
 * @property {number} function
 * @property {number} since          its begin
 * @property {number} call           its index on the track
 */

/** The call had not ended when it was last seen. */
export const UNFINISHED = 1;
/** An exception left the call. */
export const RAISED = 2;
/** The call's frame was destroyed before it ended, as of an unfinished generator. */
export const ABANDONED = 4;
/** Only a part of the call was selected. */
export const CLIPPED = 8;
/** The call began in the parent process. */
export const INHERITED = 16;
/** The call is a span of a generator or coroutine that continues later. */
export const YIELDED = 32;
/** It stands for several calls, which are too short to be seen; its arguments say how many. */
export const MERGED = 64;
/** The flags that are drawn. */
export const DRAWN = UNFINISHED | RAISED | ABANDONED | CLIPPED | MERGED;

/** The functions of all processes. */
export class Functions {
    /**
     * @param {string[]} names
     * @param {string[]} files   paths, each once
     * @param {ArrayLike<number>} fileOf  by function, an index in `files`, or -1
     * @param {ArrayLike<number>} lines
     */
    constructor(names, files, fileOf, lines) {
        this.count = names.length;
        this.names = names;
        this.files = files;
        this.fileOf = fileOf;
        this.lines = lines;
    }

    /** The function "[overwritten]", or -1 if there is none. It must be added before the functions of spans. */
    overwritten = -1;

    /** The functions that wait, for a lock or data or a time. docs/waiting.md lists them. @type {Set<number>} */
    waits = new Set();

    /**
     * The categories of functions that another program has named; "" if it has given none.
     * @type {Map<number, string>}
     */
    categories = new Map();

    /** Adds the function "[overwritten]". */
    addOverwritten() {
        this.overwritten = this.count;
        this.names[this.count] = "[overwritten]";
        this.count += 1;
    }

    /** Returns the function for spans of a name. @param {string} name @returns {number} */
    ofSpan(name) {
        this.spans ??= new Map();
        if (!this.spans.has(name)) {
            this.spans.set(name, this.count);
            this.names[this.count] = name;
            this.count += 1;
        }
        return this.spans.get(name);
    }

    /** Returns whether a function is for spans. @param {number} index */
    isSpan(index) {
        return this.spans !== undefined && index >= this.count - this.spans.size;
    }

    /** Returns what a function without a file is, in words. @param {number} index @returns {string} */
    kind(index) {
        const category = this.categories.get(index);
        return category === undefined ? "a C function" : category === "" ? "an event" : `of category ${category}`;
    }

    /** Returns the qualified name. @param {number} index @returns {string} */
    name(index) {
        return this.names[index] ?? "unknown function";
    }

    /** Returns the path of the source, "" for a C function. @param {number} index @returns {string} */
    file(index) {
        return this.files[this.fileOf[index] ?? -1] ?? "";
    }

    /** Returns the first line, 0 for a C function. @param {number} index @returns {number} */
    line(index) {
        return this.lines[index] ?? 0;
    }

    /** Returns the name as in a JSON report: "f (/x/a.py:7)". @param {number} index @returns {string} */
    label(index) {
        const file = this.file(index);
        return file === "" ? this.name(index) : `${this.name(index)} (${file}:${this.line(index)})`;
    }
}

/** Returns the tracks of threads and tasks, without those of spans. @param {Track[]} tracks */
export function ofCalls(tracks) {
    return tracks.filter(({ kind }) => kind !== "async");
}

/** Returns for how many calls one stands, as text: of a part of merged calls, at most so many; "" if it is one call. */
export function mergedCount(track, call) {
    if ((track.flags[call] & MERGED) === 0) {
        return "";
    }
    const { calls = 1 } = JSON.parse(track.args.get(call) ?? "{}");
    return `${track.flags[call] & CLIPPED ? "up to " : ""}${calls.toLocaleString("en")}`;
}

/** Returns the end of a call. @param {Track} track @param {number} call */
export function endOf(track, call) {
    return track.start[call] + track.duration[call];
}

/** Returns the callers of a call, innermost first. @param {Track} track @param {number} call @returns {number[]} */
export function callers(track, call) {
    const around = [];
    for (let at = track.parent[call]; at >= 0; at = track.parent[at]) {
        around.push(at);
    }
    return around;
}

/** Returns the index after a call and its inner calls. @param {Track} track @param {number} call @returns {number} */
export function afterSubtree(track, call) {
    const { depth, count } = track;
    let at = call + 1;
    while (at < count && depth[at] > depth[call]) {
        at += 1;
    }
    return at;
}

/** Returns the direct callees of a call. @param {Track} track @param {number} call @returns {number[]} */
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

/** Returns the self time of a call. @param {Track} track @param {number} call @returns {number} */
export function selfTime(track, call) {
    return callees(track, call).reduce((rest, callee) => rest - track.duration[callee], track.duration[call]);
}

/** Returns the first call that begins at a time or later. @param {Track} track @param {number} time */
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

/** Returns a call's flags in words. @param {number} flags @returns {string[]} */
export function flagNames(flags) {
    const names = [
        [UNFINISHED, "unfinished"], [RAISED, "raised"], [ABANDONED, "abandoned"], [CLIPPED, "clipped"],
        [INHERITED, "from before the fork"], [YIELDED, "yielded"],
    ];
    return names.filter(([flag]) => (flags & flag) !== 0).map(([, name]) => name);
}
