// usage: node shell.mjs WEB_DIST -D --http-port PORT [OPTION]...
//
// Serves Perfetto's own trace processor as its program `trace_processor_shell -D` does, for Perfetto's Python package. The
// options are those that the package passes; none of them matters here.

import http from 'node:http';
import v8 from 'node:v8';
import { findEngine } from './engine.mjs';
import { concat } from './protobuf.mjs';
import { TraceProcessor } from './trace_processor.mjs';

v8.setFlagsFromString('--liftoff-only'); // as in check.mjs

const [webDist, ...options] = process.argv.slice(2);
const processor = await TraceProcessor.start(findEngine(webDist));
const NOTHING = new Uint8Array(0);
const ANSWERS = {
  '/status': () => NOTHING,
  '/parse': (body) => (processor.append(body), NOTHING),
  '/notify_eof': () => (processor.finalize(), NOTHING),
  '/query': (body) => concat(...processor.results(body)),
};

const server = http.createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(new Uint8Array(chunk));
  try {
    response.end(ANSWERS[request.url](concat(...chunks)));
  } catch (error) {
    response.writeHead(500).end(String(error));
  }
});
server.listen(Number(options[options.indexOf('--http-port') + 1]), '127.0.0.1');
