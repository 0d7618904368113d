/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "addon/addon.h"
#include "addon/lock.h"
#include "addon/verify.h"
#include "addon_info.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/pool.h"
#include "block/block.h"
#include "net/backend.h"

#define TURNS     3    /* of what is timed; middle() counts on it */
#define LONG_ROWS 1000 /* of noise: longer than any block that is usual */

/* What is printed of one voice. */
struct table {
	struct voice *voice;
	struct mel_verify *verify;
	int64_t block;
	int wrong, compared;
	int64_t longest;     /* rows that both runs took */
	struct mel_buf text; /* all that was printed */
};

/* Prints, and keeps it for --write. */
static void say(struct table *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
say(struct table *t, const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	fputs(line, stdout);
	if (mel_buf_puts(&t->text, line, NULL))
		tool_die("out of memory");
}

/* No proof but a figure. */
static bool
is_measured(const struct table *t, const struct mel_verify_result *r)
{
	return !r->same && mel_verify_inexact(t->verify);
}

/*
 * Both runs; false, and a line, if the voice does not take that length. Of
 * programs that is believed only beyond a length that they take.
 */
static bool
run(struct table *t, int64_t n, int64_t chunk, struct mel_verify_result *r)
{
	struct mel_err err;
	int rc = mel_verify_run(t->verify, n, chunk, r, &err);

	if (!rc && n > t->longest)
		t->longest = n;
	if (rc < 0 || (rc == 2 && (!t->longest || n <= t->longest)))
		tool_die("%lld rows by %lld: %s", (long long)n,
		    (long long)chunk, err.msg);
	if (rc)
		say(t, "note %7lld rows by %5lld: %s\n", (long long)n,
		    (long long)chunk, err.msg);
	t->compared += !rc;
	return !rc;
}

static void
compare(struct table *t, int64_t n, int64_t chunk)
{
	struct mel_verify_result r;

	if (!run(t, n, chunk, &r))
		return;
	t->wrong += r.bad >= 0;
	say(t, "%s %7lld rows by %5lld: ",
	    r.bad >= 0           ? "FAIL"
	    : is_measured(t, &r) ? "diff"
				 : "ok  ",
	    (long long)n, (long long)chunk);
	if (r.bad >= 0)
		say(t, "differ from row %lld on, largest difference %g\n",
		    (long long)r.bad, r.difference);
	else if (r.same)
		say(t, "%lld rows, same bytes\n", (long long)r.rows);
	else
		say(t, "%lld rows, %s %.2g of %.3g\n", (long long)r.rows,
		    is_measured(t, &r) ? "measured error"
				       : "largest difference",
		    r.difference, r.scale);
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

/* The one between the two others, or one of equals. */
static double
middle(const double x[TURNS])
{
	double least = x[0], most = x[0], sum = 0;

	for (int i = 0; i < TURNS; i++) {
		least = x[i] < least ? x[i] : least;
		most = x[i] > most ? x[i] : most;
		sum += x[i];
	}
	return sum - least - most;
}

/* One length; the machine may have other work, so it is not done once only. */
static void
print_time(struct table *t, int seconds, int64_t rows)
{
	double first[2][TURNS], all[2][TURNS];
	struct mel_verify_result r;

	for (int i = 0; i < TURNS; i++) {
		if (!run(t, rows, t->block, &r))
			return;
		t->wrong += r.bad >= 0;
		first[0][i] = r.stream_first_ms;
		first[1][i] = r.whole_first_ms;
		all[0][i] = r.stream_ms;
		all[1][i] = r.whole_ms;
	}
	say(t, "%-9d %10.2f%10.2f %10.2f%10.2f\n", seconds, middle(first[0]),
	    middle(first[1]), middle(all[0]), middle(all[1]));
}

/* Until the first block is there, and in all. */
static void
print_times(struct table *t)
{
	static const int seconds[] = {1, 3, 10, 30};
	double rate = mel_verify_rate(t->verify);

	if (rate <= 0)
		return;
	say(t, "speech       first rows [ms]      all rows [ms]\n"
	       "[s]         streamed     whole   streamed     whole\n");
	for (size_t i = 0; i < sizeof(seconds) / sizeof(*seconds); i++)
		print_time(t, seconds[i], (int64_t)(seconds[i] * rate));
}

static void
verify(
    struct table *t, struct mel_pool *pool, const struct mel_backend *backend)
{
	struct mel_env env = t->voice->env;
	struct mel_err err;
	int64_t ahead;

	env.pool = pool;
	env.backend = backend;
	t->longest = 0;
	if (mel_verify_open(&t->verify, t->voice->addon, &env, &err))
		tool_die("%s", err.msg);
	ahead = mel_verify_lookahead(t->verify);
	say(t, "context %s, threads %d, look-ahead: ",
	    voice_contexts[backend ? VOICE_FIXED : VOICE_CPU],
	    mel_pool_threads(pool));
	if (ahead == MEL_WHOLE)
		say(t, "all rows\n");
	else
		say(t, "%lld rows\n", (long long)ahead);
	if (mel_verify_inexact(t->verify))
		say(t, "windows were asked for: not exact, errors are "
		       "measured on noise\n");
	compare_all(t);
	print_times(t);
	mel_verify_close(t->verify);
}

/* On one thread and on all that were asked for. */
static void
verify_context(struct table *t, const struct mel_backend *backend)
{
	verify(t, NULL, backend);
	if (mel_pool_threads(t->voice->pool) > 1)
		verify(t, t->voice->pool, backend);
}

static bool
is_compiled(const struct mel_addon *addon)
{
	struct mel_buf path = {0};
	bool there;

	if (mel_buf_printf(&path, NULL, "%s/%s", addon->dir, MEL_ADDON_LOCK))
		tool_die("out of memory");
	there = !access(path.data, F_OK);
	mel_buf_free(&path);
	return there;
}

static void
write_result(const struct table *t)
{
	const struct mel_addon *a = t->voice->addon;
	struct mel_buf path = {0};
	struct mel_outfile out;
	struct mel_err err;

	if (mel_buf_printf(&path, &err, "%s/%s", a->dir, MEL_ADDON_VERIFIED) ||
	    mel_outfile_open(&out, path.data, &err) ||
	    mel_write_full(out.fd, t->text.data, t->text.len, &err) ||
	    mel_outfile_commit(&out, &err))
		tool_die("%s", err.msg);
	mel_buf_free(&path);
}

int
addon_verify(const struct addon_options *o, const char *name)
{
	struct voice_options choice = o->voice;
	struct voice v;
	struct table t = {.voice = &v, .block = o->block};

	choice.addon = (char *)(uintptr_t)name;
	voice_open(&v, &choice, NULL);
	if (o->write)
		say(&t, "%s %.12s, melpipe %s\n", v.addon->name,
		    v.addon->digest, MEL_VERSION);
	verify_context(&t, NULL);
	if (is_compiled(v.addon))
		verify_context(&t, &mel_backend_processor);
	tool_print("");
	if (!t.compared) {
		tool_warn("%s: no length was compared", v.addon->name);
		t.wrong++;
	}
	if (o->write && !t.wrong)
		write_result(&t);
	mel_buf_free(&t.text);
	voice_close(&v);
	return t.wrong > 0;
}
