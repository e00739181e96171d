// Numbers and texts out of bytes that may be anything.

const text = new TextDecoder();

/** Bytes that are not what they should be. */
export class Malformed extends Error {}

/** Numbers out of bytes: 7 bits in each, the lowest first, the top bit says that more follow. */
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

    /** The next bytes by themselves. @param {number} length */
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

/** A column of what few steps have: the place of the next step that has it. */
export class Rare {
    /** @param {Varints} column */
    constructor(column) {
        this.column = column;
        this.place = -1;
        this.base = 0;
        this.advance();
    }

    advance() {
        this.place = this.column.isOver ? -1 : this.base + this.column.next();
        this.base = this.place;
    }

    /** The number at the place. */
    number() {
        const value = this.column.next();
        this.advance();
        return value;
    }

    /** What the JSON at the place says. */
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
