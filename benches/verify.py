#!/usr/bin/env python3
"""Counts a capture once more, independently, and holds tctable's report against it: host by host, to the last byte.

    benches/verify.py TCTABLE CAPTURE...

Reads classic little-endian pcap files of Ethernet frames without tags, as `tctable generate` writes them, with nothing
but the standard library: about a minute for ten million packets. Exits with 1 at the first difference.
"""

import ipaddress
import json
import struct
import subprocess
import sys

INSIDE = [ipaddress.ip_network(net) for net in
          ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10")]
CLASSES = {6: "tcp", 17: "udp", 1: "icmp", 58: "icmp"}


def is_inside(raw, known={}):
    if raw not in known:
        address = ipaddress.ip_address(raw)
        known[raw] = any(address.version == net.version and address in net for net in INSIDE)
    return known[raw]


def count(path):
    """Hosts by (address, class, side) to [packets, bytes], and the totals."""
    hosts, total = {}, {"frames": 0, "wire": 0, "ip": [0, 0], "outside": [0, 0], "both": [0, 0]}
    with open(path, "rb", buffering=1 << 20) as file:
        header = file.read(24)
        assert header[:4] == b"\xd4\xc3\xb2\xa1" and struct.unpack("<I", header[20:])[0] == 1, "not such a capture"
        while record := file.read(16):
            _, _, kept, wire = struct.unpack("<IIII", record)
            frame = file.read(kept)
            total["frames"] += 1
            total["wire"] += wire
            ethertype = frame[12:14]
            if ethertype == b"\x08\x00":
                length, proto = int.from_bytes(frame[16:18], "big"), frame[23]
                source, destination = frame[26:30], frame[30:34]
            elif ethertype == b"\x86\xdd":
                length, proto = int.from_bytes(frame[18:20], "big") + 40, frame[20]
                source, destination = frame[22:38], frame[38:54]
            else:
                continue
            tx, rx = is_inside(source), is_inside(destination)
            kind = CLASSES.get(proto, "other")
            counted = [total["ip"]]
            if tx:
                counted.append(hosts.setdefault((source, kind, "tx"), [0, 0]))
            if rx:
                counted.append(hosts.setdefault((destination, kind, "rx"), [0, 0]))
            if tx and rx:
                counted.append(total["both"])
            elif not tx and not rx:
                counted.append(total["outside"])
            for counter in counted:
                counter[0] += 1
                counter[1] += length
    return hosts, total


def same(what, ours, theirs):
    if ours != theirs:
        sys.exit(f"{what}: {ours} counted here, {theirs} by tctable")


def main():
    program, captures = sys.argv[1], sys.argv[2:]
    for path in captures:
        report = json.loads(subprocess.run([program, "replay", "--format", "json", path],
                                           stdout=subprocess.PIPE, check=True).stdout)
        hosts, total = count(path)
        pair = lambda counter: [counter["packets"], counter["bytes"]]
        same("frames", total["frames"], report["capture"]["packets"])
        same("bytes on the wire", total["wire"], report["capture"]["bytes"])
        same("IP", total["ip"], pair(report["totals"]))
        same("inside to inside", total["both"], pair(report["totals"]["inside_to_inside"]))
        same("outside to outside", total["outside"], pair(report["unaccounted"]["outside_to_outside"]))
        theirs = {}
        for host in report["hosts"]:
            raw = ipaddress.ip_address(host["ip"]).packed
            for kind in ("tcp", "udp", "icmp", "other"):
                for side in ("tx", "rx"):
                    if host[kind][side]["packets"]:
                        theirs[raw, kind, side] = pair(host[kind][side])
        same("hosts", len(hosts), len(theirs))
        for key, counter in hosts.items():
            same(f"{ipaddress.ip_address(key[0])} {key[1]} {key[2]}", counter, theirs.get(key))
        print(f"{path}: {total['frames']} frames, {total['ip'][1]} bytes of IP, {len(report['hosts'])} hosts: equal")


if __name__ == "__main__":
    main()
