# SPDX-License-Identifier: GPL-3.0-or-later
"""Read and write melpipe record streams, see melpipe-frame(5).

    import melpipe
    for rec in melpipe.read(sys.stdin.buffer):
        if rec.kind == melpipe.DATA:
            print(rec.name, rec.first, rec.array.shape)

    with melpipe.Writer(sys.stdout.buffer, "my-tool", ports) as out:
        out.begin("000001")
        out.data("mel", rows)
        out.end()

Needs numpy. Everything in a stream is checked; what is wrong or cut raises
melpipe.Error with a message that names the last whole record.
"""
import json
import re
import struct
import time
import zlib

import numpy as np

HEAD, DATA, END, FINISH, ERROR, NOTE, BEGIN = range(7)
KINDS = ("head", "data", "end", "finish", "error", "note", "begin")
DTYPES = {  # name: number, numpy type; bf16 is given as its bits
    "f32": (1, "<f4"), "f64": (2, "<f8"), "f16": (3, "<f2"),
    "bf16": (4, "<u2"), "i64": (5, "<i8"), "i32": (6, "<i4"),
    "i16": (7, "<i2"), "u8": (8, "u1"), "bool": (9, "?"),
}
LIMIT = 64 << 20  # bytes of a record
META_LIMIT = 1 << 20  # bytes of its JSON
PORT_LIMIT = 256
HEADER = struct.Struct("<4sBBBBIIQ4IIIQI")  # and the CRC behind it


class Error(Exception):
    """A stream that is cut, or not as melpipe-frame(5) wants it."""


class _Cut(Error):
    pass


class Record:
    """One record; the fields of melpipe-frame(5), and

    meta   its JSON as a dict, or None
    name   DATA: name of the port
    array  DATA: numpy array (bf16: its bits as u2)
    """

    def __init__(self, kind, utt=0, first=0, seq=0, t_us=0, meta=None,
                 port=0, name=None, dtype=None, array=None):
        self.kind, self.utt, self.first = kind, utt, first
        self.seq, self.t_us, self.meta = seq, t_us, meta
        self.port, self.name, self.dtype = port, name, dtype
        self.array = array


def _need(good, message, *args):
    if not good:
        raise Error(message % args)


def _pad(n):
    return -n % 64


# JSON ---------------------------------------------------------------------

def _no_duplicates(pairs):
    _need(len(dict(pairs)) == len(pairs), "JSON: duplicate key")
    return dict(pairs)


def _no_constant(name):
    raise Error("JSON: %s" % name)


def _check_values(value):
    """What Python would take and others would not."""
    if isinstance(value, dict):
        for key, item in value.items():
            _check_values(key)
            _check_values(item)
    elif isinstance(value, list):
        for item in value:
            _check_values(item)
    elif isinstance(value, str):
        _need("\0" not in value and
              not re.search("[\ud800-\udfff]", value), "JSON: no character")
    elif isinstance(value, float):
        _need(np.isfinite(value), "JSON: number too large")
    elif isinstance(value, int):
        _need(-1 << 63 <= value < 1 << 63, "JSON: number too large")


def _parse(data):
    try:
        meta = json.loads(data.decode("utf-8"), parse_constant=_no_constant,
                          object_pairs_hook=_no_duplicates)
        _check_values(meta)
    except (ValueError, RecursionError) as why:
        raise Error("JSON: %s" % why)
    _need(isinstance(meta, dict), "JSON that is not an object")
    return meta


