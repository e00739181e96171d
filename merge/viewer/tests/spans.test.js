// Spans that begin by one event and end by another one become tracks on which calls nest.

import assert from "node:assert/strict";
import test from "node:test";
import { Functions } from "../data/model.js";
import { spanTracks } from "../data/spans.js";
import { numbers } from "./sample.js";

/** Events written as "b r1 request 100"; gives what each track has: name, and spans with their depths. */
function drawn(lines, latest = 1000) {
    const functions = new Functions(["f"], [], [-1], [0]);
    const stream = { track: { instants: [] } };
    const events = lines.map((line) => {
        const [phase, id, name, time, args = "null"] = line.split(" ");
        return { time: Number(time), phase, cat: "c", id, shown: id, name, args: JSON.parse(args), stream };
    });
    const tracks = spanTracks({ index: 0 }, events, latest, functions);
    const shown = tracks.map((track) => [
        track.name,
        ...Array.from({ length: track.count }, (_, i) =>
            `${track.depth[i]} ${functions.name(track.function[i])} ${track.ids[i]} `
            + `${track.start[i]}+${track.duration[i]}${track.flags[i] ? " open" : ""}`),
    ]);
    return { tracks, shown, instants: stream.track.instants };
}

test("spans of an id nest, those of others that overlap lie beside them", () => {
    const { shown } = drawn([
        "b r1 request 100", "b r1 query 150", "b r2 request 180", "e r1 query 200", "e r1 request 300",
        "e r2 request 400", "b r3 request 500", "b x upload 600", "e x upload 700",
    ]);
    assert.deepEqual(shown, [
        ["request", "0 request r1 100+200", "1 query r1 150+50", "0 request r3 500+500 open"],
        ["request", "0 request r2 180+220"],
        ["upload", "0 upload x 600+100"],
    ]);
});

test("spans of an id that cross lie beside each other", () => {
    const { shown } = drawn(["b r a 0", "b r b 10", "e r a 20", "e r b 30"]);
    assert.deepEqual(shown, [["a", "0 a r 0+20"], ["b", "0 b r 10+20"]]);
});

test("arguments of begin and end, instants within, and ends of nothing", () => {
    const { tracks, instants } = drawn([
        'b r a 0 {"x":1}', 'n r step 5 {"y":2}', 'e r a 20 {"z":3}', "e r a 30", "S 5 old 40", "F 5 old 50",
    ]);
    assert.deepEqual([...tracks[0].args], [[0, '{"x":1,"z":3}']]);
    assert.deepEqual(tracks[0].instants, [{ time: 5, kind: "instant", name: "step", args: '{"y":2}' }]);
    assert.deepEqual(instants, [{ time: 30, kind: "e", name: "a", args: null }]);
    assert.deepEqual([tracks[1].name, tracks[1].duration[0]], ["old", 10]);
});

test("whatever comes, calls of a track nest, and no span is lost", () => {
    for (let seed = 1; seed <= 50; seed += 1) {
        const random = numbers(seed);
        const some = (...of) => of[Math.floor(random() * of.length)];
        const lines = Array.from({ length: 200 }, () =>
            `${some("b", "e", "b", "e", "n")} ${some("1", "2", "3")} ${some("a", "b")} ${Math.floor(random() * 300)}`);
        const { tracks } = drawn(lines, 300);
        const begun = lines.filter((line) => line.startsWith("b")).length;
        assert.equal(tracks.reduce((sum, { count }) => sum + count, 0), begun);
        for (const { count, start, duration, depth, parent } of tracks) {
            for (let call = 0; call < count; call += 1) {
                const [around, before] = [parent[call], call - 1];
                assert.ok(call === 0 || start[call] >= start[before]);
                assert.equal(depth[call], around < 0 ? 0 : depth[around] + 1);
                assert.ok(around < 0 || start[call] + duration[call] <= start[around] + duration[around]);
                const beside = call === 0 ? -1 : depth.lastIndexOf(depth[call], before);
                assert.ok(beside < 0 || start[beside] + duration[beside] <= start[call]);
            }
        }
    }
});
