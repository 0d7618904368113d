/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "addon/addon.h"
#include "addon/verify.h"
#include "addon_info.h"
#include "base/err.h"
#include "base/pool.h"
#include "block/block.h"

#define LONG_ROWS 1000 /* of noise: longer than any block that is usual */

/* What is printed of one voice. */
struct table {
	struct voice *voice;
	struct mel_verify *verify;
	int64_t block;
	int wrong;
};

static void
compare(struct table *t, int64_t n, int64_t chunk)
{
	struct mel_verify_result r;
	struct mel_err err;

	if (mel_verify_run(t->verify, n, chunk, &r, &err))
		tool_die("%lld rows by %lld: %s", (long long)n,
		    (long long)chunk, err.msg);
	t->wrong += r.bad >= 0;
	if (r.bad < 0)
		printf("ok   %7lld rows by %5lld: %lld rows, same bytes\n",
		    (long long)n, (long long)chunk, (long long)r.rows);
	else
		printf("FAIL %7lld rows by %5lld: differ from row %lld on, "
		       "largest difference %g\n",
		    (long long)n, (long long)chunk, (long long)r.bad,
		    r.difference);
}

/* The lengths at which cutting goes wrong if it does. */
static void
compare_all(struct table *t)
{
	int64_t ahead = mel_verify_lookahead(t->verify), b = t->block;
	const int64_t reach = ahead == MEL_WHOLE ? 0 : ahead;
	const int64_t rows[] = {
	    1, b - 1, b, b + 1, b + reach, 2 * b - 1, LONG_ROWS};
	const int64_t chunks[] = {1, 7, b, 10000};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		for (size_t k = 0; k < sizeof(chunks) / sizeof(*chunks); k++) {
			/* A row at a time on a long one says nothing new. */
			if (rows[i] && (chunks[k] > 1 || rows[i] < LONG_ROWS))
				compare(t, rows[i], chunks[k]);
		}
	}
}

/* Until the first block is there, and in all. */
static void
print_times(struct table *t)
{
	static const int seconds[] = {1, 3, 10, 30};
	double rate = mel_verify_rate(t->verify);
	struct mel_verify_result r;
	struct mel_err err;

	if (rate <= 0)
		return;
	printf("speech       first rows [ms]      all rows [ms]\n"
	       "[s]         streamed     whole   streamed     whole\n");
	for (size_t i = 0; i < sizeof(seconds) / sizeof(*seconds); i++) {
		if (mel_verify_run(t->verify, (int64_t)(seconds[i] * rate),
			t->block, &r, &err))
			tool_die("%d s: %s", seconds[i], err.msg);
		t->wrong += r.bad >= 0;
		printf("%-9d %10.2f%10.2f %10.2f%10.2f\n", seconds[i],
		    r.stream_first_ms, r.whole_first_ms, r.stream_ms,
		    r.whole_ms);
	}
}

static void
verify(struct table *t, struct mel_pool *pool)
{
	struct mel_env env = t->voice->env;
	struct mel_err err;
	int64_t ahead;

	env.pool = pool;
	if (mel_verify_open(&t->verify, t->voice->addon, &env, &err))
		tool_die("%s", err.msg);
	ahead = mel_verify_lookahead(t->verify);
	if (ahead == MEL_WHOLE)
		printf("context cpu, threads %d, look-ahead: all rows\n",
		    mel_pool_threads(pool));
	else
		printf("context cpu, threads %d, look-ahead: %lld rows\n",
		    mel_pool_threads(pool), (long long)ahead);
	compare_all(t);
	print_times(t);
	mel_verify_close(t->verify);
}

int
addon_verify(const struct addon_options *o, const char *name)
{
	struct voice_options choice = o->voice;
	struct voice v;
	struct table t = {.voice = &v, .block = o->block};

	choice.addon = (char *)(uintptr_t)name;
	voice_open(&v, &choice, NULL);
	verify(&t, NULL);
	if (mel_pool_threads(v.pool) > 1)
		verify(&t, v.pool);
	tool_print("");
	voice_close(&v);
	return t.wrong > 0;
}
