# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds onnx-skips.txt to the files of the cases that stand in it.

    skips.py CASES SKIPS TIERS     one line a fault, exit 1; then a count
    skips.py --models TIERS DIR    DIR/OP.onnx with one bare node, for each
                                   operator of the tiers

A case is in scope if its operators are those of the tiers and its inputs and
outputs are of types that speech networks have; only the noise of a generator
that nobody else has may keep such a case from running.
"""
import os
import sys

import onnx
from onnx import TensorProto, helper

SETS = ("node", "pytorch-converted", "pytorch-operator", "simple")
CORE = {TensorProto.FLOAT, TensorProto.INT64, TensorProto.INT32,
        TensorProto.BOOL, TensorProto.UINT8}
RARE = {"f64": TensorProto.DOUBLE, "f16": TensorProto.FLOAT16,
        "bf16": TensorProto.BFLOAT16, "i8": TensorProto.INT8,
        "i16": TensorProto.INT16, "u16": TensorProto.UINT16,
        "u32": TensorProto.UINT32, "u64": TensorProto.UINT64,
        "string": TensorProto.STRING}
NOISE = {"Bernoulli", "RandomUniformLike", "Dropout"}
LAST = {"Upsample": 9}  # withdrawn after that opset
TRAINING = "ai.onnx.preview.training"


def tiers(path):
    with open(path) as file:
        return {word for line in file if line[0] != "#"
                for word in line.split()[1:]}


def nodes(graph):
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            yield from nodes(attribute.g)
            for body in attribute.graphs:
                yield from nodes(body)


def tensor_type(kind, found):
    """Adds the element types of a value; None for an optional one."""
    which = kind.WhichOneof("value")
    if which == "sequence_type":
        tensor_type(kind.sequence_type.elem_type, found)
    elif which == "optional_type":
        found.add(None)
    elif which == "tensor_type":
        found.add(kind.tensor_type.elem_type)


class Case:
    def __init__(self, path):
        model = onnx.load(path)
        used = list(nodes(model.graph))
        self.operators = {node.op_type for node in used}
        self.domains = {node.domain for node in used}
        self.opset = max(item.version for item in model.opset_import)
        self.types = set()
        for value in list(model.graph.input) + list(model.graph.output):
            tensor_type(value.type, self.types)

    def in_scope(self, known):
        return (self.operators <= known and self.types <= CORE
                and not self.domains - {"", "ai.onnx"})

    def has_reason(self, reason, words, known):
        if reason == "noise":
            return bool(self.operators & NOISE)
        if reason == "training":
            return TRAINING in self.domains
        if reason == "flow":
            return words[0] in self.operators and words[0] not in known
        if reason == "operator":
            return all(word in self.operators - known for word in words)
        return all(word == "optional" and None in self.types
                   or RARE.get(word) in self.types for word in words)


def check(cases, skips, known):
    faults = scope = 0
    reasons = {}
    with open(skips) as file:
        for line in file:
            if line[0] != "#":
                name, reason, *words = line.replace(",", "").split()
                reasons[name] = reason, words
    for folder in SETS:
        for name in sorted(os.listdir(os.path.join(cases, folder))):
            path = os.path.join(cases, folder, name, "model.onnx")
            name = folder + "/" + name
            case = Case(path)
            scope += folder == "node" and case.in_scope(known)
            if name not in reasons:
                continue
            reason, words = reasons[name]
            if not case.has_reason(reason, words, known):
                print("%s: that is not so: %s" % (name, reason))
                faults += 1
            if case.in_scope(known) and reason != "noise":
                print("%s: is in scope" % name)
                faults += 1
    print("%d node cases in scope" % scope)
    return faults != 0


def write_models(known, folder):
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, "T"])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    for kind in known | {"NoSuchOperator"}:
        node = helper.make_node(kind, ["x"], ["y"], name="bare")
        model = helper.make_model(
            helper.make_graph([node], "g", [x], [y]), ir_version=8,
            opset_imports=[helper.make_opsetid("", LAST.get(kind, 20))])
        onnx.save(model, os.path.join(folder, kind + ".onnx"))
    return 0


if __name__ == "__main__":
    if sys.argv[1] == "--models":
        sys.exit(write_models(tiers(sys.argv[2]), sys.argv[3]))
    sys.exit(check(sys.argv[1], sys.argv[2], tiers(sys.argv[3])))
