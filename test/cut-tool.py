# SPDX-License-Identifier: GPL-3.0-or-later
"""Feeds a tool prefixes of record streams, all of which are cut streams.

    cut-tool.py [--status N] {--every STREAM | --edges STREAM} COMMAND ...

For each prefix the command must exit with 1 (or N), print one line that names
the last whole record, and send no finish of its own. A whole stream must pass.
--every: each byte; --edges: the begin of each record, one byte before, one
behind it, and its middle, for streams too large for every byte. Prints what
went wrong; exit status 0 if nothing did.
"""
import argparse
import concurrent.futures
import os
import struct
import sys
import tempfile
import threading

KINDS = ("head", "data", "end", "finish", "error", "note", "begin")


def records(data):
    """[(offset, what a message says of the record)], and the end."""
    found, at, inside = [], 0, False
    while at < len(data):
        kind, = struct.unpack_from("<B", data, at + 5)
        utt, = struct.unpack_from("<I", data, at + 8)
        meta, seq, size = struct.unpack_from("<IIQ", data, at + 40)
        inside = kind in (1, 6) or inside and kind == 5
        said = "record %d (%s" % (seq, KINDS[kind])
        if inside or kind in (2, 4):
            said += ", utterance %d" % utt
        found.append((at, said))
        at += 64 + meta + -meta % 64 + size + -size % 64
    return found, at


class Tool:
    def __init__(self, command):
        self.command = command
        self.own = threading.local()

    def run(self, data):
        if not hasattr(self.own, "files"):
            self.own.files = [tempfile.TemporaryFile() for _ in range(3)]
        files = self.own.files
        for file in files:
            file.seek(0)
            file.truncate()
        files[0].write(data)
        files[0].flush()
        files[0].seek(0)
        pid = os.posix_spawnp(
            self.command[0], self.command, os.environ, file_actions=[
                (os.POSIX_SPAWN_DUP2, file.fileno(), number)
                for number, file in enumerate(files)])
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        for file in files[1:]:
            file.seek(0)
        return status, files[1].read(), files[2].read().decode()


def fault(tool, data, last, wanted):
    status, out, err = tool.run(data)
    name = os.path.basename(tool.command[0])
    if last is None:
        want = "cut before the first record"
    else:
        want = "cut after " + last
    if status != wanted:
        return "status %d" % status
    if err.count("\n") != 1 or not err.startswith(name + ": "):
        return "not one line: %r" % err
    if want not in err:
        return "no %r in %r" % (want, err)
    if out[:4] == b"MELP" and out[-64:-59] == b"MELP\1" and out[-59] == 3:
        return "it sends a finish"
    return None


def try_stream(tool, path, edges, wanted):
    with open(path, "rb") as file:
        data = file.read()
    found, end = records(data)
    assert end == len(data)
    status, _, err = tool.run(data)
    faults = []
    if status or err:
        faults.append("the whole stream: status %d, %s" % (status, err))
    starts = [at for at, _ in found] + [end]
    cuts = range(end)
    if edges:
        cuts = sorted({at + d for at in starts for d in (-1, 0, 1)} |
                      {(a + b) // 2 for a, b in zip(starts, starts[1:])})
        cuts = [cut for cut in cuts if 0 <= cut < end]

    def one(cut):
        whole = sum(at <= cut for at in starts) - 1
        return fault(tool, data[:cut], found[whole - 1][1] if whole else None,
                     wanted)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for cut, why in zip(cuts, pool.map(one, cuts)):
            if why:
                faults.append("cut at %d: %s" % (cut, why))
    print("%s, %s: %d cuts, %d faults" % (
        path, tool.command[0], len(cuts), len(faults)))
    print("\n".join(faults[:20]))
    return len(faults)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--status", type=int, default=1)
    parser.add_argument("--every", action="append", default=[])
    parser.add_argument("--edges", action="append", default=[])
    parser.add_argument("command", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    tool = Tool(args.command)
    faults = sum(try_stream(tool, path, False, args.status)
                 for path in args.every)
    faults += sum(try_stream(tool, path, True, args.status)
                  for path in args.edges)
    return faults > 0


if __name__ == "__main__":
    sys.exit(main())
