/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "block/block.h"
#include "block/env.h"
#include "net/fixed.h"
#include "net/netdef.h"
#include "net/netrows.h"

static int64_t
fixed_lookahead(const struct mel_netrows *b)
{
	const struct mel_fixed *fixed = b->options->network->fixed;

	return fixed->split ? mel_fixed_largest(fixed) : MEL_WHOLE;
}

static int
open_fixed(
    struct mel_netrows *b, const struct mel_env *env, struct mel_err *err)
{
	return mel_windows_open(&b->windows, b->options->network, env, err);
}

static int
begin_fixed(struct mel_netrows *b, struct mel_err *err)
{
	(void)err;
	mel_windows_begin(&b->windows);
	return 0;
}

static int
run_window(struct mel_netrows *b, const struct mel_windows_have *have,
    const struct mel_feed_part *part, struct mel_err *err)
{
	struct mel_tensor rows = mel_netrows_view(b, part->first, part->steps);

	b->given += b->result.dtype ? b->result.dim[0] : 0;
	b->next = 0;
	mel_tensor_free(&b->window);
	b->result = (struct mel_tensor){0};
	if (mel_feed_fill_part(&b->feed, b->data, &rows, part, err) ||
	    mel_windows_run(&b->windows, have, &b->feed, part, err) ||
	    mel_windows_take(
		&b->windows, b->output, &b->window, &b->result, err))
		return -1;
	b->ran = b->windows.done;
	return mel_netrows_check(b, err);
}

/* n more rows for a window; all there are if utterances are not split. */
static int
more_rows(struct mel_netrows *b, int64_t n, struct mel_err *err)
{
	if (!b->options->network->fixed->split)
		return mel_inflow_take_all(&b->flow, b->upstream, err);
	mel_inflow_drop(&b->flow, b->upstream, mel_windows_keep(&b->windows));
	return mel_inflow_take(&b->flow, b->upstream, n, err);
}

/* The next window, with rows of upstream as far as it needs them. */
static int
make_window(struct mel_netrows *b, int64_t wanted, struct mel_err *err)
{
	struct mel_windows_have have = {.steps = b->flow.fed};
	struct mel_feed_part part;
	int64_t need;
	int rc =
	    mel_windows_next(&b->windows, &have, wanted, &part, &need, err);

	if (need) {
		if (more_rows(b, need, err))
			return -1;
		have = (struct mel_windows_have){b->flow.fed, b->flow.ended};
		if (!b->flow.fed) {
			b->ran = true; /* nothing to say: no rows, no error */
			return 0;
		}
		rc = mel_windows_next(
		    &b->windows, &have, wanted, &part, &need, err);
	}
	return rc < 0 ? -1 : run_window(b, &have, &part, err);
}

const struct mel_netrows_way mel_netrows_fixed = {
    .lookahead = fixed_lookahead,
    .open = open_fixed,
    .begin = begin_fixed,
    .make = make_window,
};
