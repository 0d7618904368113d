/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dlfcn.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

/*
 * ONNX Runtime through its C interface: the leanest program that runs a
 * network with it, to be measured against. The package with the library has no
 * header, so what is called here is declared by its place in the table of
 * functions, which never changes.
 */

enum {
	RANK = 8,
	VALUES = 32
};

enum element {
	F32 = 1,
	I32 = 6,
	I64 = 7,
	BOOL = 9
};

/* Places in the table of functions. */
enum call {
	ERROR_MESSAGE = 2,
	CREATE_ENV = 3,
	CREATE_SESSION = 7,
	RUN = 9,
	CREATE_OPTIONS = 10,
	SET_THREADS = 24,
	INPUT_COUNT = 30,
	OUTPUT_COUNT = 31,
	INPUT_TYPE = 33,
	INPUT_NAME = 36,
	OUTPUT_NAME = 37,
	CREATE_TENSOR = 49,
	TENSOR_DATA = 51,
	CAST_TYPE = 55,
	ELEMENT = 60,
	DIM_COUNT = 61,
	DIMS = 62,
	SYMBOLS = 63,
	TENSOR_TYPE = 65,
	CREATE_MEMORY_INFO = 69,
	DEFAULT_ALLOCATOR = 78,
	RELEASE_VALUE = 96
};

typedef void any(void);

struct ort_base {
	const any *const *(*api)(uint32_t version);
	const char *(*version)(void);
};

struct value {
	char *name;
	void *tensor;
	int64_t dim[RANK];
	size_t rank, n; /* n: elements */
	int type;
	void *data;
};

struct net {
	void *session;
	struct value in[VALUES], out[VALUES];
	size_t n_in, n_out;
};

struct args {
	const char *library;
	char **word;
	int n_words;
};

static const any *const *api;
static void *env, *options, *allocator, *memory;

static void
die(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	fputc('\n', stderr);
	exit(1);
}

/* Every call but the releases returns NULL or an error with a message. */
static void
check(const void *status)
{
	if (status)
		die("ort: %s",
		    ((const char *(*)(const void *))api[ERROR_MESSAGE])(
			status));
}

#define CALL(what, types, ...)                                                 \
	check(((const void *(*)types)api[what])(__VA_ARGS__))

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The integer of the word KEY=INTEGER, or preset. */
static int64_t
setting(const struct args *a, const char *key, int64_t preset)
{
	size_t n = strlen(key);

	for (int i = 0; i < a->n_words; i++)
		if (!strncmp(a->word[i], key, n) && a->word[i][n] == '=')
			return strtoll(a->word[i] + n + 1, NULL, 10);
	return preset;
}

static void
start(const struct args *a)
{
	void *library = dlopen(a->library, RTLD_NOW);
	union {
		void *object;
		const struct ort_base *(*function)(void);
	} entry;

	if (!library)
		die("ort: %s", dlerror());
	entry.object = dlsym(library, "OrtGetApiBase");
	if (!entry.object)
		die("ort: %s: no OrtGetApiBase", a->library);
	api = entry.function()->api(1);
	CALL(CREATE_ENV, (int, const char *, void **), 3, "peer", &env);
	CALL(CREATE_OPTIONS, (void **), &options);
	CALL(
	    SET_THREADS, (void *, int), options, (int)setting(a, "threads", 1));
	CALL(DEFAULT_ALLOCATOR, (void **), &allocator);
	CALL(CREATE_MEMORY_INFO, (int, int, void **), 1, 0, &memory);
}

static size_t
element_size(int type)
{
	switch (type) {
	case F32:
	case I32:
		return 4;
	case I64:
		return 8;
	case BOOL:
		return 1;
	default:
		die("ort: input of type %d", type);
		return 0;
	}
}

/* Numbers in (-0.5, 0.5), or the integer that the word NAME=INTEGER says. */
static void
fill(const struct args *a, struct value *v)
{
	int64_t whole = setting(a, v->name, 1);
	uint64_t x = 1;

	for (size_t i = 0; i < v->n; i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		if (v->type == F32)
			((float *)v->data)[i] =
			    (float)(x >> 40) / 16777216.0f - 0.5f;
		else if (v->type == I64)
			((int64_t *)v->data)[i] = whole;
		else if (v->type == I32)
			((int32_t *)v->data)[i] = (int32_t)whole;
		else
			((char *)v->data)[i] = 1;
	}
}

