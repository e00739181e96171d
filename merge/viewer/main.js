// The page: loads the trace and shows what is in it.

import { load } from "./data/blocks.js";

/** A sentence that must be seen. @param {string} sentence */
function alert(sentence) {
    const element = document.createElement("p");
    element.setAttribute("role", "alert");
    element.textContent = sentence;
    document.getElementById("alerts").append(element);
}

const progress = document.getElementById("progress");

async function main() {
    const { trace, problems } = await load(document, (done, of) => {
        progress.textContent = `Reading the report: ${Math.floor((100 * done) / of)} %`;
    });
    problems.forEach(alert);
    document.title = trace.title;
    const calls = trace.tracks.reduce((sum, track) => sum + track.count, 0);
    const { processes, tracks } = trace;
    progress.textContent = `${calls.toLocaleString("en")} calls on ${tracks.length} tracks of ${processes.length} processes`;
    window.viztracer = { trace };
}

main().catch((error) => {
    progress.textContent = "";
    alert(error.message);
});
