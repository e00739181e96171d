/** Gives the browser a turn. A message is used, since browsers slow down timers of hidden pages. */
export function pause() {
    return new Promise((resume) => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => {
            port1.close();
            resume();
        };
        port2.postMessage(null);
    });
}
