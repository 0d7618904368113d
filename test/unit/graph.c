/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/graph.h"

#include "node.h"
#include "tap.h"

static void
test_attributes(void)
{
	struct mel_node n = node_new("Gather", 2, 1);
	struct mel_err err;
	const int64_t *ints;
	const char *s;
	int64_t i;
	size_t len;
	float f;

	mel_node_add_int(&n, "axis", -1, NULL);
	mel_node_add_float(&n, "alpha", 0.5f, NULL);
	mel_node_add_ints(&n, "pads", (int64_t[]){1, 2}, 2, NULL);
	mel_node_add_string(&n, "mode", "edge", NULL);
	ok(!mel_attr_int(&n, "axis", 7, &i, &err) && i == -1, "int");
	ok(!mel_attr_int(&n, "other", 7, &i, &err) && i == 7, "preset");
	ok(!mel_attr_float(&n, "alpha", 1, &f, &err) && f == 0.5f, "float");
	ok(!mel_attr_ints(&n, "pads", &ints, &len, &err) && len == 2 &&
		ints[1] == 2,
	    "ints");
	ok(!mel_attr_string(&n, "mode", "x", &s, &err) && !strcmp(s, "edge"),
	    "string");
	ok(mel_attr_int(&n, "alpha", 7, &i, &err) == -1 &&
		!strcmp(
		    err.msg, "Gather (node n): attribute alpha: wrong type"),
	    "wrong type: %s", err.msg);
	mel_node_drop_attr(&n, "axis");
	ok(!mel_node_attr(&n, "axis") && n.n_attr == 3, "dropped");
	ok(!mel_node_resize_inputs(&n, 3, &err) && n.in[1] == 1 &&
		n.in[2] == MEL_ABSENT,
	    "more inputs");
	mel_node_clear(&n);
}

static void
test_table(void)
{
	const struct mel_op *op = NULL, *last = NULL;
	bool sorted = true, found = true;

	while ((op = mel_op_next(last))) {
		sorted &= !last || strcmp(last->name, op->name) < 0;
		found &= mel_op_find(op->name) == op;
		last = op;
	}
	ok(sorted && found, "operators are listed by name, each once");
	ok(!mel_op_find("NoSuchOp"), "an unknown operator");
}

static void
test_unknown(void)
{
	struct mel_node n = node_new("NoSuchOp", 1, 1);
	struct mel_err err;

	ok(mel_node_prepare(&n, &err) == -1 &&
		!strcmp(err.msg, "NoSuchOp (node n): operator not supported"),
	    "operator and node are named: %s", err.msg);
	mel_node_clear(&n);
}

int
main(void)
{
	test_attributes();
	test_table();
	test_unknown();
	return tap_done();
}
