// The entry point: loads the trace from the page and shows it.

import { load } from "./data/blocks.js";
import { originalOf } from "./export/page.js";
import { showTrace } from "./page.js";
import { fromHash } from "./state.js";

const byId = (id) => document.getElementById(id);

/** Shows a warning or an error. @param {string} sentence */
function alert(sentence) {
    const element = document.createElement("p");
    element.setAttribute("role", "alert");
    element.textContent = sentence;
    byId("alerts").append(element);
}

async function main() {
    const progress = (done, of) => {
        byId("progress").textContent = `Reading the report: ${Math.floor((100 * done) / of)} %`;
    };
    const original = originalOf(document);
    const { trace, problems } = await load(document, progress, fromHash(location.hash).align === "start");
    problems.forEach(alert);
    window.viztracer = showTrace(trace, original);
}

main().catch((error) => {
    byId("progress").textContent = "";
    alert(error.message);
});
