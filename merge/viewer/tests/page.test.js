// The page as a file, with notes.

import assert from "node:assert/strict";
import test from "node:test";
import { originalOf, pageWith } from "../export/page.js";

const PAGE = '<html lang="en"><head><title>t</title></head><body><p>a</p></body></html>';

/** A document that has this text, without notes, and notes of this text or none. */
function documentOf(outerHTML, notes) {
    const removed = [];
    const element = (name, textContent) => ({ textContent, remove: () => removed.push(name) });
    return {
        removed,
        documentElement: { outerHTML },
        getElementById: (id) => (id === "notes" && notes !== undefined ? element("notes", notes) : null),
        querySelector: (selector) => (selector === "script[type=importmap]" ? element("importmap", "") : null),
    };
}

test("a saved page is the page, with notes that end no element", async () => {
    const document = documentOf(PAGE);
    const original = originalOf(document);
    assert.deepEqual([document.removed, original.notes], [["importmap"], []]);
    assert.equal(await pageWith(original, []).text(), `<!DOCTYPE html>\n${PAGE}`);
    const notes = [["s0_1", "</script><script>throw 1</script>"]];
    const text = await pageWith(original, notes).text();
    const [before, json, after] = text.split(/<script type="application\/json" id="notes">|<\/script>\n/);
    assert.deepEqual(JSON.parse(json), notes);
    assert.equal(before + after, `<!DOCTYPE html>\n${PAGE}`);
});

test("notes of a file are read, and damaged ones are none", () => {
    const document = documentOf(PAGE, '[["s0_1","x"]]');
    assert.deepEqual(originalOf(document).notes, [["s0_1", "x"]]);
    assert.deepEqual(document.removed, ["notes", "importmap"]);
    assert.deepEqual(originalOf(documentOf(PAGE, "[[")).notes, []);
});

test("a page that a notebook shows in a frame is saved as it was", async () => {
    const framed = PAGE.replace("<head>", '<head><base href="about:srcdoc">');
    assert.equal(await pageWith(originalOf(documentOf(framed)), []).text(), `<!DOCTYPE html>\n${PAGE}`);
});
