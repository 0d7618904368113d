/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/pool.h"
#include "nodetest.h"
#include "tap.h"

/*
 * Operators that move elements: each output element is looked up by index
 * arithmetic in the input, over random shapes and element types.
 */

enum {
	ROUNDS = 150
};

static const enum mel_dtype types[] = {
    MEL_F32, MEL_I64, MEL_I32, MEL_U8, MEL_BOOL};

struct trial {
	struct rnd r;
	struct mel_tensor in[4]; /* in[0] random, owned; others views */
	struct mel_tensor out[3];
	int64_t list[3][2 * MEL_MAX_DIMS]; /* storage of in[1..3] */
	int64_t n[3];
};

static void
trial_start(struct trial *t, int k, int max)
{
	int64_t dim[MEL_MAX_DIMS];
	int n = random_shape(&t->r, max, dim);

	memset(t->in, 0, sizeof(t->in));
	memset(t->out, 0, sizeof(t->out));
	t->in[0] = random_tensor(&t->r, types[k % 5], n, dim, 99);
}

static void
trial_list(struct trial *t, int which, int n)
{
	t->n[which] = n;
	t->in[1 + which] = tensor_i64(1, &t->n[which], t->list[which]);
}

static void
trial_end(struct trial *t, struct mel_node *node)
{
	mel_tensor_free(&t->in[0]);
	for (int i = 0; i < 3; i++)
		mel_tensor_free(&t->out[i]);
	mel_node_clear(node);
}

/* Element i of out is element j of in. */
static bool
same_at(const struct mel_tensor *out, size_t i, const struct mel_tensor *in,
    size_t j)
{
	return near(value_at(out, i), value_at(in, j), 0);
}

static bool
transpose(struct trial *t)
{
	struct mel_node node = node_new("Transpose", 1, 1);
	int64_t perm[MEL_MAX_DIMS], at[MEL_MAX_DIMS], from[MEL_MAX_DIMS];
	int n = t->in[0].ndim;
	bool good;

	for (int i = 0; i < n; i++) {
		int j = (int)rnd(&t->r, (uint32_t)i + 1);

		perm[i] = perm[j];
		perm[j] = i;
	}
	if (n)
		mel_node_add_ints(&node, "perm", perm, (size_t)n, NULL);
	good = !node_do(&node, t->in, t->out, NULL);
	for (size_t i = 0; good && i < mel_tensor_count(t->out); i++) {
		unravel(t->out, i, at);
		for (int d = 0; d < n; d++)
			from[perm[d]] = at[d];
		good = same_at(t->out, i, t->in, ravel(t->in, from));
	}
	trial_end(t, &node);
	return good;
}

static bool
expand(struct trial *t)
{
	struct mel_node node = node_new("Expand", 2, 1);
	int n = (int)rnd(&t->r, 6);
	bool good;

	for (int i = 0; i < n; i++) {
		int d = t->in[0].ndim - n + i;

		t->list[0][i] = d < 0 || t->in[0].dim[d] == 1
				    ? (int64_t)rnd(&t->r, 4)
				: rnd(&t->r, 2) ? t->in[0].dim[d]
						: 1;
	}
	trial_list(t, 0, n);
	good = !node_do(&node, t->in, t->out, NULL);
	for (size_t i = 0; good && i < mel_tensor_count(t->out); i++)
		good =
		    same_at(t->out, i, t->in, broadcast_at(t->in, t->out, i));
	trial_end(t, &node);
	return good;
}

static bool
tile(struct trial *t)
{
	struct mel_node node = node_new("Tile", 2, 1);
	int64_t at[MEL_MAX_DIMS];
	int n = t->in[0].ndim;
	bool good;

	for (int i = 0; i < n; i++)
		t->list[0][i] = rnd(&t->r, 9) ? 1 + (int64_t)rnd(&t->r, 3) : 0;
	trial_list(t, 0, n);
	good = !node_do(&node, t->in, t->out, NULL);
	for (size_t i = 0; good && i < mel_tensor_count(t->out); i++) {
		unravel(t->out, i, at);
		for (int d = 0; d < n; d++)
			at[d] %= t->in[0].dim[d];
		good = same_at(t->out, i, t->in, ravel(t->in, at));
	}
	trial_end(t, &node);
	return good;
}

