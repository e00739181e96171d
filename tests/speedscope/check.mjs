// usage: node check.mjs PACKAGE PROFILE
//
// Has speedscope's own importer read PROFILE and prints as JSON what it made of it: of each profile the name, the
// unit, the whole time, and the calls with their frames, begins and ends in nanoseconds since the profile's begin.
// PACKAGE is the folder of the npm package `speedscope`, which holds the importer inside the page's script: the
// script is run up to the place where it would draw the page. Exit status: 0 the profile was imported, 1 it was not.

import fs from 'node:fs';
import path from 'node:path';
import vm from 'node:vm';

function importer(release) {
  const script = fs.readdirSync(release).find((name) => /^speedscope-.*\.js$/.test(name));
  const source = fs.readFileSync(path.join(release, script), 'utf8');
  const exported = source.match(/await ([$\w]+)\([$\w]+,await [$\w]+\.arrayBuffer\(\)\)/);
  const page = source.lastIndexOf('console.log(`speedscope v');
  if (!exported || page < 0) throw new Error('this release of speedscope looks different');
  // Whatever the page asks of a browser on its way is there and does nothing.
  const nothing = new Proxy(function () {}, {
    get: (_, key) => (key === Symbol.toPrimitive ? () => '' : nothing),
    set: () => true,
    apply: () => nothing,
    construct: () => nothing,
  });
  const location = { protocol: 'file:', hash: '', search: '', href: '' };
  const window = { location, devicePixelRatio: 1, addEventListener() {} };
  const context = {
    window, location, self: window, document: nothing, localStorage: nothing, requestAnimationFrame() {},
    navigator: { userAgent: '', platform: '' }, console: { ...console, log() {} },
    TextDecoder, TextEncoder, setTimeout, ArrayBuffer, Uint8Array,
  };
  return vm.runInContext(`${source.slice(0, page)}return ${exported[1]};})()`, vm.createContext(context));
}

function calls(profile) {
  const open = [];
  const ended = [];
  const begin = ({ frame }, at) => open.push([frame.name, frame.file ?? '', frame.line ?? 0, at]);
  const end = ({ frame }, at) => {
    const call = open.pop();
    if (call[0] !== frame.name) throw new Error(`${frame.name} ends in ${call[0]}`);
    ended.push([...call, at]);
  };
  profile.forEachCall(begin, end);
  if (open.length > 0) throw new Error('calls without an end');
  return ended;
}

const [release, file] = process.argv.slice(2);
try {
  const bytes = fs.readFileSync(file);
  const load = importer(path.join(release, 'dist', 'release'));
  const group = await load(path.basename(file), bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  if (group === null) throw new Error('no kind of profile that speedscope knows');
  const told = (profile) => ({
    name: profile.getName(), unit: profile.getWeightUnit(), total: profile.getTotalWeight(), calls: calls(profile),
  });
  console.log(JSON.stringify(group.profiles.map(told)));
} catch (error) {
  console.error(`${file}: ${error.stack}`);
  process.exitCode = 1;
}