/* Data read from FILE.npy by the word NAME@FILE; true if there is one. */
static int
load(const struct args *a, struct value *v)
{
	size_t n = strlen(v->name), bytes = v->n * element_size(v->type);
	unsigned char head[10];
	FILE *f = NULL;

	for (int i = 0; i < a->n_words; i++)
		if (!strncmp(a->word[i], v->name, n) && a->word[i][n] == '@' &&
		    !(f = fopen(a->word[i] + n + 1, "rb")))
			die("ort: %s", a->word[i]);
	if (!f)
		return 0;
	if (fread(head, 1, 10, f) != 10 ||
	    fseek(f, head[8] + 256 * head[9], SEEK_CUR) ||
	    fread(v->data, 1, bytes, f) != bytes || fgetc(f) != EOF)
		die("ort: %s: not the size of the input", v->name);
	fclose(f);
	return 1;
}

static void
make_input(
    const struct args *a, const struct net *net, size_t i, struct value *v)
{
	const char *symbol[RANK] = {0};
	void *type;
	const void *shape;

	CALL(INPUT_NAME, (const void *, size_t, void *, char **), net->session,
	    i, allocator, &v->name);
	CALL(INPUT_TYPE, (const void *, size_t, void **), net->session, i,
	    &type);
	CALL(CAST_TYPE, (const void *, const void **), type, &shape);
	CALL(ELEMENT, (const void *, int *), shape, &v->type);
	CALL(DIM_COUNT, (const void *, size_t *), shape, &v->rank);
	if (v->rank > RANK)
		die("ort: %s: %zu axes", v->name, v->rank);
	CALL(DIMS, (const void *, int64_t *, size_t), shape, v->dim, v->rank);
	CALL(SYMBOLS, (const void *, const char **, size_t), shape, symbol,
	    v->rank);
	v->n = 1;
	for (size_t k = 0; k < v->rank; k++) {
		if (v->dim[k] < 0)
			v->dim[k] = setting(a, symbol[k], 100);
		v->n *= (size_t)v->dim[k];
	}
	v->data = calloc(v->n + 1, element_size(v->type));
	if (!v->data)
		die("ort: out of memory");
	if (!load(a, v))
		fill(a, v);
	CALL(CREATE_TENSOR,
	    (const void *, void *, size_t, const int64_t *, size_t, int,
		void **),
	    memory, v->data, v->n * element_size(v->type), v->dim, v->rank,
	    v->type, &v->tensor);
}

static void
open_net(const char *path, struct net *net)
{
	CALL(CREATE_SESSION, (void *, const char *, void *, void **), env, path,
	    options, &net->session);
	CALL(INPUT_COUNT, (const void *, size_t *), net->session, &net->n_in);
	CALL(OUTPUT_COUNT, (const void *, size_t *), net->session, &net->n_out);
	if (net->n_in > VALUES || net->n_out > VALUES)
		die("ort: %s: too many inputs or outputs", path);
	for (size_t i = 0; i < net->n_out; i++)
		CALL(OUTPUT_NAME, (const void *, size_t, void *, char **),
		    net->session, i, allocator, &net->out[i].name);
}

static void
run(struct net *net)
{
	const char *in_name[VALUES], *out_name[VALUES];
	const void *in[VALUES];
	void *out[VALUES] = {0};

	for (size_t i = 0; i < net->n_in; i++) {
		in_name[i] = net->in[i].name;
		in[i] = net->in[i].tensor;
	}
	for (size_t i = 0; i < net->n_out; i++) {
		out_name[i] = net->out[i].name;
		if (net->out[i].tensor)
			((void (*)(void *))api[RELEASE_VALUE])(
			    net->out[i].tensor);
	}
	CALL(RUN,
	    (void *, const void *, const char *const *, const void *const *,
		size_t, const char *const *, size_t, void **),
	    net->session, NULL, in_name, in, net->n_in, out_name, net->n_out,
	    out);
	for (size_t i = 0; i < net->n_out; i++)
		net->out[i].tensor = out[i];
}

