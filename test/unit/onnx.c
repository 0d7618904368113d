/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/onnx.h"

#include <sys/stat.h>

#include "base/bytes.h"
#include "base/err.h"
#include "net/graph.h"
#include "base/isa.h"
#include "net/network.h"
#include "net/wire.h"
#include "onnxfile.h"
#include "tap.h"
#include "tensor/tensor.h"

static char *dir;
static char path[512];

static const int64_t dims[2] = {-1, 2};
static const float weights[4] = {1, 2, 3, 4};

/* y = x + w, w a constant of two rows. */
static struct mel_buf
small_graph(void)
{
	struct mel_buf g = {0};

	add_init(&g, "w", PB_F32, 2, (int64_t[]){2, 2}, weights, 16);
	add_io(&g, 11, "x", PB_F32, 2, dims);
	add_node(&g, "Add", "x w", "y", (struct mel_buf){0});
	add_io(&g, 12, "y", PB_F32, 2, dims);
	return g;
}

/* Loads the file at path; true if that fails with `want` in the message. */
static bool
refused(const char *want, struct mel_err *err)
{
	struct mel_network *network;

	err->msg[0] = '\0';
	if (!mel_network_open(&network, path, MEL_ISA_AUTO, err)) {
		mel_network_close(network);
		return false;
	}
	return strstr(err->msg, want) && !strncmp(err->msg, path, strlen(path));
}

/* Gives up the graph. */
static void
check_refused(struct mel_buf *graph, const char *want, const char *text)
{
	struct mel_err err;

	save_model(path, graph, 13);
	ok(refused(want, &err), "%s: %s", text, err.msg);
}

static void
test_small(void)
{
	struct mel_buf g = small_graph();
	struct mel_model model;
	struct mel_err err;

	save_model(path, &g, 13);
	if (!ok(!mel_model_open(&model, path, &err), "a small model"))
		return;
	ok(model.graph->n_node == 1 && model.graph->n_input == 1 &&
		model.graph->n_output == 1 && model.graph->opset == 13,
	    "its parts");
	ok(!strcmp(model.graph->input[0].symbol[0], "T") &&
		model.graph->input[0].dim[0] == -1 &&
		model.graph->input[0].dim[1] == 2,
	    "its declared shape");
	ok(!memcmp(model.graph->value[0].constant.data, weights, 16),
	    "its weights");
	mel_model_close(&model);
}

/* Every cut of a model is refused; no cut is read beyond its end. */
static void
test_truncation(void)
{
	struct mel_buf g = small_graph(), m = pb_model(&g, 13);
	struct mel_err err;
	size_t loaded = 0;

	for (size_t n = 0; n < m.len; n++) {
		struct mel_network *network;

		save_bytes(path, m.data, n);
		if (mel_network_open(&network, path, MEL_ISA_AUTO, &err))
			continue;
		mel_network_close(network);
		loaded++;
	}
	ok(!loaded, "a model cut at any of %zu places is refused", m.len);
	mel_buf_free(&m);
}

/* Any byte changed to any of a few values: no fault (sanitizers see them). */
static void
test_mutation(void)
{
	static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};
	struct mel_buf g = small_graph(), m = pb_model(&g, 13);
	size_t loaded = 0, refusals = 0;

	for (size_t i = 0; i < m.len * sizeof(values); i++) {
		size_t at = i / sizeof(values);
		char old = m.data[at];
		struct mel_network *network;

		m.data[at] = (char)values[i % sizeof(values)];
		save_bytes(path, m.data, m.len);
		if (!mel_network_open(&network, path, MEL_ISA_AUTO, NULL)) {
			mel_network_close(network);
			loaded++;
		} else {
			refusals++;
		}
		m.data[at] = old;
	}
	ok(loaded && refusals, "%zu changed models load, %zu do not", loaded,
	    refusals);
	mel_buf_free(&m);
}

/* An attribute that holds a graph whose node has an attribute that ... */
static struct mel_buf
bomb(int depth)
{
	struct mel_buf g = {0};

	while (depth--) {
		struct mel_buf attr = {0}, node = {0}, outer = {0};

		put_msg(&attr, 6, &g);
		put_msg(&node, 5, &attr);
		put_msg(&outer, 1, &node);
		g = outer;
	}
	return g;
}

