// Runs of several boots, which may begin together, and the time on which the page opens.

import assert from "node:assert/strict";
import test from "node:test";
import { Decoder } from "../data/decode.js";
import { openingOf } from "../data/starts.js";
import { chromeJson } from "../export/json.js";
import { words } from "../panels/clocks.js";
import { inSlices } from "../statistics/slices.js";
import { encoded } from "./encode.js";
import { sample } from "./sample.js";

/** The sample, whose second process is of another boot, and both of which have a time of overwritten events. */
function decoded(together) {
    const { header, blocks } = encoded(sample({ calls: 200, tracks: 2 }), 1000);
    header.starts = { shifts: [0, 5000], baseRealtime: "77", boots: 2, uncertainty: 1000 };
    header.processes[1].overwritten = [[0, 0, [10, 20]]];
    header.processes[1].threads[0].gap = [1, 2, 3, 4, 5];
    const decoder = new Decoder(header, together);
    blocks.forEach(([process, bytes]) => decoder.add(process, bytes));
    assert.deepEqual(decoder.problems, []);
    return decoder.finish();
}

async function saved(trace) {
    const blobs = await inSlices(chromeJson(trace), {});
    return (await Promise.all(blobs.map((blob) => blob.text()))).join("");
}

test("runs that begin together have moved, with all that is known of them", async () => {
    const [apart, together] = [decoded(false), decoded(true)];
    assert.ok(!apart.areTogether && together.areTogether);
    assert.equal(together.baseRealtime, 77n);
    assert.equal(together.fileRealtime, apart.baseRealtime);
    for (const [index, by] of [[0, 0], [1, 5000]]) {
        const [one, other] = [apart.tracks[index], together.tracks[index]];
        assert.deepEqual(Array.from(one.start, (time) => time + by), Array.from(other.start));
        assert.deepEqual(one.duration, other.duration);
        assert.deepEqual(one.instants.map(({ time }) => time + by), other.instants.map(({ time }) => time));
        assert.equal(one.process.opened + by, other.process.opened);
    }
    const { gap, unknown } = together.tracks[1];
    assert.deepEqual(gap, { start: 5001, end: 5002, events: 3, since: 5004, until: 5005 });
    assert.deepEqual([unknown[0].start[0], unknown[0].duration[0]], [5010, 10]);
    assert.equal(await saved(together), await saved(apart), "files have the times of the clocks");
});

test("the page opens on the selected time, or on the first runs", () => {
    const runs = (...times) => times.map(([opened, last]) => ({ opened, last }));
    const far = runs([900, 1000], [0, 40], [60, 90]);
    assert.deepEqual(openingOf([700, 800], null, far, 1000), [700, 800]);
    assert.deepEqual(openingOf([700, 1e19], null, far, 1000), [700, 1000], "the end of the selection is open");
    assert.equal(openingOf([0, 990], null, far, 1000), null, "it is nearly all the time");
    assert.equal(openingOf(undefined, null, far, 1000), null);
    assert.deepEqual(openingOf(undefined, {}, far, 1000), [0, 90]);
    assert.equal(openingOf(undefined, {}, runs([0, 500], [520, 1000]), 1000), null);
    assert.equal(openingOf("nonsense", {}, [], 0), null);
});

test("what is said of clocks", () => {
    const starts = { boots: 2, uncertainty: 1000 };
    assert.match(words(starts, false, [0, 1]), /of 2 boots\. Only the wall clock .* at least 1\.000 µs\. The first runs/);
    assert.doesNotMatch(words(starts, false, null), /first runs/);
    assert.match(words(starts, true, null), /All runs are moved to begin together/);
});