def _text(value):
    """Compact JSON, numbers with all digits, as the library writes it."""
    if isinstance(value, dict):
        return "{%s}" % ",".join(
            "%s:%s" % (_text(k), _text(v)) for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return "[%s]" % ",".join(_text(v) for v in value)
    if isinstance(value, float):
        _need(np.isfinite(value), "JSON has no %r", value)
        text = re.sub(r"e([+-])0*", r"e\1", "%.17g" % value)
        text = text.replace("e+", "e")
        return text if re.search("[.e]", text) else text + ".0"
    text = json.dumps(value, ensure_ascii=False)
    return re.sub(r'(?<!\\)((?:\\\\)*\\u00)([0-9a-f]{2})',
                  lambda m: m[1] + m[2].upper(), text)


def _count(meta, key, optional=False):
    n = (meta or {}).get(key, 0 if optional else None)
    _need(type(n) is int and n >= 0, '"%s" must be a count', key)
    return n


def _string(meta, key):
    s = (meta or {}).get(key)
    _need(isinstance(s, str) and s, '"%s" is missing', key)


# The head -----------------------------------------------------------------

def _check_port(port):
    _string(port, "name")
    _need(isinstance(port.get("dtype"), str) and port["dtype"] in DTYPES,
          "port %s: no such dtype", port["name"])
    dims, sort = port.get("dims"), port.get("sort")
    _need(isinstance(dims, list) and len(dims) <= 4 and all(
        d is None or type(d) is int and 0 <= d < 1 << 32 for d in dims),
        "port %s: wrong dims", port["name"])
    _need(sort in ("sequence", "stream"), "port %s: wrong sort", port["name"])
    _need(sort == "sequence" or dims and dims[0] is None and
          None not in dims[1:], "port %s: wrong dims", port["name"])


def _check_head(meta):
    meta = meta or {}
    _need(type(meta.get("melpipe")) is int and meta["melpipe"] == 1,
          'head: "melpipe" must be 1')
    ports = meta.get("ports")
    _need(isinstance(ports, list) and len(ports) <= PORT_LIMIT and
          all(isinstance(p, dict) for p in ports), "head: wrong ports")
    for port in ports:
        _check_port(port)
    _need(len({p["name"] for p in ports}) == len(ports), "head: a port twice")
    for key in "contract", "addon":
        _need(isinstance(meta.get(key, {}), dict), "head: wrong %s", key)
    for key in ("name", "digest") if "addon" in meta else ():
        _need(isinstance(meta["addon"].get(key), str), "head: wrong addon")
    _need(isinstance(meta.get("addon", {}).get("dir", ""), str),
          "head: wrong addon")
    _need(_count(meta, "done", True) < 1 << 31, "head: wrong done")
    return ports


def _check_meta(rec):
    meta = rec.meta
    if rec.kind == BEGIN:
        _string(meta, "key")
        _count(meta, "frames", True)
        _count(meta, "t0", True)
    elif rec.kind == END:
        _need(_count(meta, "rows") == rec.first, "end: wrong rows")
        stages = meta.get("stages", [])
        _need(isinstance(stages, list) and all(
            isinstance(s, dict) for s in stages), "end: wrong stages")
        for stage in stages:
            _string(stage, "tool")
            _count(stage, "first_us")
            _count(stage, "last_us")
    elif rec.kind == ERROR:
        for key in "tool", "message", "key":
            _string(meta, key)


# Order --------------------------------------------------------------------

class _Grammar:
    """What may come next; the reader and the writer follow it alike."""

    def __init__(self):
        self.state = "between streams"
        self.ports, self.count = [], []
        self.seq = self.utt = 0

    def main_rows(self):
        for port, count in zip(self.ports, self.count):
            if port["sort"] == "stream":
                return count
        return 0

    def check(self, kind, seq, utt, first):
        name = KINDS[kind]
        inside = self.state in ("sequences", "rows")
        if self.state == "between streams":
            _need(kind == HEAD, "%s record before a head", name)
        elif inside:
            _need(kind in (DATA, END, ERROR, NOTE),
                  "%s record inside an utterance", name)
        else:
            _need(kind in (BEGIN, NOTE, FINISH),
                  "%s record outside an utterance", name)
        _need(seq == (0 if kind == HEAD else self.seq),
              "record number %d", seq)
        _need(utt == (self.utt if inside or kind == BEGIN else 0),
              "utterance number %d", utt)
        if kind == END:
            for port, count in zip(self.ports, self.count):
                _need(port["sort"] == "stream" or count,
                      'end without tensor "%s"', port["name"])
            _need(first == self.main_rows(), "end counts %d rows", first)

    def check_data(self, number, dtype, shape, first):
        _need(number < len(self.ports), "no port %d", number)
        port = self.ports[number]
        _need(dtype == port["dtype"] and len(shape) == len(port["dims"]) and
              all(d in (None, n) for d, n in zip(port["dims"], shape)),
              'port "%s": %s %s is not what the head says',
              port["name"], dtype, list(shape))
        if port["sort"] == "stream":
            _need(first == self.count[number] and shape[0] > 0,
                  'port "%s": wrong rows', port["name"])
        else:
            _need(self.state == "sequences" and not self.count[number] and
                  not first, 'port "%s": not now', port["name"])

    def advance(self, rec):
        if rec.kind == HEAD:
            self.__init__()
            self.ports = rec.meta["ports"]
        if rec.kind == BEGIN:
            self.state = "sequences"
            self.count = [0] * len(self.ports)
        elif rec.kind == DATA:
            rows = self.ports[rec.port]["sort"] == "stream"
            self.count[rec.port] += rec.array.shape[0] if rows else 1
            if rows:
                self.state = "rows"
        elif rec.kind in (END, ERROR):
            self.utt += 1
        if rec.kind in (HEAD, END, ERROR):
            self.state = "between utterances"
        elif rec.kind == FINISH:
            self.state = "between streams"
        self.seq = rec.seq + 1


# Reading ------------------------------------------------------------------

class Reader:
    """Iterates over the records of a binary file object."""

    def __init__(self, file, limit=LIMIT):
        self.file, self.limit = file, limit
        self.grammar = _Grammar()
        self.streams = 0
        self.last = None

    def __iter__(self):
        while True:
            try:
                rec = self._next()
            except _Cut:
                raise Error("cut " + self._place("before")) from None
            except Error as why:
                raise Error("%s: %s" % (self._place("at"), why)) from None
            if rec is None:
                return
            yield rec

    def _place(self, word):
        if self.last is None:
            return word + " the first record"
        text = KINDS[self.last.kind]
        if self.last.kind in (BEGIN, DATA, END, ERROR) or \
                self.grammar.state in ("sequences", "rows"):
            text += ", utterance %d" % self.last.utt
        if self.streams > 1:
            text += ", stream %d" % self.streams
        return "after record %d (%s)" % (self.last.seq, text)

    def _fill(self, n):
        parts = []
        while n:
            part = self.file.read(n)
            if not part:
                break
            parts.append(part)
            n -= len(part)
        return b"".join(parts)

    def _next(self):
        raw = self._fill(64)
        if not raw and self.streams and \
                self.grammar.state == "between streams":
            return None
        _need(raw[:4] == b"MELP"[:len(raw)], "not a melpipe record")
        if len(raw) < 64:
            raise _Cut
        rec, dims, meta_len, data_len = self._header(raw)
        at = meta_len + _pad(meta_len)
        size = at + data_len + _pad(data_len)
        body = self._fill(size)
        if len(body) < size:
            raise _Cut
        _need(not any(body[meta_len:at]) and not any(body[at + data_len:]),
              "padding that is not zero")
        if meta_len:
            rec.meta = _parse(body[:meta_len])
        if rec.kind == DATA:
            kind = DTYPES[rec.dtype][1]
            if rec.dtype == "bool":
                _need(max(body[at:at + data_len], default=0) < 2, "no bool")
            rec.array = np.frombuffer(
                body, kind, data_len // np.dtype(kind).itemsize,
                at).reshape(dims)
            rec.name = self.grammar.ports[rec.port]["name"]
        if rec.kind == HEAD:
            _check_head(rec.meta)
            self.streams += 1
        _check_meta(rec)
        self.grammar.advance(rec)
        self.last = rec
        return rec

    def _header(self, raw):
        (_, version, kind, dtype, ndim, utt, port, first, *dims, meta_len,
         seq, data_len, t_us) = HEADER.unpack(raw[:60])
        crc, = struct.unpack("<I", raw[60:])
        _need(crc == zlib.crc32(raw[:60]), "damaged record header (CRC)")
        _need(version == 1, "version %d", version)
        _need(kind < len(KINDS), "unknown kind %d", kind)
        _need(meta_len <= META_LIMIT and data_len <= self.limit and
              64 + meta_len + _pad(meta_len) + data_len + _pad(data_len) <=
              self.limit, "record too large")
        _need(ndim <= 4 and not any(dims[ndim:]), "wrong dims")
        rec = Record(kind, utt, first, seq, t_us, port=port)
        dims = dims[:ndim]
        if kind == DATA:
            names = {n: name for name, (n, _) in DTYPES.items()}
            _need(dtype in names, "unknown dtype %d", dtype)
            rec.dtype = names[dtype]
            size = np.dtype(DTYPES[rec.dtype][1]).itemsize
            for dim in dims:
                size *= dim
            _need(data_len == size, "wrong length of data")
        else:
            _need(not (dtype or ndim or data_len or port) and
                  (not first or kind == END), "%s record with a tensor",
                  KINDS[kind])
        self.grammar.check(kind, seq, utt, first)
        if kind == DATA:
            self.grammar.check_data(port, rec.dtype, dims, first)
        return rec, dims, meta_len, data_len


def read(file, limit=LIMIT):
    """The records of a binary file object, one after the other."""
    return iter(Reader(file, limit))


# Writing ------------------------------------------------------------------

def port(name, dtype, dims, sort="sequence"):
    """A port for Writer; None in dims is an open length."""
    return {"name": name, "dtype": dtype, "dims": list(dims), "sort": sort}


def write(file, rec):
    """One record as it is, to copy what read() gave or to make wrong ones.

    Records of one stream that are neither dropped nor added keep their
    numbers; Writer numbers anew.
    """
    meta = b"" if rec.meta is None else _text(rec.meta).encode("utf-8")
    data, dtype, dims = b"", 0, ()
    if rec.kind == DATA:
        dtype, kind = DTYPES[rec.dtype]
        data = np.ascontiguousarray(rec.array, kind).tobytes()
        dims = rec.array.shape
    raw = HEADER.pack(b"MELP", 1, rec.kind, dtype, len(dims), rec.utt,
                      rec.port, rec.first, *dims, *[0] * (4 - len(dims)),
                      len(meta), rec.seq, len(data), rec.t_us)
    file.write(b"".join((
        raw, struct.pack("<I", zlib.crc32(raw)), meta, bytes(_pad(len(meta))),
        data, bytes(_pad(len(data))))))
    file.flush()


class Writer:
    """Writes one stream; leaving a `with` block in order ends it.

    ports: list of port(); head: further keys of the head (contract, addon,
    done ...); times: fill t_us, False makes files reproducible.
    """

    def __init__(self, file, tool, ports, times=False, **head):
        self.file, self.tool, self.times = file, tool, times
        self.grammar = _Grammar()
        self.meta = {"melpipe": 1, "ports": ports}
        for key in "contract", "addon":
            if key in head:
                self.meta[key] = head.pop(key)
        self.meta["done"] = head.pop("done", 0)
        self.meta.update(head)
        _check_head(self.meta)
        self._emit(Record(HEAD, meta=self.meta))

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.finish()

    def _now(self):
        if not self.times:
            return 0
        return min(max(time.time_ns() // 1000 - self.t0, 1), (1 << 32) - 1)

    def _emit(self, rec):
        g = self.grammar
        if rec.kind != HEAD:
            rec.seq = g.seq
        if rec.kind == BEGIN or g.state in ("sequences", "rows"):
            rec.utt = g.utt
            rec.t_us = self._now()
        g.check(rec.kind, rec.seq, rec.utt, rec.first)
        if rec.kind == DATA:
            g.check_data(rec.port, rec.dtype, rec.array.shape, rec.first)
        _check_meta(rec)
        write(self.file, rec)
        g.advance(rec)
        return rec

    def begin(self, key, **meta):
        """Begins an utterance; further keys go into its JSON."""
        self.t0 = meta.pop("t0", None) or time.time_ns() // 1000
        self.key, self.first_us = key, 0
        meta = {"key": key, **meta, "t0": self.t0 if self.times else 0}
        self._emit(Record(BEGIN, meta=meta))

    def data(self, name, array):
        """A whole tensor, or the next rows of a stream port."""
        names = [p["name"] for p in self.meta["ports"]]
        _need(name in names, 'no port "%s"', name)
        number = names.index(name)
        where = self.meta["ports"][number]
        array = np.asarray(array, DTYPES[where["dtype"]][1])
        rows = where["sort"] == "stream"
        if rows and not len(array):
            return
        rec = self._emit(Record(
            DATA, port=number, dtype=where["dtype"], array=array,
            first=self.grammar.count[number] if rows else 0))
        main = [p["name"] for p in self.meta["ports"]
                if p["sort"] == "stream"][:1]
        if not self.first_us and main in ([], [name]):
            self.first_us = rec.t_us

    def end(self, stages=()):
        """Ends the utterance; stages: of the end record that was read."""
        rows, now = self.grammar.main_rows(), self._now()
        stages = [dict(s) for s in stages]
        if not self.times:
            for stage in stages:
                stage.update(first_us=0, last_us=0)
        stages.append({"tool": self.tool, "first_us": self.first_us or now,
                       "last_us": now})
        self._emit(Record(END, first=rows,
                          meta={"rows": rows, "stages": stages}))

    def error(self, message, tool=None):
        """Ends the utterance; the rows sent before are void."""
        self._emit(Record(ERROR, meta={
            "tool": tool or self.tool, "message": message,
            "key": self.key}))

    def note(self, **meta):
        self._emit(Record(NOTE, meta=meta))

    def finish(self):
        self._emit(Record(FINISH))
