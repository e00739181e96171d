// The parts of protobuf's wire format that a trace needs: a field is a tag, followed by a varint, by eight bytes, or
// by a length and bytes.

const [VARINT, FIXED64, LENGTH] = [0, 1, 2];
const UTF8 = new TextEncoder();

/** A message under construction. */
export class Message {
    #bytes = new Uint8Array(256);

    constructor() {
        this.length = 0;
    }

    /** Returns a copy of the bytes. */
    take() {
        return this.#bytes.slice(0, this.length);
    }

    /** Clears the message and keeps its memory. */
    clear() {
        this.length = 0;
    }

    byte(value) {
        if (this.length === this.#bytes.length) {
            this.#reserve(1);
        }
        this.#bytes[this.length] = value;
        this.length += 1;
    }

    /** Writes a varint: 7 bits per byte, lowest first. Exact below 2^53. @param {number|bigint} value */
    varint(value) {
        let rest = value;
        if (typeof rest === "bigint" || rest < 0) {
            rest = BigInt.asUintN(64, BigInt(rest));
            for (; rest > 0x7fn; rest >>= 7n) {
                this.byte(Number(rest & 0x7fn) | 0x80);
            }
            return this.byte(Number(rest));
        }
        for (; rest > 0x7fffffff; rest = Math.floor(rest / 128)) {
            this.byte((rest % 128) | 0x80);
        }
        for (; rest > 0x7f; rest >>>= 7) {
            this.byte((rest & 0x7f) | 0x80);
        }
        return this.byte(rest);
    }

    /** Writes a field of any integer type, bool or enumeration. @param {number|bigint} value */
    number(field, value) {
        this.varint(field * 8 + VARINT);
        this.varint(value);
    }

    double(field, value) {
        this.varint(field * 8 + FIXED64);
        this.put(new Uint8Array(new Float64Array([value]).buffer));
    }

    string(field, text) {
        const bytes = UTF8.encode(text);
        this.varint(field * 8 + LENGTH);
        this.varint(bytes.length);
        this.put(bytes);
    }

    /** Writes a nested message. One byte is reserved for its length; longer messages are moved. */
    message(field, fill) {
        this.varint(field * 8 + LENGTH);
        this.byte(0);
        const begin = this.length;
        fill(this);
        const length = this.length - begin;
        if (length <= 0x7f) {
            this.#bytes[begin - 1] = length;
            return;
        }
        const body = this.#bytes.slice(begin, this.length);
        this.length = begin - 1;
        this.varint(length);
        this.put(body);
    }

    /** Writes raw bytes. @param {Uint8Array} bytes */
    put(bytes) {
        this.#reserve(bytes.length);
        this.#bytes.set(bytes, this.length);
        this.length += bytes.length;
    }

    #reserve(more) {
        if (this.length + more > this.#bytes.length) {
            const longer = new Uint8Array((this.length + more) * 2);
            longer.set(this.#bytes.subarray(0, this.length));
            this.#bytes = longer;
        }
    }
}