/* Fills shape, data and number of elements of an output. */
static void
look(struct value *v)
{
	void *shape;

	CALL(TENSOR_TYPE, (const void *, void **), v->tensor, &shape);
	CALL(ELEMENT, (const void *, int *), shape, &v->type);
	CALL(DIM_COUNT, (const void *, size_t *), shape, &v->rank);
	CALL(DIMS, (const void *, int64_t *, size_t), shape, v->dim, v->rank);
	CALL(TENSOR_DATA, (void *, void **), v->tensor, &v->data);
	v->n = 1;
	for (size_t k = 0; k < v->rank; k++)
		v->n *= (size_t)v->dim[k];
}

/* The first output, as plain numbers. */
static void
save(struct net *net, const char *path)
{
	FILE *f = fopen(path, "wb");
	struct value *v = &net->out[0];

	look(v);
	if (!f || fwrite(v->data, element_size(v->type), v->n, f) != v->n ||
	    fclose(f))
		die("ort: cannot write %s", path);
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
bench(const struct args *a, const char *model, const char *output)
{
	int runs = (int)setting(a, "runs", 5);
	double *t, begin = seconds();
	struct net net = {0};
	struct rusage used;

	if (runs < 1 || !(t = calloc((size_t)runs, sizeof(*t))))
		die("ort: runs=%d", runs);
	open_net(model, &net);
	printf("open %.2f ms\n", 1e3 * (seconds() - begin));
	for (size_t i = 0; i < net.n_in; i++)
		make_input(a, &net, i, &net.in[i]);
	run(&net); /* the first plans its memory */
	for (int i = 0; i < runs; i++) {
		begin = seconds();
		run(&net);
		t[i] = 1e3 * (seconds() - begin);
	}
	qsort(t, (size_t)runs, sizeof(*t), compare);
	getrusage(RUSAGE_SELF, &used);
	printf("time %.3f ms (%.3f to %.3f, %d runs)\n", t[runs / 2], t[0],
	    t[runs - 1], runs);
	printf("memory %.1f MB\n", (double)used.ru_maxrss / 1024);
	if (output)
		save(&net, output);
	free(t);
}

/*
 * A voice of two networks: all that is done between text and the first frames
 * of mel, which go to stdout. Each token's row is repeated as often as it takes
 * to fill the T frames that the decoder is given.
 */
static void
speak(const struct args *a, const char *encoder, const char *decoder)
{
	struct net enc = {0}, dec = {0};
	struct value *hidden = &enc.out[0], *in = &dec.in[0];

	open_net(encoder, &enc);
	open_net(decoder, &dec);
	for (size_t i = 0; i < enc.n_in; i++)
		make_input(a, &enc, i, &enc.in[i]);
	run(&enc);
	look(hidden);
	make_input(a, &dec, 0, in);
	for (int64_t t = 0; t < in->dim[1]; t++)
		memcpy((float *)in->data + t * in->dim[2],
		    (float *)hidden->data +
			t * hidden->dim[1] / in->dim[1] * in->dim[2],
		    (size_t)in->dim[2] * sizeof(float));
	run(&dec);
	look(&dec.out[0]);
	fwrite(dec.out[0].data, sizeof(float), dec.out[0].n, stdout);
}

int
main(int argc, char **argv)
{
	static const char usage[] =
	    "usage: ort LIBRARY bench MODEL OUTPUT|- [KEY=INTEGER | "
	    "NAME@FILE.npy ...]\n"
	    "       ort LIBRARY speak ENCODER DECODER [KEY=INTEGER ...]\n"
	    "KEY: threads, runs, an axis, an input of integers";
	struct args a;

	if (argc < 5)
		die(usage);
	a = (struct args){argv[1], argv + 5, argc - 5};
	start(&a);
	if (!strcmp(argv[2], "bench"))
		bench(&a, argv[3], strcmp(argv[4], "-") ? argv[4] : NULL);
	else if (!strcmp(argv[2], "speak"))
		speak(&a, argv[3], argv[4]);
	else
		die(usage);
	/* Its threads may still run: no destructors. */
	fflush(stdout);
	_Exit(0);
}
