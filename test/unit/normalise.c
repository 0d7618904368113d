/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/err.h"
#include "net/graph.h"
#include "base/isa.h"
#include "net/network.h"

#include "net/netimpl.h"
#include "onnxfile.h"
#include "tap.h"
#include "tensor/tensor.h"

static char path[512];
static const struct mel_buf none;

/* x f32 [2, 3] counts from 0; gives up the graph; y is output 0. */
static int
run_graph(
    struct mel_buf *g, int opset, struct mel_tensor *y, struct mel_err *err)
{
	float data[6] = {0, 1, 2, 3, 4, 5};
	struct mel_tensor in =
	    mel_tensor_view(MEL_F32, 2, (int64_t[]){2, 3}, data);
	struct mel_tensor out[4] = {{0}};
	struct mel_session *session = NULL;
	struct mel_network *net;
	int rc;

	add_io(g, 11, "x", PB_F32, 2, (int64_t[]){2, 3});
	add_io(g, 12, "y", PB_F32, 0, NULL);
	save_model(path, g, opset);
	if (mel_network_open(&net, path, MEL_ISA_PORTABLE, err))
		return -1;
	rc = mel_session_open(&session, net, NULL, err);
	if (!rc)
		rc = mel_session_run(session, &in, out, err);
	if (!rc)
		rc = mel_tensor_copy(y, &out[0], err);
	mel_session_close(session);
	mel_network_close(net);
	return rc;
}

/* Two graphs that must give the same. Gives up both. */
static void
check_same(struct mel_buf *old, int opset, struct mel_buf *new, int newer,
    const char *text)
{
	struct mel_tensor a = {0}, b = {0};
	struct mel_err err = {""};
	bool same = !run_graph(old, opset, &a, &err) &&
		    !run_graph(new, newer, &b, &err) &&
		    mel_tensor_same_shape(&a, &b) &&
		    !memcmp(a.data, b.data, mel_tensor_bytes(&a));

	ok(same, "%s%s%s", text, *err.msg ? ": " : "", err.msg);
	mel_tensor_free(&a);
	mel_tensor_free(&b);
}

static void
test_inputs(void)
{
	const int64_t one = 1, two = 2, pads[4] = {0, 1, 0, 2},
		      parts[2] = {1, 2};
	const float low = 1.5f, high = 4;
	struct mel_buf a = {0}, b = {0};

	add_node(&a, "Slice", "x", "y",
	    attr_ints(
		attr_ints(attr_ints(none, "starts", &one, 1), "ends", &two, 1),
		"axes", &one, 1));
	add_init_i64(&b, "s", &one, 1);
	add_init_i64(&b, "e", &two, 1);
	add_node(&b, "Slice", "x s e s", "y", none);
	check_same(&a, 9, &b, 13, "Slice of opset 9");
	add_node(&a, "Pad", "x", "y",
	    attr_float(attr_ints(none, "pads", pads, 4), "value", low));
	add_init_i64(&b, "p", pads, 4);
	add_init(&b, "v", PB_F32, 0, NULL, &low, 4);
	add_node(&b, "Pad", "x p v", "y", none);
	check_same(&a, 10, &b, 13, "Pad of opset 10");
	add_node(&a, "Clip", "x", "y", attr_float(none, "max", high));
	add_init(&b, "m", PB_F32, 0, NULL, &high, 4);
	add_node(&b, "Clip", "x _ m", "y", none);
	check_same(&a, 9, &b, 12, "Clip of opset 9");
	add_node(&a, "Unsqueeze", "x", "y", attr_ints(none, "axes", &one, 1));
	add_init_i64(&b, "a", &one, 1);
	add_node(&b, "Unsqueeze", "x a", "y", none);
	check_same(&a, 11, &b, 13, "Unsqueeze of opset 11");
	add_node(&a, "ReduceMean", "x", "y", attr_ints(none, "axes", &one, 1));
	add_init_i64(&b, "a", &one, 1);
	add_node(&b, "ReduceMean", "x a", "y", none);
	check_same(&a, 17, &b, 18, "ReduceMean of opset 17");
	add_node(&a, "Split", "x", "z y",
	    attr_int(attr_ints(none, "split", parts, 2), "axis", 1));
	add_init_i64(&b, "n", parts, 2);
	add_node(&b, "Split", "x n", "z y", attr_int(none, "axis", 1));
	check_same(&a, 11, &b, 13, "Split of opset 11");
}

