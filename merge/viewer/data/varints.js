// Reads numbers and texts from untrusted bytes.

const text = new TextDecoder();

/** An error in the data. */
export class Malformed extends Error {}

/** Reads variable-length numbers: 7 bits per byte, lowest bits first, the top bit set if more bytes follow. */
export class Varints {
    /** @param {Uint8Array} bytes @param {number} at @param {number} end */
    constructor(bytes, at, end) {
        this.bytes = bytes;
        this.at = at;
        this.end = end;
    }

    get isOver() {
        return this.at >= this.end;
    }

    /** @returns {number} */
    next() {
        if (this.at >= this.end) {
            throw new Malformed("it is cut off");
        }
        const byte = this.bytes[this.at++];
        return byte < 128 ? byte : this.rest(byte - 128);
    }

    /** @param {number} value */
    rest(value) {
        for (let scale = 128; scale <= 2 ** 49; scale *= 128) {
            if (this.at >= this.end) {
                break;
            }
            const byte = this.bytes[this.at++];
            value += (byte & 127) * scale;
            if (byte < 128) {
                return value;
            }
        }
        throw new Malformed("a number in it has no end");
    }

    /** Returns the next bytes as a reader of their own. @param {number} length */
    column(length) {
        const end = this.at + length;
        if (end > this.end) {
            throw new Malformed("it is cut off");
        }
        const column = new Varints(this.bytes, this.at, end);
        this.at = end;
        return column;
    }
}

/** A sparse column. `index` is the index of the next event that has a value. */
export class Rare {
    /** @param {Varints} column */
    constructor(column) {
        this.column = column;
        this.index = -1;
        this.base = 0;
        this.advance();
    }

    advance() {
        this.index = this.column.isOver ? -1 : this.base + this.column.next();
        this.base = this.index;
    }

    /** Returns the number of the event. */
    number() {
        const value = this.column.next();
        this.advance();
        return value;
    }

    /** Returns the JSON value of the event. */
    json() {
        const { bytes, at, end } = this.column.column(this.column.next());
        this.advance();
        try {
            return JSON.parse(text.decode(bytes.subarray(at, end)));
        } catch {
            throw new Malformed("a text in it is no JSON");
        }
    }
}
