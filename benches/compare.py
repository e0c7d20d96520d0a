#!/usr/bin/env python3
"""Measures `tctable replay` side by side with what others use for the same job.

Generates the three captures (or takes those that are there), runs every program on each of them in turn, several rounds,
and prints a Markdown table per capture: millions of packets per second, CPU time, peak memory, and how many times faster
tctable is. Every program's own count of packets is shown, so that one that did not read the whole file stands out.

Needs Python 3, cargo, and the peers from Debian: apt install nfdump softflowd darkstat. A missing one is left out.
"""

import argparse
import json
import os
import platform
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KINDS = ("office", "churn", "elephant")
# The inside network of each capture, for the peer that must be told.
INSIDE = {"office": "192.168.0.0/255.255.0.0", "churn": "10.0.0.0/255.0.0.0", "elephant": "192.168.0.0/255.255.0.0"}
SEED = 1


class Program:
    """A program under measurement: its command, and where it tells how many packets it read."""

    def __init__(self, name, executable, arguments, counted):
        self.name = name
        self.executable = executable
        # Takes (file, kind, scratch directory) and gives the arguments.
        self.arguments = arguments
        # A pattern with one group, searched in what the program prints; without one, standard output goes to /dev/null.
        self.counted = counted

    def command(self, file, kind, scratch):
        return [str(self.executable), *self.arguments(file, kind, scratch)]


def programs(binaries):
    """Everything that could be measured, tctable first."""
    return [
        Program(
            "tctable", binaries / "tctable",
            lambda file, kind, scratch: ["replay", "--format", "json", file],
            # Its report goes to /dev/null and is read in a run outside the measurement.
            None,
        ),
        # pcap-file, etherparse and a HashMap of flows; no states, no expiry, no hosts.
        Program("obvious", binaries / "obvious", lambda file, kind, scratch: [file], r"(\d+) packets"),
        # Flows by direction, expired by the capture's time, written to files.
        Program(
            "nfpcapd", shutil.which("nfpcapd"),
            lambda file, kind, scratch: ["-r", file, "-w", scratch],
            r"Total: Processed: (\d+)",
        ),
        # Two-way flows, not exported. The default limit of 8192 flows would make it forget most of them. -6: IPv6 too,
        # which its default export format cannot carry. With a control socket it would wait for somebody to call.
        Program(
            "softflowd", sbin("softflowd"),
            lambda file, kind, scratch: [
                "-r", file, "-m", "8000000", "-6", "-p", f"{scratch}/pid", "-c", "none"],
            r"Packets processed: (\d+)",
        ),
        # Hosts and their ports. With a limit that holds every host of churn it takes many minutes, so it keeps its default:
        # beyond 1000 hosts it forgets the quieter half. Only --verbose makes it tell its count. Reading a file, it leaves
        # the web server and the privileges alone.
        Program(
            "darkstat", sbin("darkstat"),
            lambda file, kind, scratch: [
                "-r", file, "--no-daemon", "--no-dns", "--verbose", "-b", "127.0.0.1", "-p", "0", "-l", INSIDE[kind],
                "--chroot", scratch, "--export", "hosts"],
            r"Total packets: (\d+)",
        ),
    ]


