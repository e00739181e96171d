// The calls that a forked process has from its parent: they fill the first levels of its main thread, and say nothing
// of the process itself.

import { INHERITED } from "../data/model.js";

const known = new WeakMap();

/** Returns how many of a track's first levels have nothing but a call from before the fork. */
export function inheritedLevels(track) {
    if (!known.has(track)) {
        known.set(track, counted(track));
    }
    return known.get(track);
}

function counted({ count, depth, flags }) {
    let inherited = 0;
    while (inherited < count && flags[inherited] & INHERITED && depth[inherited] === inherited) {
        inherited += 1;
    }
    for (let call = inherited; call < count && inherited > 0; call += 1) {
        inherited = Math.min(inherited, depth[call]);
    }
    return inherited;
}