static void
test_wire(void)
{
	struct mel_buf g = bomb(3000), out = {0};
	struct mel_err err;

	check_refused(&g, "nested too deeply", "a depth bomb");
	ok(mel_wire_scan(NULL, 0, MEL_WIRE_MODEL, &out, &err) == -1,
	    "nothing: %s", err.msg);
	save_bytes(path, "\x08\x08", 2);
	ok(refused("no graph", &err), "no graph: %s", err.msg);
	save_bytes(path, "\x0b\x0c", 2);
	ok(refused("truncated or not ONNX", &err), "a group: %s", err.msg);
	save_bytes(path, "\x3a\x00\x3a\x00", 4);
	ok(refused("given twice", &err), "two graphs: %s", err.msg);
	save_bytes(path, "\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11);
	ok(refused("truncated", &err), "a length of 2^64 - 1: %s", err.msg);
	save_bytes(path, "hello, world\n", 13);
	ok(refused("", &err), "a text: %s", err.msg);
	mel_buf_free(&out);
}

static void
test_stub(void)
{
	struct mel_buf t = pb_tensor(
	    "w", PB_F32, 2, (int64_t[]){2, 2}, weights, sizeof(weights));
	struct mel_buf out = {0};
	const uint8_t *stub;

	ok(!mel_wire_scan(
	       (uint8_t *)t.data, t.len, MEL_WIRE_TENSOR, &out, NULL),
	    "a tensor is scanned");
	stub = (const uint8_t *)out.data + out.len - MEL_WIRE_STUB;
	ok(mel_get_u64le(stub) == t.len - 16 && mel_get_u64le(stub + 8) == 16,
	    "its raw data became a place in the file");
	mel_buf_free(&t);
	mel_buf_free(&out);
}

static void
check_dims(int ndim, const int64_t *dim, const char *want, const char *text)
{
	struct mel_buf g = small_graph();

	add_init(&g, "v", PB_F32, ndim, dim, weights, 16);
	check_refused(&g, want, text);
}

static void
test_dims(void)
{
	const int64_t huge = (int64_t)1 << 40;

	check_dims(2, (int64_t[]){huge, huge}, "too large", "dims overflow");
	check_dims(1, (int64_t[]){-4}, "negative", "negative length");
	check_dims(1, (int64_t[]){5}, "16 bytes of data", "short data");
	check_dims(1, (int64_t[]){3}, "16 bytes of data", "long data");
	check_dims(
	    9, (int64_t[]){1, 1, 1, 1, 1, 1, 1, 1, 4}, "axes", "nine axes");
	check_dims(2, (int64_t[]){0, huge}, "16 bytes of data", "no elements");
}

static void
test_graph_faults(void)
{
	const struct mel_buf none = {0};
	struct mel_buf g = {0};

	add_node(&g, "Add", "a b", "c", none);
	add_io(&g, 12, "c", PB_F32, 0, NULL);
	check_refused(&g, "input a is defined nowhere", "a missing input");
	g = small_graph();
	add_node(&g, "Neg", "x", "y", none);
	check_refused(&g, "y is defined twice", "two nodes write one value");
	g = small_graph();
	add_node(&g, "Neg", "x", "w", none);
	check_refused(&g, "w is defined twice", "a node writes a constant");
	g = small_graph();
	add_node(&g, "Neg", "b", "a", none);
	add_node(&g, "Neg", "a", "b", none);
	check_refused(&g, "cycle", "a cycle");
	g = small_graph();
	add_node(&g, "Identity", "b", "a", none);
	add_node(&g, "Identity", "a", "b", none);
	check_refused(&g, "cycle", "a cycle of Identity");
	g = small_graph();
	add_io(&g, 12, "z", PB_F32, 0, NULL);
	check_refused(&g, "output z is defined nowhere", "a missing output");
	g = small_graph();
	add_node(&g, "Concat", "", "z", none);
	check_refused(&g, "Concat (node z): input 0 is missing", "no input");
}

static void
test_unknown(void)
{
	const struct mel_buf none = {0};
	struct mel_buf g = small_graph();
	struct mel_err err;

	add_node(&g, "Foo", "x", "f1", none);
	add_node(&g, "(conv)", "x", "b1", none);
	check_refused(&g,
	    "operators not supported: Foo (node f1), ai.onnx.(conv) (node b1)",
	    "unknown operators, and one of the library's own");
	g = small_graph();
	for (int i = 0; i < 40; i++) {
		char out[8];

		snprintf(out, sizeof(out), "f%d", i);
		add_node(&g, "Foo", "x", out, none);
	}
	check_refused(&g, ", ...", "many of them");
	g = small_graph();
	save_model(path, &g, 99);
	ok(refused("opset 99", &err), "an opset to come: %s", err.msg);
}

/* A constant whose data lies in another file. */
static void
external(const char *location, const char *offset, const char *length)
{
	const char *pair[3][2] = {
	    {"location", location}, {"offset", offset}, {"length", length}};
	struct mel_buf g = small_graph(), t = {0};

	put_int(&t, 1, 4);
	put_int(&t, 2, PB_F32);
	put_str(&t, 8, "e");
	put_int(&t, 14, 1);
	for (int i = 0; i < 3; i++) {
		struct mel_buf entry = {0};

		if (!pair[i][1])
			continue;
		put_str(&entry, 1, pair[i][0]);
		put_str(&entry, 2, pair[i][1]);
		put_msg(&t, 13, &entry);
	}
	put_msg(&g, 5, &t);
	add_io(&g, 12, "e", PB_F32, 0, NULL);
	save_model(path, &g, 13);
}

static void
check_external(const char *location, const char *offset, const char *length,
    const char *want)
{
	struct mel_err err;

	external(location, offset, length);
	ok(refused(want, &err), "external data: %s", err.msg);
}

static void
test_external(void)
{
	struct mel_network *network;
	struct mel_err err;
	char other[600];

	snprintf(other, sizeof(other), "%s/w.bin", dir);
	save_bytes(other, weights, 16);
	external("w.bin", NULL, "16");
	if (ok(!mel_network_open(&network, path, MEL_ISA_AUTO, &err),
		"external data beside the model"))
		mel_network_close(network);
	check_external("w.bin", "4", NULL, "beyond the file");
	check_external("w.bin", "-4", NULL, "beyond the file");
	check_external("w.bin", "99999999999999999999", NULL, "offset");
	check_external("w.bin", NULL, "12", "12 bytes, the shape says 16");
	check_external(NULL, NULL, NULL, "without location");
	check_external("none.bin", NULL, NULL, "No such file");
	check_external("/etc/passwd", NULL, NULL, "not a relative path");
	check_external("../w.bin", NULL, NULL, "leaves the model's folder");
	check_external("a/../../w", NULL, NULL, "leaves the model's folder");
	check_external(".", NULL, NULL, "external data");
	snprintf(other, sizeof(other), "%s/link", dir);
	if (!symlink("/etc/passwd", other))
		check_external("link", NULL, NULL, "leaves the model's folder");
	unlink(other);
	snprintf(other, sizeof(other), "%s/w.bin", dir);
	unlink(other);
}

/* y = Identity(w) in another storage must have the value of w. */
static void
test_storage(void)
{
	struct mel_buf g = {0}, t = {0}, packed = {0};
	struct mel_model model;
	struct mel_err err;

	put_int(&t, 1, 3);
	put_int(&t, 2, PB_BOOL);
	put_str(&t, 8, "b");
	put_int(&t, 5, 1);
	put_int(&t, 5, 0);
	put_int(&t, 5, 1);
	put_msg(&g, 5, &t);
	put_int(&t, 1, 2);
	put_int(&t, 2, PB_I64);
	put_str(&t, 8, "i");
	put_varint(&packed, 300);
	put_varint(&packed, (uint64_t)-2);
	put_msg(&t, 7, &packed);
	put_msg(&g, 5, &t);
	add_io(&g, 12, "b", PB_BOOL, 0, NULL);
	save_model(path, &g, 13);
	if (!ok(!mel_model_open(&model, path, &err), "typed storage"))
		return;
	ok(!memcmp(model.graph->value[0].constant.data, "\1\0\1", 3), "bool");
	ok(((int64_t *)model.graph->value[1].constant.data)[0] == 300 &&
		((int64_t *)model.graph->value[1].constant.data)[1] == -2,
	    "i64");
	mel_model_close(&model);
	add_init(&g, "b", PB_BOOL, 1, (int64_t[]){1}, "\2", 1);
	add_io(&g, 12, "b", PB_BOOL, 0, NULL);
	check_refused(&g, "a bool that is 2", "a bool");
	add_init(&g, "s", 8, 1, (int64_t[]){0}, "", 0);
	add_io(&g, 12, "s", PB_F32, 0, NULL);
	check_refused(&g, "element type 8 is not supported", "strings");
}

/* What exporters do and nobody may stumble over. */
static void
test_tolerated(void)
{
	struct mel_buf g = small_graph(), m = {0}, set = {0};
	struct mel_network *network;
	struct mel_err err;

	add_io(&g, 11, "w", PB_F32, 2, (int64_t[]){2, 2});
	add_io(&g, 11, "unread", PB_I64, 1, (int64_t[]){7});
	m = pb_model(&g, 13);
	put_str(&set, 1, "com.example");
	put_int(&set, 2, 1);
	put_msg(&m, 8, &set);
	save_bytes(path, m.data, m.len);
	mel_buf_free(&m);
	if (!ok(!mel_network_open(&network, path, MEL_ISA_AUTO, &err),
		"unused domain, initialiser as input, unread input"))
		return;
	ok(mel_network_graph(network)->n_input == 2,
	    "initialisers do not count as inputs");
	mel_network_close(network);
}

/* y = x + w for x of four ones (and z, if there is one, too large): does it
 * give 1.5, -1, 3, 0? */
static bool
gives_sums(void)
{
	float x[4] = {1, 1, 1, 1};
	static const float want[4] = {1.5f, -1, 3, 0};
	const int64_t two[2] = {2, 2}, huge[2] = {INT64_MAX, INT64_MAX};
	struct mel_tensor in[2] = {mel_tensor_view(MEL_F32, 2, two, x),
	    mel_tensor_view(MEL_F32, 2, huge, x)};
	struct mel_tensor y;
	struct mel_network *network = NULL;
	struct mel_session *s = NULL;
	bool good = !mel_network_open(&network, path, MEL_ISA_AUTO, NULL) &&
		    !mel_session_open(&s, network, NULL, NULL) &&
		    !mel_session_run(s, in, &y, NULL) &&
		    mel_tensor_count(&y) == 4 &&
		    !memcmp(y.data, want, sizeof(want));

	mel_session_close(s);
	mel_network_close(network);
	return good;
}

/* Weights of 16 and 64 bits become f32; they may lie at any address. */
static void
test_narrowed(void)
{
	static const uint16_t f16[4] = {0x3800, 0xc000, 0x4000, 0xbc00};
	static const uint16_t bf16[4] = {0x3f00, 0xc000, 0x4000, 0xbf80};
	static const double f64[4] = {0.5, -2, 2, -1};
	static const struct {
		const char *name;
		int type;
		const void *data;
		size_t size;
	} all[] = {{"f16", 10, f16, sizeof(f16)},
	    {"bf16", 16, bf16, sizeof(bf16)},
	    {"f64", PB_F64, f64, sizeof(f64)}};

	for (int i = 0; i < 3 * 8; i++) {
		struct mel_buf g = {0};
		bool good;

		/* A text in front, of another length each time. */
		put_bytes(&g, 10, "12345678", (size_t)i / 3);
		add_init(&g, "w", all[i % 3].type, 2, (int64_t[]){2, 2},
		    all[i % 3].data, all[i % 3].size);
		add_io(&g, 11, "x", PB_F32, 2, dims);
		add_node(&g, "Add", "x w", "y", (struct mel_buf){0});
		add_io(&g, 12, "y", PB_F32, 2, dims);
		save_model(path, &g, 13);
		good = gives_sums();
		if (i < 3 || !good)
			ok(good, "weights of %s", all[i % 3].name);
	}
}

/* Names that are there twice. */
static void
test_twice(void)
{
	struct mel_buf g = small_graph();

	add_io(&g, 11, "x", PB_F32, 2, dims);
	check_refused(&g, "x is defined twice", "two inputs of one name");
	g = small_graph();
	add_init(&g, "w", PB_F32, 2, (int64_t[]){2, 2}, weights, 16);
	check_refused(&g, "w is defined twice", "two constants of one name");
}

/* A link to a folder leaves the model's folder, too. */
static void
test_external_folder(void)
{
	char link[600];

	snprintf(link, sizeof(link), "%s/deep", dir);
	if (symlink("/etc", link))
		abort();
	check_external("deep/passwd", NULL, NULL, "leaves the model's folder");
	unlink(link);
}

/* A declared output shape that is wrong does not matter. */
static void
test_declared(void)
{
	const float w[4] = {0.5f, -2, 2, -1};
	struct mel_buf g = {0};

	add_init(&g, "w", PB_F32, 2, (int64_t[]){2, 2}, w, 16);
	add_io(&g, 11, "x", PB_F32, 2, dims);
	add_node(&g, "Add", "x w", "y", (struct mel_buf){0});
	add_io(&g, 12, "y", PB_I64, 3, (int64_t[]){7, -1, 1});
	save_model(path, &g, 13);
	ok(gives_sums(), "a declared output shape and type that are wrong");
	g = small_graph();
	add_io(&g, 11, "z", PB_F32, 2, (int64_t[]){INT64_MAX, INT64_MAX});
	save_model(path, &g, 13);
	ok(!gives_sums(), "an input that no memory holds");
}

int
main(void)
{
	dir = temp_dir();
	snprintf(path, sizeof(path), "%s/m.onnx", dir);
	test_small();
	test_truncation();
	test_mutation();
	test_wire();
	test_stub();
	test_dims();
	test_graph_faults();
	test_unknown();
	test_external();
	test_storage();
	test_tolerated();
	test_narrowed();
	test_twice();
	test_external_folder();
	test_declared();
	unlink(path);
	rmdir(dir);
	free(dir);
	return tap_done();
}