/* Numpy's rule, index by index: how many are taken, beginning where. */
static int64_t
slice_length(int64_t n, int64_t start, int64_t end, int64_t step, int64_t *from)
{
	int64_t count = 0, low = step < 0 ? -1 : 0;
	int64_t high = step < 0 ? n - 1 : n;

	start = start < 0 ? start + n : start;
	end = end < 0 ? end + n : end;
	start = start < low ? low : start > high ? high : start;
	end = end < low ? low : end > high ? high : end;
	*from = start;
	while (step > 0 ? start < end : start > end) {
		start += step;
		count++;
	}
	return count;
}

static bool
slice(struct trial *t)
{
	struct mel_node node = node_new("Slice", 5, 1);
	struct mel_tensor in[5];
	int64_t from[MEL_MAX_DIMS] = {0}, step[MEL_MAX_DIMS];
	int64_t len[MEL_MAX_DIMS], steps[2], at[MEL_MAX_DIMS];
	int n = t->in[0].ndim, axis = n ? (int)rnd(&t->r, (uint32_t)n) : 0;
	bool good;

	for (int d = 0; d < n; d++) {
		step[d] = 1;
		len[d] = t->in[0].dim[d];
	}
	t->list[0][0] = (int64_t)rnd(&t->r, 14) - 7;
	t->list[1][0] = rnd(&t->r, 4)   ? (int64_t)rnd(&t->r, 30) - 10
			: rnd(&t->r, 2) ? INT64_MAX
					: INT64_MIN + 99;
	t->list[2][0] = axis - (rnd(&t->r, 2) ? n : 0);
	steps[0] = rnd(&t->r, 2) ? 1 + (int64_t)rnd(&t->r, 3)
				 : -1 - (int64_t)rnd(&t->r, 3);
	for (int i = 0; i < 3; i++)
		trial_list(t, i, n ? 1 : 0);
	memcpy(in, t->in, sizeof(t->in));
	in[4] = tensor_i64(1, (int64_t[]){n ? 1 : 0}, steps);
	if (n) {
		step[axis] = steps[0];
		len[axis] = slice_length(len[axis], t->list[0][0],
		    t->list[1][0], steps[0], &from[axis]);
	}
	good = !node_do(&node, in, t->out, NULL);
	for (int d = 0; good && d < n; d++)
		good = t->out[0].dim[d] == len[d];
	for (size_t i = 0; good && i < mel_tensor_count(t->out); i++) {
		unravel(t->out, i, at);
		for (int d = 0; d < n; d++)
			at[d] = from[d] + at[d] * step[d];
		good = same_at(t->out, i, t->in, ravel(t->in, at));
	}
	trial_end(t, &node);
	return good;
}

/* Split in three and Concat again is the identity. */
static bool
split_concat(struct trial *t)
{
	struct mel_node cut = node_new("Split", 2, 3);
	struct mel_node join = node_new("Concat", 3, 1);
	struct mel_tensor whole[1] = {{0}};
	int n = t->in[0].ndim, axis = n ? (int)rnd(&t->r, (uint32_t)n) : 0;
	uint32_t len;
	bool good = true;

	if (n) {
		len = (uint32_t)t->in[0].dim[axis];
		t->list[0][0] = rnd(&t->r, len + 1);
		t->list[0][1] = rnd(&t->r, len + 1 - (uint32_t)t->list[0][0]);
		t->list[0][2] = len - t->list[0][0] - t->list[0][1];
		trial_list(t, 0, 3);
		mel_node_add_int(&cut, "axis", axis, NULL);
		mel_node_add_int(&join, "axis", axis - n, NULL);
		good = !node_do(&cut, t->in, t->out, NULL) &&
		       t->out[1].dim[axis] == t->list[0][1] &&
		       !node_do(&join, t->out, whole, NULL) &&
		       same_bytes(whole, t->in);
	}
	mel_tensor_free(whole);
	mel_node_clear(&join);
	trial_end(t, &cut);
	return good;
}

/* Index of a padded axis back to the axis; -1: the constant. */
static int64_t
pad_source(const char *mode, int64_t i, int64_t n)
{
	if (!strcmp(mode, "constant"))
		return i < 0 || i >= n ? -1 : i;
	while (i < 0 || i >= n) {
		if (!strcmp(mode, "edge"))
			i = i < 0 ? 0 : n - 1;
		else if (!strcmp(mode, "wrap"))
			i += i < 0 ? n : -n;
		else if (n == 1)
			i = 0;
		else
			i = i < 0 ? -i : 2 * (n - 1) - i;
	}
	return i;
}

