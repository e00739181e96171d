// Arrows from a process to those that it started.

import assert from "node:assert/strict";
import { test } from "node:test";

import { starts } from "../data/flows.js";

const NAMES = ["main", "posix.fork", "work"];
const functions = { count: NAMES.length, name: (i) => NAMES[i] };

/** Makes processes of one thread from `[pid, index of the parent, opened, calls]`; a call is `[name, start, end]`. */
function family(...all) {
    const processes = all.map(([pid, , , calls], index) => {
        const column = (of) => calls.map(of);
        const track = {
            index, kind: "thread", tid: pid, count: calls.length, parent: column((_, i) => (i === 0 ? -1 : 0)),
            function: column(([name]) => NAMES.indexOf(name)), start: column(([, start]) => start),
            duration: column(([, start, end]) => end - start),
        };
        return { index, pid, tracks: [track] };
    });
    const read = all.map(([pid, parent, opened], index) => ({ index, pid, of: { parent, opened } }));
    return [...starts(read, processes, functions)].map((of) => [of.fromTime, of.toTrack.index, of.toTime]);
}

const parent = (pid, ...forks) =>
    [pid, null, 0, [["main", 0, 900], ...forks.map((time) => ["posix.fork", time, time + 5])]];
const child = (pid, opened) => [pid, 0, opened, [["posix.fork", opened + 1, opened + 2], ["work", opened + 3, 800]]];

test("the younger child may be the first to open its file", () => {
    assert.deepEqual(family(parent(7, 10, 20), child(8, 40), child(9, 30)), [[10, 1, 41], [20, 2, 31]]);
});

test("ids of processes begin anew", () => {
    assert.deepEqual(family(parent(99, 10, 20), child(3, 40), child(100, 30)), [[20, 1, 41], [10, 2, 31]]);
});

test("a child's own first call is not a birth of its children's", () => {
    const grandchild = [9, 1, 60, [["posix.fork", 61, 62]]];
    const busy = [8, 0, 30, [["posix.fork", 31, 32], ["work", 35, 80], ["posix.fork", 50, 55]]];
    assert.deepEqual(family(parent(7, 10), busy, grandchild), [[10, 1, 31], [50, 2, 61]]);
});

test("where it is not clear which call it was, the arrow begins when the child opened its file", () => {
    assert.deepEqual(family(parent(7, 10, 15, 20), child(8, 40), child(9, 30)), [[40, 1, 41], [30, 2, 31]]);
    assert.deepEqual(family(parent(7, 35, 50), child(8, 40), child(9, 30)), [[40, 1, 41], [30, 2, 31]]);
});