/* Before 13 softmax was over all axes behind the given one. */
static void
test_softmax(void)
{
	const int64_t flat = 6, shape[2] = {2, 3};
	struct mel_buf a = {0}, b = {0};

	add_node(&a, "Softmax", "x", "y", attr_int(none, "axis", 0));
	add_init_i64(&b, "f", &flat, 1);
	add_init_i64(&b, "s", shape, 2);
	add_node(&b, "Reshape", "x f", "r", none);
	add_node(&b, "Softmax", "r", "t", none);
	add_node(&b, "Reshape", "t s", "y", none);
	check_same(&a, 11, &b, 13, "Softmax of opset 11 flattens");
}

/* Before 7 an operand began at an axis that was named. */
static void
test_align(void)
{
	const int64_t two = 2, column[2] = {2, 1}, three = 3;
	const float v[3] = {-2, 5, 0.5f};
	struct mel_buf a = {0}, b = {0};

	add_init(&a, "v", PB_F32, 1, &two, v, 8);
	add_node(&a, "Add", "x v", "y",
	    attr_int(attr_int(none, "broadcast", 1), "axis", 0));
	add_init(&b, "v", PB_F32, 2, column, v, 8);
	add_node(&b, "Add", "x v", "y", none);
	check_same(&a, 6, &b, 13, "Add of opset 6 from an axis on");
	add_init(&a, "v", PB_F32, 1, &three, v, 12);
	add_node(&a, "Neg", "x", "n", none);
	add_node(&a, "PRelu", "n v", "y", none);
	add_init(&b, "v", PB_F32, 1, &three, v, 12);
	add_node(&b, "Neg", "x", "n", none);
	add_node(&b, "PRelu", "n v", "y", none);
	check_same(&a, 6, &b, 13, "PRelu of opset 6, a slope a channel");
}

static void
test_resize(void)
{
	const float scale[2] = {2, 1.5f};
	const int64_t two = 2;
	struct mel_buf a = {0}, b = {0};

	for (int opset = 9; opset <= 10; opset++) {
		add_init(&a, "s", PB_F32, 1, &two, scale, 8);
		add_node(
		    &a, opset == 9 ? "Upsample" : "Resize", "x s", "y", none);
		add_init(&b, "s", PB_F32, 1, &two, scale, 8);
		add_node(&b, "Resize", "x _ s", "y",
		    attr_str(attr_str(none, "coordinate_transformation_mode",
				 "asymmetric"),
			"nearest_mode", "floor"));
		check_same(
		    &a, opset, &b, 13, opset == 9 ? "Upsample 9" : "Resize 10");
	}
}

static void
test_renamed(void)
{
	const int64_t at[2] = {1, 0}, dim[2] = {1, 2};
	const float v[2] = {7, 8};

	struct mel_buf g[2] = {{0}};

	for (int i = 0; i < 2; i++) {
		add_init(&g[i], "i", PB_I64, 2, dim, at, 16);
		add_init(&g[i], "v", PB_F32, 2, dim, v, 8);
		add_node(&g[i], i ? "ScatterElements" : "Scatter", "x i v", "y",
		    none);
	}
	check_same(&g[0], 9, &g[1], 13, "Scatter");
}

static void
test_without_effect(void)
{
	struct mel_buf a = {0}, b = {0};

	add_node(&a, "Identity", "q", "y", none);
	add_node(&a, "Identity", "p", "q", none);
	add_node(&a, "Neg", "x", "p", none);
	add_node(&b, "Neg", "x", "y", none);
	check_same(&a, 13, &b, 13, "Identity, out of order");
	add_node(&a, "Dropout", "x", "d mask", none);
	add_node(&a, "Where", "mask d x", "y", none);
	add_node(&b, "Abs", "x", "y", none);
	check_same(&a, 13, &b, 13, "Dropout and its mask");
}

