/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/inputs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/option.h"
#include "base/rng.h"
#include "net/graph.h"
#include "tensor/npy.h"
#include "tensor/tensor.h"

#define MAX_INPUT ((size_t)1 << 34) /* largest .npy [bytes] */

static int
load_input(const struct mel_graph *g, const char *arg, struct mel_tensor *in,
    struct mel_err *err)
{
	const char *file = strchr(arg, '=');

	if (!file)
		return mel_fail(err, "input %s: not NAME=FILE", arg);
	for (int i = 0; i < g->n_input; i++) {
		const char *name = g->input[i].name;

		if (strlen(name) != (size_t)(file - arg) ||
		    strncmp(name, arg, strlen(name)))
			continue;
		if (in[i].dtype)
			return mel_fail(err, "input %s: given twice", name);
		return mel_npy_load(&in[i], file + 1, MAX_INPUT, err);
	}
	return mel_fail(
	    err, "input %s: the network has none of this name", arg);
}

int
mel_inputs_load(const struct mel_graph *g, const struct mel_strings *files,
    struct mel_tensor *in, struct mel_err *err)
{
	for (size_t i = 0; i < files->n; i++) {
		if (load_input(g, files->item[i], in, err))
			return -1;
	}
	return 0;
}

int
mel_inputs_check(
    const struct mel_graph *g, const struct mel_tensor *in, struct mel_err *err)
{
	for (int i = 0; i < g->n_input; i++) {
		if (!in[i].dtype)
			return mel_fail(
			    err, "input %s: not given", g->input[i].name);
	}
	return 0;
}

/* True if text begins with KEY=; *value: what is behind. */
static bool
is_key(const char *text, const char *key, const char **value)
{
	size_t n = key ? strlen(key) : 0;

	if (!n || strncmp(text, key, n) || text[n] != '=')
		return false;
	*value = text + n + 1;
	return true;
}

/* True if the word is about this axis. */
static bool
is_axis(const struct mel_io *io, int axis, const char *word, const char **value)
{
	const char *dot = word + strlen(io->name);
	char number[16];

	if (is_key(word, io->symbol[axis], value))
		return true;
	snprintf(number, sizeof(number), ".%d", axis);
	return !strncmp(word, io->name, strlen(io->name)) &&
	       is_key(dot, number, value);
}

static int
read_length(
    const char *word, const char *text, int64_t *length, struct mel_err *err)
{
	char *end;
	long long n = strtoll(text, &end, 10);

	if (end == text || *end || n < 0)
		return mel_fail(err, "%s: not AXIS=LENGTH", word);
	*length = n;
	return 0;
}

/* A word that no input knows is a mistake. */
static int
check_words(const struct mel_graph *g, const struct mel_strings *dims,
    struct mel_err *err)
{
	for (size_t k = 0; k < dims->n; k++) {
		bool known = false;
		const char *text;

		for (int i = 0; i < g->n_input; i++) {
			for (int d = 0; d < g->input[i].ndim; d++)
				known |= g->input[i].dim[d] < 0 &&
					 is_axis(&g->input[i], d, dims->item[k],
					     &text);
		}
		if (!known)
			return mel_fail(err,
			    "%s: no input has an open axis of this name",
			    dims->item[k]);
	}
	return 0;
}

static int
find_length(const struct mel_io *io, int axis, const struct mel_strings *dims,
    int64_t *length, struct mel_err *err)
{
	const char *text;

	if (io->dim[axis] >= 0) {
		*length = io->dim[axis];
		return 0;
	}
	for (size_t k = 0; k < dims->n; k++) {
		if (is_axis(io, axis, dims->item[k], &text))
			return read_length(dims->item[k], text, length, err);
	}
	if (io->symbol[axis])
		return mel_fail(err, "input %s: how long is axis %s?", io->name,
		    io->symbol[axis]);
	return mel_fail(
	    err, "input %s: how long is axis %s.%d?", io->name, io->name, axis);
}

/* key: which of the inputs it is. */
static void
fill(struct mel_tensor *t, uint64_t key)
{
	size_t n = mel_tensor_count(t);

	for (size_t i = 0; i < n; i++) {
		if (t->dtype == MEL_F32)
			((float *)t->data)[i] =
			    mel_rng_uniform(1, key, i) - 0.5f;
		else if (t->dtype == MEL_I64)
			((int64_t *)t->data)[i] = 1;
		else if (t->dtype == MEL_I32)
			((int32_t *)t->data)[i] = 1;
		else
			((uint8_t *)t->data)[i] = 1;
	}
}

static int
invent(const struct mel_io *io, const struct mel_strings *dims, uint64_t key,
    struct mel_tensor *t, struct mel_err *err)
{
	int64_t dim[MEL_MAX_DIMS];

	if (io->sequence || io->ndim < 0 ||
	    (io->dtype != MEL_F32 && io->dtype != MEL_I64 &&
		io->dtype != MEL_I32 && io->dtype != MEL_BOOL &&
		io->dtype != MEL_U8))
		return mel_fail(err, "input %s: cannot be made up", io->name);
	for (int d = 0; d < io->ndim; d++) {
		if (find_length(io, d, dims, &dim[d], err))
			return -1;
	}
	if (mel_tensor_new(t, io->dtype, io->ndim, dim, err))
		return -1;
	fill(t, key);
	return 0;
}

int
mel_inputs_invent(const struct mel_graph *g, const struct mel_strings *dims,
    struct mel_tensor *in, struct mel_err *err)
{
	if (check_words(g, dims, err))
		return -1;
	for (int i = 0; i < g->n_input; i++) {
		if (!in[i].dtype &&
		    invent(&g->input[i], dims, (uint64_t)i, &in[i], err))
			return -1;
	}
	return 0;
}