def sbin(name):
    """Finds a program that Debian puts where an ordinary user's PATH does not look."""
    return shutil.which(name, path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin")


def build():
    """Builds the release binaries and the generator."""
    subprocess.run(
        ["cargo", "build", "--release", "--workspace", "--bins", "--example", "generate"], cwd=ROOT, check=True)


def target_directory():
    metadata = subprocess.run(
        ["cargo", "metadata", "--format-version", "1", "--no-deps"], cwd=ROOT, check=True, stdout=subprocess.PIPE)
    return Path(json.loads(metadata.stdout)["target_directory"])


def capture(binaries, directory, kind, packets):
    """The capture of that kind: the one that is there, or a new one."""
    file = directory / f"{kind}-{packets}-seed{SEED}.pcap"
    if not file.exists():
        unfinished = file.with_suffix(".part")
        print(f"generating {file}", file=sys.stderr)
        subprocess.run(
            [binaries / "examples" / "generate", kind, str(packets), str(SEED), unfinished], check=True,
            stderr=subprocess.DEVNULL)
        unfinished.rename(file)
    return file


def warm(file):
    """Reads the file once, so that the first program does not pay for the disk."""
    with open(file, "rb", buffering=0) as stream:
        while stream.read(1 << 18):
            pass


def run(program, file, kind):
    """Runs a program once; returns its times, its peak memory, and what it says it counted."""
    with tempfile.TemporaryDirectory() as scratch, tempfile.TemporaryFile() as said:
        output = said if program.counted else subprocess.DEVNULL
        started = time.monotonic()
        child = subprocess.Popen(
            program.command(str(file), kind, scratch), cwd=scratch, stdin=subprocess.DEVNULL, stdout=output, stderr=said)
        # Not child.wait(): only wait4 tells what this child used, and not all children together.
        _, status, used = os.wait4(child.pid, 0)
        wall = time.monotonic() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        # The counts come last; some tell a great deal before that.
        said.seek(max(0, said.seek(0, os.SEEK_END) - 65536))
        text = said.read().decode(errors="replace")
    return {
        "exit": child.returncode,
        "wall": wall,
        "cpu": used.ru_utime + used.ru_stime,
        "peak": used.ru_maxrss / 1024,
        "text": text.strip(),
        "counted": last_number(program.counted, text),
    }


def last_number(pattern, text):
    numbers = re.findall(pattern, text) if pattern else []
    return int(numbers[-1]) if numbers else None


def try_tctable(program, file, kind):
    """Runs tctable outside the measurement: returns the packets that its report counts, or nothing if it refuses."""
    done = subprocess.run(
        program.command(str(file), kind, ""), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        if done.returncode == 0:
            return json.loads(done.stdout)["capture"]["packets"]
        reason = (done.stderr.decode(errors="replace").strip().splitlines() or ["no message"])[-1]
    except (ValueError, KeyError, TypeError) as error:
        reason = f"its report is not understood ({error!r})"
    print(f"tctable is left out of {kind}: exit status {done.returncode}, {reason}", file=sys.stderr)
    return None


def measure(chosen, file, kind, rounds):
    """Runs all programs in turn, round after round; returns the runs by name. A program that fails is not run again."""
    results = {}
    known = {}
    for program in chosen:
        if program.name == "tctable":
            counted = try_tctable(program, file, kind)
            if counted is None:
                continue
            known[program.name] = counted
        results[program.name] = []
    for number in range(1, rounds + 1):
        for program in chosen:
            if program.name not in results:
                continue
            print(f"{kind}, round {number} of {rounds}: {program.name}", file=sys.stderr)
            result = run(program, file, kind)
            if result["exit"] != 0:
                reason = (result["text"].splitlines() or ["no message"])[-1]
                print(f"{program.name} is left out of {kind}: exit status {result['exit']}, {reason}", file=sys.stderr)
                del results[program.name]
                continue
            result["counted"] = known.get(program.name, result["counted"])
            results[program.name].append(result)
    return results


def table(kind, packets, results):
    """The Markdown table of one capture."""
    # A child starts as a copy of this process, whose own memory its peak includes.
    floor = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    lines = [
        f"### {kind}, {packets:,} packets",
        "",
        "| program | Mpps, median (min-max) | CPU s | peak MB | tctable is faster by | packets it reports |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    rates = {name: [packets / one["wall"] / 1e6 for one in runs] for name, runs in results.items()}
    ours = statistics.median(rates["tctable"]) if "tctable" in rates else None
    for name, runs in results.items():
        median = statistics.median(rates[name])
        cpu = statistics.median(one["cpu"] for one in runs)
        peak = max(one["peak"] for one in runs)
        shown = f"< {floor + 1:.0f}" if peak <= floor + 1 else f"{peak:.0f}"
        ratio = f"{ours / median:.2f}" if ours and name != "tctable" else ""
        counted = min((one["counted"] for one in runs if one["counted"] is not None), default=None)
        reports = "unknown" if counted is None else f"{counted:,}"
        # Peers that count IP packets only stay just below.
        if counted is not None and counted < packets * 0.99:
            reports = f"**{reports}**"
        lines.append(
            f"| {name} | {median:.2f} ({min(rates[name]):.2f}-{max(rates[name]):.2f}) | {cpu:.2f} | {shown} "
            f"| {ratio} | {reports} |")
    return "\n".join(lines) + "\n"


def heap_per_connection():
    """Prints the bytes of heap that a tracked connection takes, as the engine's own benchmark measures them."""
    done = subprocess.run(
        ["cargo", "bench", "-p", "tctable", "--bench", "memory"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0:
        print("heap per connection: `cargo bench -p tctable --bench memory` did not run", file=sys.stderr)
        return
    print(f"### Heap per connection\n\n```\n{done.stdout.decode().strip()}\n```\n")


def machine():
    """One line about where the numbers come from."""
    model = platform.processor() or platform.machine()
    try:
        found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        model = found.group(1) if found else model
    except OSError:
        pass
    return f"{model}, {os.cpu_count()} CPUs, {platform.system()} {platform.release()}"


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--packets", type=int, default=10_000_000, help="packets in each capture")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each program on each capture")
    parser.add_argument("--dir", type=Path, help="where the captures are kept; otherwise they are deleted at the end")
    parser.add_argument("--kinds", type=lambda text: text.split(","), default=",".join(KINDS), help="captures, by comma")
    parser.add_argument("--programs", type=lambda text: text.split(","), help="only these, by comma")
    parser.add_argument("--no-build", action="store_true", help="take the binaries as they are")
    chosen = parser.parse_args()
    for kind in chosen.kinds:
        if kind not in KINDS:
            parser.error(f"{kind} is none of {', '.join(KINDS)}")
    if chosen.packets < 1 or chosen.rounds < 1:
        parser.error("packets and rounds start at 1")
    return chosen


def main():
    options = arguments()
    if not options.no_build:
        build()
    binaries = target_directory() / "release"
    chosen = []
    for program in programs(binaries):
        if options.programs and program.name not in options.programs:
            continue
        if program.executable is None or not Path(program.executable).exists():
            print(f"{program.name} is not there and is left out", file=sys.stderr)
            continue
        chosen.append(program)
    print(f"{machine()}; {options.rounds} rounds\n")
    with tempfile.TemporaryDirectory() as temporary:
        directory = (options.dir or Path(temporary)).resolve()
        directory.mkdir(parents=True, exist_ok=True)
        for kind in options.kinds:
            file = capture(binaries, directory, kind, options.packets)
            warm(file)
            print(table(kind, options.packets, measure(chosen, file, kind, options.rounds)), flush=True)
            if not options.dir:
                file.unlink()
    if not options.programs or "tctable" in options.programs:
        heap_per_connection()


if __name__ == "__main__":
    main()