static void
check_constant(struct mel_buf attr, const char *text)
{
	const int64_t two[2] = {2, 1};
	struct mel_buf a = {0}, b = {0};

	add_node(&a, "Constant", "", "k", attr);
	add_node(&a, "Cast", "k", "c", attr_int(none, "to", PB_I64));
	add_node(&a, "Tile", "x c", "y", none);
	add_init_i64(&b, "k", two, 2);
	add_node(&b, "Tile", "x k", "y", none);
	check_same(&a, 13, &b, 13, text);
}

static void
test_constant(void)
{
	const int64_t two[2] = {2, 1}, n = 2;
	const double wide[2] = {2, 1};
	struct mel_buf floats = {0}, attr = {0};
	const float f[2] = {2, 1};

	check_constant(attr_ints(none, "value_ints", two, 2), "value_ints");
	check_constant(
	    attr_tensor(none, "value", pb_tensor("", PB_I64, 1, &n, two, 16)),
	    "value");
	check_constant(
	    attr_tensor(none, "value", pb_tensor("", PB_F64, 1, &n, wide, 16)),
	    "value of f64, narrowed");
	put_str(&attr, 1, "value_floats");
	put_bytes(&attr, 7, f, sizeof(f));
	put_int(&attr, 20, 6);
	put_msg(&floats, 5, &attr);
	check_constant(floats, "value_floats");
}

static void
check_refused(struct mel_buf *g, int opset, const char *want)
{
	struct mel_tensor y = {0};
	struct mel_err err = {""};

	ok(run_graph(g, opset, &y, &err) && strstr(err.msg, want), "%s",
	    err.msg);
	mel_tensor_free(&y);
}

static void
test_refused(void)
{
	struct mel_buf g = {0};

	add_node(&g, "Constant", "", "y", none);
	check_refused(&g, 13, "Constant (node y): needs exactly one value");
	add_node(&g, "Resize", "x", "y", none);
	check_refused(&g, 10, "needs data and scales");
	add_node(&g, "Add", "x", "y",
	    attr_int(attr_int(none, "broadcast", 1), "axis", 0));
	check_refused(&g, 6, "input 1 is missing");
	add_node(&g, "BatchNormalization", "x x x x x", "z y", none);
	check_refused(&g, 9, "y is a training output");
	add_node(&g, "Cast", "x", "y", none);
	check_refused(&g, 1, "opset 1");
}

static int
count_nodes(struct mel_buf *g)
{
	struct mel_network *net;
	int n;

	add_io(g, 11, "x", PB_F32, 2, (int64_t[]){2, 3});
	add_io(g, 12, "y", PB_F32, 0, NULL);
	save_model(path, g, 13);
	if (mel_network_open(&net, path, MEL_ISA_PORTABLE, NULL))
		return -1;
	n = mel_network_graph(net)->n_node;
	mel_network_close(net);
	return n;
}

static void
test_folding(void)
{
	const int64_t big = (int64_t)1 << 40, axis = 1;
	struct mel_buf g = {0};

	add_init_i64(&g, "a", &axis, 1);
	add_node(&g, "Neg", "a", "b", none);
	add_node(&g, "Neg", "b", "c", none);
	add_node(&g, "Exp", "x", "unused", none);
	add_node(&g, "ReduceMean", "x", "m", none);
	add_node(&g, "Unsqueeze", "m c", "y", none);
	ok(count_nodes(&g) == 2, "constants are folded, dead nodes go");
	add_init_i64(&g, "n", &big, 1);
	add_node(&g, "ConstantOfShape", "n", "y", none);
	ok(count_nodes(&g) == 1, "a terabyte is not folded");
}

int
main(void)
{
	char *dir = temp_dir();

	snprintf(path, sizeof(path), "%s/m.onnx", dir);
	test_inputs();
	test_softmax();
	test_align();
	test_resize();
	test_renamed();
	test_without_effect();
	test_constant();
	test_refused();
	test_folding();
	unlink(path);
	rmdir(dir);
	free(dir);
	return tap_done();
}
