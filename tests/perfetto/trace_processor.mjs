// Perfetto's own trace processor under node, without a browser: the engine bundle of its web page is a worker script
// that loads a wasm module and then speaks TraceProcessorRpc over a message port. Here it runs in a context that
// looks to it like a worker. Field numbers are those of protos/perfetto/trace_processor/trace_processor.proto.

import fs from 'node:fs';
import path from 'node:path';
import vm from 'node:vm';
import { bytesField, concat, fields, numberField, packedDoubles, packedVarints } from './protobuf.mjs';

const APPEND = 1, FINALIZE = 2, QUERY = 3; // TraceProcessorMethod
const CHUNK = 16 << 20;

export class TraceProcessor {
  // `directory` holds engine_bundle.js and trace_processor.wasm.
  static async start(directory) {
    const processor = new TraceProcessor();
    const worker = { location: { href: 'file:///worker.js' }, navigator: { userAgent: 'node' } };
    const silent = { log() {}, warn() {}, error() {} };
    class XMLHttpRequest { // the glue code asks for its wasm synchronously
      open(_method, url) { this.url = url; }
      setRequestHeader() {}
      send() {
        this.response = fs.readFileSync(path.join(directory, path.basename(this.url))).buffer;
        this.status = 200;
      }
    }
    const context = {
      self: worker, location: worker.location, navigator: worker.navigator, console: silent, XMLHttpRequest,
      WorkerGlobalScope: function () {}, importScripts() {},
      TextDecoder, TextEncoder, URL, crypto, performance, setTimeout, clearTimeout, setInterval, clearInterval,
    };
    context.globalThis = context;
    vm.createContext(context);
    // The bundle tests `instanceof` against our own byte arrays, so it gets this realm's.
    Object.assign(context, { WebAssembly, ArrayBuffer, DataView, Uint8Array, Int8Array, Uint16Array, Int16Array,
      Uint32Array, Int32Array, Float32Array, Float64Array, BigInt64Array, BigUint64Array, Error, TypeError, RangeError,
      Promise, Object });
    vm.runInContext(fs.readFileSync(path.join(directory, 'engine_bundle.js'), 'utf8'), context);
    await new Promise((resolve) => setTimeout(resolve, 0)); // the runtime initialises itself in a microtask
    processor.port = { postMessage: (bytes) => processor.#receive(bytes), onmessage: null };
    worker.onmessage({ data: processor.port });
    return processor;
  }

  #sequence = 0;
  #partial = new Uint8Array(0);
  #inbox = [];

  load(file) {
    const descriptor = fs.openSync(file);
    const buffer = new Uint8Array(CHUNK);
    try {
      for (let length; (length = fs.readSync(descriptor, buffer, 0, CHUNK, null)) > 0; ) {
        this.append(buffer.subarray(0, length));
      }
    } finally {
      fs.closeSync(descriptor);
    }
    this.finalize();
  }

  // The rows of the answer, each an object by column name.
  query(sql) {
    const columns = [], cells = [];
    for (const result of this.results(bytesField(1, new TextEncoder().encode(sql)))) {
      for (const [field, value] of fields(result)) {
        if (field === 1) columns.push(text(value));
        else if (field === 2 && value.length) throw new Error(text(value));
        else if (field === 3) cells.push(...cellsOf(value));
      }
    }
    return Array.from({ length: cells.length / columns.length }, (_, row) =>
      Object.fromEntries(columns.map((column, n) => [column, cells[row * columns.length + n]])));
  }

  // The messages `QueryResult` that answer the message `QueryArgs`. Put together they are one.
  results(query) {
    return this.#call(QUERY, bytesField(103, query)).map((answer) => answer.get(203) ?? new Uint8Array(0));
  }

  append(bytes) {
    for (const answer of this.#call(APPEND, bytesField(101, bytes))) throwIfError(answer.get(201), 2);
  }

  finalize() {
    for (const answer of this.#call(FINALIZE)) throwIfError(answer.get(212), 1);
  }

  // The wasm answers before postMessage returns.
  #call(method, ...parts) {
    this.#inbox = [];
    const head = [numberField(1, this.#sequence++), numberField(2, method)];
    this.port.onmessage({ data: bytesField(1, concat(...head, ...parts)) });
    const answers = this.#inbox.map((message) => new Map(fields(message)));
    for (const answer of answers) throwIfError(answer, 5);
    return answers;
  }

  // Answers come as a stream of length-delimited messages of field 1, cut anywhere.
  #receive(bytes) {
    this.#partial = concat(this.#partial, bytes);
    for (;;) {
      let start = 1, length = 0, shift = 0, byte = 128;
      for (; byte > 127 && start < this.#partial.length; shift += 7) {
        byte = this.#partial[start++];
        length += (byte & 127) * 2 ** shift;
      }
      if (byte > 127 || this.#partial.length < start + length) return;
      this.#inbox.push(this.#partial.slice(start, start + length));
      this.#partial = this.#partial.slice(start + length);
    }
  }
}

const text = (bytes) => new TextDecoder().decode(bytes);

function throwIfError(message, errorField) {
  for (const [field, value] of message instanceof Map ? message : fields(message ?? [])) {
    if (field === errorField && value.length) throw new Error(text(value));
  }
}

// A batch holds the type of each cell, and the values of each type in a row of their own.
function cellsOf(batch) {
  let types = [], integers = [], doubles = [], blobs = [], strings = [];
  for (const [field, value] of fields(batch)) {
    if (field === 1) types = types.concat(packedVarints(value).map(Number));
    else if (field === 2) integers = integers.concat(packedVarints(value).map(Number));
    else if (field === 3) doubles = doubles.concat(packedDoubles(value));
    else if (field === 4) blobs.push(value);
    else if (field === 5) strings = text(value).split('\0');
  }
  const byType = { 2: integers, 3: doubles, 4: strings, 5: blobs };
  return types.map((type) => (type in byType ? byType[type].shift() : null));
}