static bool
pad(struct trial *t)
{
	static const char *const modes[] = {
	    "constant", "reflect", "edge", "wrap"};
	const char *mode = modes[rnd(&t->r, 4)];
	struct mel_node node = node_new("Pad", 3, 1);
	int64_t at[MEL_MAX_DIMS], s = 0;
	int n = t->in[0].ndim;
	bool good;

	for (int d = 0; d < n; d++) {
		int64_t len = t->in[0].dim[d];

		for (int e = 0; e < 2; e++)
			t->list[0][d + e * n] =
			    len ? (int64_t)rnd(&t->r, 7) - (len > 4 ? 2 : 0)
				: 0;
	}
	trial_list(t, 0, 2 * n);
	mel_node_add_string(&node, "mode", mode, NULL);
	good = !node_do(&node, t->in, t->out, NULL);
	for (size_t i = 0; good && i < mel_tensor_count(t->out); i++) {
		unravel(t->out, i, at);
		s = 0;
		for (int d = 0; d < n && s >= 0; d++)
			s = at[d] = pad_source(
			    mode, at[d] - t->list[0][d], t->in[0].dim[d]);
		good = s < 0 ? value_at(t->out, i) == 0
			     : same_at(t->out, i, t->in, ravel(t->in, at));
	}
	trial_end(t, &node);
	return good;
}

static bool
trilu(struct trial *t)
{
	struct mel_node node = node_new("Trilu", 2, 1);
	int64_t at[MEL_MAX_DIMS];
	int n = t->in[0].ndim, upper = (int)rnd(&t->r, 2);
	bool good = true;

	t->list[0][0] = (int64_t)rnd(&t->r, 9) - 4;
	t->in[1] = tensor_i64(0, NULL, t->list[0]);
	mel_node_add_int(&node, "upper", upper, NULL);
	if (n >= 2)
		good = !node_do(&node, t->in, t->out, NULL);
	for (size_t i = 0; n >= 2 && good && i < mel_tensor_count(t->out);
	     i++) {
		int64_t side;

		unravel(t->out, i, at);
		side = at[n - 1] - at[n - 2] - t->list[0][0];
		good = (upper ? side >= 0 : side <= 0)
			   ? same_at(t->out, i, t->in, i)
			   : value_at(t->out, i) == 0;
	}
	trial_end(t, &node);
	return good;
}

/* Any rank of indices into any axis, negative ones among them. */
static bool
gather(struct trial *t)
{
	struct mel_node node = node_new("Gather", 2, 1);
	int64_t dim[MEL_MAX_DIMS], at[MEL_MAX_DIMS], from[MEL_MAX_DIMS];
	int n = t->in[0].ndim, axis = n ? (int)rnd(&t->r, (uint32_t)n) : 0;
	int k = random_shape(&t->r, 2, dim);
	bool good = true, run = n && t->in[0].dim[axis];
	struct mel_tensor index = random_tensor(&t->r, MEL_I64, k, dim, 99);
	int64_t *v = index.data, len = run ? t->in[0].dim[axis] : 1;

	for (size_t i = 0; i < mel_tensor_count(&index); i++)
		v[i] = (int64_t)rnd(&t->r, 2 * (uint32_t)len) - len;
	t->in[1] = index;
	mel_node_add_int(&node, "axis", axis, NULL);
	if (run)
		good = !node_do(&node, t->in, t->out, NULL) &&
		       t->out[0].ndim == n + k - 1;
	for (size_t i = 0; run && good && i < mel_tensor_count(t->out); i++) {
		unravel(t->out, i, at);
		for (int d = 0; d < n; d++) {
			if (d != axis)
				from[d] = at[d < axis ? d : d + k - 1];
		}
		from[axis] = v[ravel(&index, at + axis)];
		from[axis] += from[axis] < 0 ? len : 0;
		good = same_at(t->out, i, t->in, ravel(t->in, from));
	}
	mel_tensor_free(&index);
	trial_end(t, &node);
	return good;
}

