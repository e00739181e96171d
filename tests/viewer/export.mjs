// node export.mjs PAGE OUT: what the page offers as a download in JSON, without a browser. Prints what was wrong.

import { readFileSync, writeFileSync } from "node:fs";
import { bytesOf, unzipped } from "../../merge/viewer/data/blocks.js";
import { Decoder } from "../../merge/viewer/data/decode.js";
import { chromeJson } from "../../merge/viewer/export/json.js";
import { atOnce } from "../../merge/viewer/statistics/slices.js";

const [page, out] = process.argv.slice(2);
const text = readFileSync(page, "utf8");
const [, header] = text.match(/<script type="application\/json" id="header">(.*?)<\/script>/s);
const decoder = new Decoder(JSON.parse(header));
const blocks = /<script type="text\/plain" class="block" data-process="(\d+)">(.*?)<\/script>/gs;
for (const [, index, packed] of text.matchAll(blocks)) {
    decoder.add(Number(index), await unzipped(bytesOf(packed)));
}
const lives = /<script type="text\/plain" class="lives" data-process="(\d+)">(.*?)<\/script>/gs;
for (const [, index, packed] of text.matchAll(lives)) {
    decoder.addLives(Number(index), await unzipped(bytesOf(packed)));
}
for (const [, packed] of text.matchAll(/<script type="text\/plain" class="source">(.*?)<\/script>/gs)) {
    decoder.addSource(new TextDecoder().decode(await unzipped(bytesOf(packed))));
}
const pieces = atOnce(chromeJson(decoder.finish()));
writeFileSync(out, Buffer.from(await new Blob(pieces).arrayBuffer()));
console.log(JSON.stringify(decoder.problems));
