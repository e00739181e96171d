"""usage: server.py REQUESTS

A web server under load: it parses JSON, works a little, and answers. Its client is another process, which no tracer
follows: it starts without the `site` module.
"""

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CLIENT = """
import http.client, json, sys
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
for number in range(int(sys.argv[2])):
    lines = [{"name": name, "count": number % 7 + 1} for name in ("apple", "pear", "plum") * 5]
    connection.request("POST", "/orders", json.dumps({"number": number, "lines": lines}))
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    answer.read()
"""
PRICES = {"apple": 3, "pear": 4, "plum": 1}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        content = render(order["number"], [amount(**line) for line in order["lines"]]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


def amount(name, count):
    return name, count * PRICES[name]


def render(number, amounts):
    rows = [f"<tr><td>{name}<td>{value}" for name, value in sorted(amounts)]
    return f"<h1>{number}</h1><table>{''.join(rows)}<tr><td>all<td>{sum(value for _, value in amounts)}</table>"


def run(requests):
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=[0.01]).start()
        command = [sys.executable, "-I", "-S", "-c", CLIENT, str(server.server_port), str(requests)]
        subprocess.run(command, check=True)
        server.shutdown()


if __name__ == "__main__":
    run(int(sys.argv[1]))