/* GatherElements, and ScatterElements of what it gave: nothing changes. */
static bool
elements(struct trial *t)
{
	struct mel_node get = node_new("GatherElements", 2, 1);
	struct mel_node put = node_new("ScatterElements", 3, 1);
	int64_t dim[MEL_MAX_DIMS], at[MEL_MAX_DIMS];
	int n = t->in[0].ndim, axis = n ? (int)rnd(&t->r, (uint32_t)n) : 0;
	bool good = true, run = n && mel_tensor_count(t->in);
	struct mel_tensor index, back[1] = {{0}};
	int32_t *v;

	for (int d = 0; d < n; d++)
		dim[d] = rnd(&t->r, (uint32_t)t->in[0].dim[d] + 1);
	if (n)
		dim[axis] = rnd(&t->r, 5);
	index = random_tensor(&t->r, MEL_I32, n, dim, 99);
	v = index.data;
	for (size_t i = 0; run && i < mel_tensor_count(&index); i++)
		v[i] = (int32_t)rnd(&t->r, 2 * (uint32_t)t->in[0].dim[axis]) -
		       (int32_t)t->in[0].dim[axis];
	t->in[1] = index;
	mel_node_add_int(&get, "axis", axis, NULL);
	mel_node_add_int(&put, "axis", axis, NULL);
	if (run)
		good = !node_do(&get, t->in, t->out, NULL);
	for (size_t i = 0; run && good && i < mel_tensor_count(t->out); i++) {
		unravel(t->out, i, at);
		at[axis] = v[i] < 0 ? v[i] + t->in[0].dim[axis] : v[i];
		good = same_at(t->out, i, t->in, ravel(t->in, at));
	}
	t->in[2] = t->out[0];
	if (run && good)
		good = !node_do(&put, t->in, back, NULL) &&
		       same_bytes(back, t->in);
	mel_tensor_free(back);
	mel_tensor_free(&index);
	mel_node_clear(&put);
	trial_end(t, &get);
	return good;
}

/* Long axes, which are copied in tiles, also by several threads. */
static void
large_transpose(enum mel_dtype type, int axes, const int64_t *perm)
{
	const int64_t dim[] = {3, 45, 67, 19};
	struct rnd r = {6};
	struct mel_tensor in[] = {random_tensor(&r, type, axes, dim, 99)};
	struct mel_tensor out[1], many[1];
	struct mel_node n = node_new("Transpose", 1, 1);
	int64_t at[MEL_MAX_DIMS], from[MEL_MAX_DIMS];
	struct mel_pool *pool;
	bool good;

	if (mel_pool_open(&pool, 3, NULL))
		abort();
	mel_node_add_ints(&n, "perm", perm, (size_t)axes, NULL);
	good = !node_do(&n, in, out, NULL) &&
	       !node_run_on(MEL_ISA_AUTO, pool, &n, in, many, NULL);
	for (size_t i = 0; good && i < mel_tensor_count(out); i++) {
		unravel(out, i, at);
		for (int d = 0; d < axes; d++)
			from[perm[d]] = at[d];
		good = same_at(out, i, in, ravel(in, from));
	}
	ok(good && same_bytes(out, many), "Transpose of %d long axes of %s",
	    axes, mel_dtype_name(type));
	mel_tensor_free(in);
	mel_tensor_free(out);
	mel_tensor_free(many);
	mel_node_clear(&n);
	mel_pool_close(pool);
}

int
main(void)
{
	large_transpose(MEL_F32, 4, (int64_t[]){0, 3, 2, 1});
	large_transpose(MEL_F32, 4, (int64_t[]){3, 0, 1, 2});
	large_transpose(MEL_I64, 4, (int64_t[]){1, 3, 0, 2});
	large_transpose(MEL_U8, 4, (int64_t[]){0, 2, 3, 1});
	large_transpose(MEL_I32, 3, (int64_t[]){0, 2, 1});
	static const struct {
		const char *name;
		bool (*fn)(struct trial *);
		int max; /* axes */
	} all[] = {
	    {"Transpose", transpose, 6},
	    {"Expand", expand, 5},
	    {"Tile", tile, 5},
	    {"Slice", slice, 4},
	    {"Split and Concat", split_concat, 4},
	    {"Pad", pad, 4},
	    {"Trilu", trilu, 4},
	    {"Gather", gather, 4},
	    {"GatherElements and ScatterElements", elements, 4},
	};
	struct trial t = {.r = {3}};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		int good = 0;

		for (int k = 0; k < ROUNDS; k++) {
			trial_start(&t, k, all[i].max);
			good += all[i].fn(&t);
		}
		ok(good == ROUNDS, "%s: %d of %d random cases", all[i].name,
		    good, ROUNDS);
	}
	return tap_done();
}
