// The canvas's colours: the style sheet's variables, and hatches made of them.

const NAMES = [
    "background", "ground", "process", "line", "tick", "text", "muted", "accent", "on-accent", "warning", "danger",
    "hit", "veil", "band", "pointer", "tag", "on-tag", "flow", "instant", "object", "counter", "counter-edge", "gap",
    "hatch-ink", "gap-ink",
];

/** Reads the current colours. @param {HTMLElement} element @param {CanvasRenderingContext2D} context */
export function readTheme(element, context) {
    const style = getComputedStyle(element);
    const camel = (name) => name.replace(/-(.)/g, (_, letter) => letter.toUpperCase());
    const theme = Object.fromEntries(NAMES.map((name) => [camel(name), style.getPropertyValue(`--${name}`).trim()]));
    theme.hatch = hatch(context, theme.hatchInk, 6, 1);
    theme.gapHatch = hatch(context, theme.gapInk, 14, 3);
    return theme;
}

/** Creates a hatch pattern. */
function hatch(context, color, size, thickness) {
    const tile = document.createElement("canvas");
    tile.width = size;
    tile.height = size;
    const drawing = tile.getContext("2d");
    drawing.strokeStyle = color;
    drawing.lineWidth = thickness;
    drawing.beginPath();
    for (const offset of [-size, 0, size]) {
        drawing.moveTo(offset - 1, size + 1);
        drawing.lineTo(offset + size + 1, -1);
    }
    drawing.stroke();
    return context.createPattern(tile, "repeat");
}
