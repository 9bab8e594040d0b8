#!/usr/bin/env python3
"""What a cold start of the function costs, beside one of the least function there is, `benches/bare`.

    cargo build --release --features lambda,live --bin bootstrap
    cargo build --release --manifest-path benches/bare/Cargo.toml --target-dir target/bare
    python3 benches/cold_start.py

Both binaries start in turn against a Runtime API on loopback; the function publishes to an SNS on loopback by TLS, whose
certificate is as long a chain as AWS's. Counted is the CPU time of the process, over all its threads: from its start until
it waits for work, and over its first invocation, with one finding and one alert, until it waits again. A ratio is the
median of the ratios of the rounds, so that it holds on a busy machine.

Needs Linux and the command `openssl`, 3.0 or later.
"""

from __future__ import annotations

import argparse
import os
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl

ROOT = Path(__file__).resolve().parents[1]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

from payloads import delivery, opened_group  # noqa: E402
from runtime_api import RuntimeApi  # noqa: E402

# A process that waits has used no CPU time for this long, in seconds.
QUIET = 0.004


@dataclass
class Start:
    """One start. CPU and wall times in ms, memory in MiB."""

    ready_cpu: float
    ready_wall: float
    ready_memory: float
    first_cpu: float = 0.0
    second_cpu: float = 0.0
    memory: float = 0.0


def cpu(process: int) -> float:
    """CPU time of a process so far, in ms, with its threads that have ended."""
    # The clock that clock_getcpuclockid(3) names.
    return time.clock_gettime_ns((~process << 3) | 2) / 1e6


def memory(process: int) -> float:
    resident = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return resident * os.sysconf("SC_PAGE_SIZE") / 2**20


def at_rest(process: int) -> float:
    """The CPU time of a process when it has come to rest."""
    used = cpu(process)
    while True:
        time.sleep(QUIET)
        if (now := cpu(process)) == used:
            return now
        used = now


