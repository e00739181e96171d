// Who started whom, what processes are called, and the flows of a call.

import assert from "node:assert/strict";
import test from "node:test";
import { inTree, settleFamily } from "../data/family.js";
import { Functions } from "../data/model.js";
import { innermostAt, relationsOf } from "../data/relations.js";
import { pointOf, pointText, timeOf } from "../timeline/points.js";
import { drawn } from "./drawn.js";

/** Processes of `[name, index of the parent, command line, file of the module]`. */
function family(...all) {
    const files = all.map(([, , , file]) => file);
    const functions = new Functions(files.map(() => "<module>"), files, files.map((_, at) => at), files.map(() => 1));
    const processes = all.map(([name], index) => {
        const track = { kind: "thread", tid: 10 + index, count: 1, function: [index], start: [index], duration: [1] };
        const process = { index, pid: 10 + index, name, tracks: [track] };
        track.process = process;
        return process;
    });
    const flow = { isStart: true, fromTrack: processes[0].tracks[0], fromCall: 0, toTrack: processes.at(-1).tracks[0] };
    const headers = all.map(([, parent, command]) => ({ parent, command }));
    settleFamily(processes, headers, all.length > 1 ? [flow] : [], functions);
    return processes;
}

test("the first process goes by its program", () => {
    const label = (...one) => family(one)[0].label;
    assert.equal(label("MainProcess", null, ["python", "/x/app.py"], "/x/app.py"), "app.py");
    assert.equal(label("MainProcess", null, ["python", "-m", "tool"], "/x/tool/__main__.py"), "tool");
    assert.equal(label("MainProcess", null, [], ""), "MainProcess", "its first calls are lost");
    assert.equal(label("my service", null, ["python", "/x/app.py"], "/x/app.py"), "my service");
});

test("arguments tell processes of one name apart", () => {
    const tree = (...words) => ["python", "tree.py", ...words];
    const all = family(["MainProcess", null, ["viztracer", "-q", ...tree("2")], "/x/tree.py"],
        ["tree.py", 0, tree("1", "a"), "/x/tree.py"], ["tree.py", 0, tree("1", "b"), "/x/tree.py"]);
    assert.deepEqual(all.map(({ label }) => label), ["tree.py 2", "tree.py 1 a", "tree.py 1 b"]);
    assert.deepEqual(all[0].children, [all[1], all[2]]);
    assert.deepEqual([all[0].parent, all[1].parent], [null, all[0]]);
    assert.deepEqual([all[1].birth, all[2].birth], [null, { track: all[0].tracks[0], call: 0 }]);
    const forks = family(["worker", null, tree("1"), ""], ["worker", 0, tree("1"), ""]);
    assert.deepEqual(forks.map(({ label }) => label), ["worker", "worker"], "forks have the same command line");
});

test("each process stands behind its parent, whatever the data says", () => {
    const order = (...parents) =>
        inTree(family(...parents.map((parent) => ["p", parent, [], ""]))).map(({ process, level }) =>
            [process.index, level]);
    assert.deepEqual(order(null, 0, 0, 1), [[0, 0], [1, 1], [3, 2], [2, 1]]);
    assert.deepEqual(order(1, 0, 2, 77), [[2, 0], [3, 0], [0, 0], [1, 1]], "of a circle, of itself, of none");
});

test("the flows of a call lead to the innermost calls at their other ends", () => {
    const trace = drawn(["ffffffff", " gg hhh "]);
    const [one] = trace.tracks;
    const [other] = drawn(["  aaaa", "   bb "]).tracks;
    trace.flows = [
        { name: "start", isStart: true, fromTrack: one, fromTime: 2, toTrack: other, toTime: 3 },
        { name: "back", fromTrack: other, fromTime: 4, toTrack: one, toTime: 6 },
    ];
    const [f, g, h] = [0, 1, 2];
    const relations = (call) => relationsOf(trace, one, call);
    assert.deepEqual(relations(g).after.map(({ track, call, delay }) => [track, call, delay]), [[other, 1, 1]]);
    assert.deepEqual([relations(g).before.length, relations(h).before.length, relations(h).after.length], [0, 1, 0]);
    assert.deepEqual([relations(f).before.length, relations(f).after.length], [1, 1], "also of what it called");
    assert.equal(innermostAt(other, 1), -1);
});

test("a process can be selected, and stands in the address", () => {
    const processes = [{ index: 0, opened: 5 }, { index: 1, opened: 7 }];
    const trace = { tracks: [], counters: [], processes };
    assert.equal(pointText(trace, { process: processes[1] }), "p1");
    assert.deepEqual([pointOf(trace, "p1"), pointOf(trace, "p9")], [{ process: processes[1] }, null]);
    assert.equal(timeOf({ process: processes[1] }), 7);
});
