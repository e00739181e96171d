// The few shapes of protobuf that TraceProcessorRpc needs: varints, length-delimited fields, doubles.

const VARINT = 0, FIXED64 = 1, LENGTH = 2, FIXED32 = 5;

export function concat(...parts) {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let position = 0;
  for (const part of parts) {
    all.set(part, position);
    position += part.length;
  }
  return all;
}

function varint(value) {
  const bytes = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}

export const numberField = (field, value) => concat(varint((field << 3) | VARINT), varint(value));
export const bytesField = (field, bytes) => concat(varint((field << 3) | LENGTH), varint(bytes.length), bytes);

class Cursor {
  constructor(bytes) {
    this.bytes = bytes;
    this.position = 0;
  }
  get ended() {
    return this.position >= this.bytes.length;
  }
  varint() {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.bytes[this.position++];
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  }
  take(length) {
    this.position += length;
    return this.bytes.subarray(this.position - length, this.position);
  }
}

// Yields [field number, BigInt or bytes] for each field of a message.
export function* fields(bytes) {
  const cursor = new Cursor(bytes);
  while (!cursor.ended) {
    const tag = Number(cursor.varint());
    const type = tag & 7;
    if (type === VARINT) yield [tag >>> 3, cursor.varint()];
    else if (type === LENGTH) yield [tag >>> 3, cursor.take(Number(cursor.varint()))];
    else if (type === FIXED64) yield [tag >>> 3, cursor.take(8)];
    else if (type === FIXED32) yield [tag >>> 3, cursor.take(4)];
    else throw new Error(`unknown wire type ${type}`);
  }
}

export function packedVarints(bytes) {
  const cursor = new Cursor(bytes), values = [];
  while (!cursor.ended) values.push(BigInt.asIntN(64, cursor.varint()));
  return values;
}

export function packedDoubles(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / 8 }, (_, n) => view.getFloat64(8 * n, true));
}