def start(binary: Path, variables: dict[str, str], payloads: list[str]) -> Start:
    api = RuntimeApi()
    environment = {**variables, "AWS_LAMBDA_RUNTIME_API": api.address}
    begun = time.monotonic()
    process = subprocess.Popen([binary], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        if not api.asked(10):
            process.kill()
            sys.exit(f"error: {binary} did not ask for work:\n{process.communicate()[0].decode()}")
        wall = (time.monotonic() - begun) * 1e3
        ready = at_rest(process.pid)
        result = Start(ready, wall, memory(process.pid))
        before, invocations = ready, []
        for payload in payloads:
            answer = api.invoke(payload)
            if answer.error_type:
                process.kill()
                sys.exit(f"error: {answer.body}\n{process.communicate()[0].decode()}")
            api.asked(10)
            after = at_rest(process.pid)
            invocations.append(after - before)
            before = after
        if invocations:
            result.first_cpu, result.second_cpu = invocations
            result.memory = memory(process.pid)
        return result
    finally:
        process.kill()
        process.wait()
        api.close()


class Sns(BaseHTTPRequestHandler):
    """Accepts every batch."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        form = parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode())
        ids = [value for name, value in form if name.endswith(".Id")]
        members = "".join(f"<member><Id>{one}</Id><MessageId>m-{one}</MessageId></member>" for one in ids)
        body = (
            '<PublishBatchResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishBatchResult>'
            f"<Failed/><Successful>{members}</Successful></PublishBatchResult></PublishBatchResponse>"
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def certificates(directory: Path) -> Path:
    """The root, and `chain.pem` with `server.key` for localhost; an authority between them, as AWS has."""

    def issue(name: str, issuer: str | None, *extensions: str) -> None:
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"]
        command += ["-keyout", directory / f"{name}.key", "-out", directory / f"{name}.pem"]
        if issuer:
            command += ["-CA", directory / f"{issuer}.pem", "-CAkey", directory / f"{issuer}.key"]
        for extension in extensions:
            command += ["-addext", extension]
        subprocess.run(command, check=True, capture_output=True)

    issue("root", None)
    issue("between", "root")
    issue("server", "between", "basicConstraints=critical,CA:FALSE", "subjectAltName=DNS:localhost")
    chain = [(directory / f"{name}.pem").read_text() for name in ("server", "between")]
    (directory / "chain.pem").write_text("".join(chain))
    return directory / "root.pem"


def sns(directory: Path) -> str:
    """Serves SNS by TLS; its URL."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "chain.pem", directory / "server.key")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Sns)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"https://localhost:{server.server_address[1]}"


def line(name: str, figures: list[float], unit: str = "") -> None:
    print(f"  {name:<58} {statistics.median(figures):8.2f}{unit}   (of {len(figures)}: {min(figures):.2f} to {max(figures):.2f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("bootstrap", nargs="*", type=Path, default=[TARGET / "release" / "bootstrap"])
    parser.add_argument("--bare", type=Path, default=TARGET / "bare" / "release" / "bare")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--starts", type=int, default=5, help="starts of each binary in a round (%(default)s)")
    given = parser.parse_args()
    system = Path(ssl.get_default_verify_paths().openssl_cafile or "/etc/ssl/certs/ca-certificates.crt")
    if not system.is_file():
        system = Path("/etc/ssl/certs/ca-certificates.crt")
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        root = certificates(directory)
        bundle = directory / "bundle.pem"
        bundle.write_text(system.read_text() + root.read_text())
        count = bundle.read_text().count("BEGIN CERTIFICATE")
        lambda_sets = {
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLEKEYID0001",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "AWS_LAMBDA_FUNCTION_NAME": "trailwarden",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_REGION": "eu-west-1",
            "AWS_SECRET_ACCESS_KEY": "example",
            "AWS_SESSION_TOKEN": "example",
        }
        ours = {
            **lambda_sets,
            "ALERTS_TOPIC_ARN": "arn:aws:sns:eu-west-1:111122223333:alerts",
            "AWS_ENDPOINT_URL": sns(directory),
            "FINDINGS_TOPIC_ARN": "arn:aws:sns:eu-west-1:111122223333:findings",
            "SSL_CERT_FILE": str(bundle),
        }
        rounds: list[tuple[list[Start], list[list[Start]]]] = []
        for _ in range(given.rounds):
            bare = []
            starts: list[list[Start]] = [[] for _ in given.bootstrap]
            for _ in range(given.starts):
                bare.append(start(given.bare, lambda_sets, []))
                for place, binary in enumerate(given.bootstrap):
                    payloads = [delivery(opened_group()), delivery(opened_group())]
                    starts[place].append(start(binary, ours, payloads))
            rounds.append((bare, starts))

    def figures(of: Callable[[Start], float], place: int | None) -> list[float]:
        """The median of each round."""
        chosen = [bare if place is None else starts[place] for bare, starts in rounds]
        return [statistics.median(map(of, starts)) for starts in chosen]

    def ready(one: Start) -> float:
        return one.ready_cpu

    print(f"{given.bare}: {given.bare.stat().st_size / 1e6:.2f} MB")
    bare = figures(ready, None)
    line("CPU until it asks for work, ms", bare)
    line("memory, MiB", figures(lambda one: one.ready_memory, None))
    for place, binary in enumerate(given.bootstrap):
        print(f"{binary}: {binary.stat().st_size / 1e6:.2f} MB, {count} root certificates")
        own = figures(ready, place)
        line("CPU until it asks for work, ms", own)
        line("... as a multiple of the bare function's", [one / other for one, other in zip(own, bare)], " x")
        line("wall time until then, ms", figures(lambda one: one.ready_wall, place))
        line("CPU of the first invocation, which publishes by TLS, ms", figures(lambda one: one.first_cpu, place))
        line("CPU of the second, on the same connection, ms", figures(lambda one: one.second_cpu, place))
        line("memory when it asks for work, MiB", figures(lambda one: one.ready_memory, place))
        line("memory after both, MiB", figures(lambda one: one.memory, place))


if __name__ == "__main__":
    main()
