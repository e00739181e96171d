// The visible timeline as a picture.

/** @param {HTMLCanvasElement} canvas @returns {Promise<Blob>} */
export function picture(canvas) {
    return new Promise((resolve, reject) => {
        canvas.toBlob(
            (blob) => (blob ? resolve(blob) : reject(new Error("The browser could not create the picture."))),
            "image/png",
        );
    });
}
