// Arguments of events: debug annotations, which nest as JSON does.

import { ANNOTATION, EVENT } from "./fields.js";

/** @param {import("../protobuf.js").Message} event @param {object} args */
export function putArguments(event, args) {
    for (const [name, value] of Object.entries(args)) {
        event.message(EVENT.annotations, (message) => putEntry(message, name, value));
    }
}

function putEntry(message, name, value) {
    message.string(ANNOTATION.name, name);
    putValue(message, value);
}

/** Protobuf has no null: an annotation for null has a name and no value. */
function putValue(message, value) {
    if (typeof value === "boolean") {
        message.number(ANNOTATION.bool, Number(value));
    } else if (Number.isSafeInteger(value)) {
        message.number(ANNOTATION.int, value);
    } else if (typeof value === "number") {
        message.double(ANNOTATION.double, value);
    } else if (typeof value === "string") {
        message.string(ANNOTATION.string, value);
    } else if (Array.isArray(value)) {
        value.forEach((item) => message.message(ANNOTATION.values, (inner) => putValue(inner, item)));
    } else if (value !== null) {
        for (const [name, item] of Object.entries(value)) {
            message.message(ANNOTATION.entries, (inner) => putEntry(inner, name, item));
        }
    }
}
