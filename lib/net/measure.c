/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/measure.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "block/clock.h"
#include "net/bench.h"
#include "net/graph.h"
#include "net/netimpl.h"
#include "net/network.h"
#include "net/tally.h"

#define MB 1e6

struct report {
	struct mel_bench bench;
	struct mel_tally tally;
	uint64_t *time; /* [runs] [ns], rising */
	int runs;
	double open;  /* [ms] */
	size_t grown; /* by how much the process grew [bytes] */
	struct mel_buf *out;
};

/* The most memory that the process had at one time. */
static size_t
peak(void)
{
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	return (size_t)used.ru_maxrss * 1024;
}

static size_t
arena_bytes(const struct mel_frame *f)
{
	size_t n = f->arena_bytes;

	for (int i = 0; i < f->graph->n_body; i++)
		n += arena_bytes(&f->body[i]);
	return n;
}

static int
compare_time(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t
own_time(const struct mel_tally_node *n)
{
	return n->time - n->inner;
}

static int
compare_node(const void *a, const void *b)
{
	uint64_t x = own_time(a), y = own_time(b);

	return (x < y) - (x > y);
}

static const struct mel_node *
node_of(const struct mel_tally_node *n)
{
	return &n->graph->node[n->node];
}

/* " 1.234 ms 5.6 %" and the rate, if there is work. */
static int
put_share(const struct report *r, uint64_t ns, double work, double whole,
    struct mel_err *err)
{
	double ms = 1e-6 * (double)ns / r->runs;
	int rc = mel_buf_printf(r->out, err, "%.3f ms, %.1f %%", ms,
	    whole > 0 ? 100 * (double)ns / whole : 0.0);

	if (!rc && work > 0 && ns)
		rc = mel_buf_printf(
		    r->out, err, ", %.1f GFLOP/s", work / (double)ns);
	return rc;
}

static int
put_operators(const struct report *r, double whole, struct mel_err *err)
{
	const struct mel_tally *t = &r->tally;
	int rc = 0;

	for (size_t i = 0; !rc && i < t->n; i++) {
		const char *kind = node_of(&t->node[i])->kind;
		struct mel_tally_node sum = {0};
		bool seen = false;

		for (size_t k = 0; k < t->n; k++) {
			if (strcmp(node_of(&t->node[k])->kind, kind))
				continue;
			seen |= k < i;
			sum.runs += t->node[k].runs;
			sum.time += own_time(&t->node[k]);
			sum.work += t->node[k].work;
		}
		if (seen)
			continue;
		rc = mel_buf_printf(r->out, err, "operator %s %.0f: ", kind,
		    (double)sum.runs / r->runs);
		if (!rc)
			rc = put_share(r, sum.time, sum.work, whole, err);
		if (!rc)
			rc = mel_buf_puts(r->out, "\n", err);
	}
	return rc;
}

static int
put_nodes(struct report *r, struct mel_err *err)
{
	struct mel_tally *t = &r->tally;
	double whole = 0;
	int rc = 0;

	if (t->n)
		qsort(t->node, t->n, sizeof(*t->node), compare_node);
	for (size_t i = 0; i < t->n; i++)
		whole += (double)own_time(&t->node[i]);
	rc = put_operators(r, whole, err);
	for (size_t i = 0; !rc && i < t->n; i++) {
		const struct mel_tally_node *n = &t->node[i];

		rc = mel_buf_printf(r->out, err,
		    "node %s %s: ", node_of(n)->kind, node_of(n)->name);
		if (!rc)
			rc = put_share(r, own_time(n), n->work, whole, err);
		if (!rc)
			rc = mel_buf_puts(r->out, "\n", err);
	}
	return rc;
}

static int
put_whole(const struct report *r, struct mel_err *err)
{
	uint64_t median = r->time[r->runs / 2];
	double work = 0;
	int rc;

	for (size_t i = 0; i < r->tally.n; i++)
		work += r->tally.node[i].work / r->runs;
	rc = mel_buf_printf(r->out, err,
	    "open %.2f ms\ntime %.3f ms (%.3f to %.3f, %d runs)\n", r->open,
	    1e-6 * (double)median, 1e-6 * (double)r->time[0],
	    1e-6 * (double)r->time[r->runs - 1], r->runs);
	if (!rc && work > 0 && median)
		rc = mel_buf_printf(r->out, err,
		    "rate %.1f GFLOP/s (%.3f GFLOP)\n", work / (double)median,
		    1e-9 * work);
	if (!rc)
		rc = mel_buf_printf(r->out, err,
		    "planned %.1f MB\nmeasured %.1f MB\n",
		    (double)arena_bytes(&r->bench.session->frame) / MB,
		    (double)r->grown / MB);
	return rc;
}

/* Nodes are timed in runs of their own: looking at the clock takes time. */
static int
run_all(struct report *r, struct mel_err *err)
{
	for (int i = 0; i < r->runs; i++) {
		uint64_t begin = mel_clock_ns();

		if (mel_bench_run(&r->bench, err))
			return -1;
		r->time[i] = mel_clock_ns() - begin;
	}
	qsort(r->time, (size_t)r->runs, sizeof(*r->time), compare_time);
	mel_tally_start(&r->tally, &r->bench.session->exec);
	for (int i = 0; i < r->runs; i++) {
		if (mel_bench_run(&r->bench, err))
			return -1;
	}
	return r->tally.failed ? mel_fail(err, "out of memory") : 0;
}

int
mel_measure_time(
    const struct mel_measure *what, struct mel_buf *out, struct mel_err *err)
{
	struct report r = {.runs = what->runs, .out = out};
	uint64_t begin = mel_clock_ns();
	size_t before = peak();
	int rc = mel_bench_open(&r.bench, what, err);

	r.open = 1e-6 * (double)(mel_clock_ns() - begin);
	if (!rc) {
		r.time = mel_alloc((size_t)r.runs, sizeof(*r.time), err);
		rc = r.time ? run_all(&r, err) : -1;
	}
	r.grown = peak() - before;
	if (!rc)
		rc = put_whole(&r, err);
	if (!rc)
		rc = put_nodes(&r, err);
	mel_tally_free(&r.tally);
	mel_bench_close(&r.bench);
	free(r.time);
	return rc;
}
