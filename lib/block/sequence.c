/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "block/sequence.h"

#include <assert.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/option.h"
#include "block/block.h"
#include "block/clock.h"
#include "block/decl.h"
#include "tensor/bundle.h"

struct mel_sequence {
	const struct mel_sequence_type *type;
	void *options; /* owned */
	void *state;   /* owned */
	char *where;   /* owned; place in the addon, for messages */
	struct mel_sequence_spec spec;
	uint64_t calls;
	uint64_t busy_ns;
};

int
mel_sequence_open(struct mel_sequence **block,
    const struct mel_sequence_type *type, void *options, const char *where,
    const struct mel_env *env, struct mel_err *err)
{
	struct mel_sequence *b = mel_alloc(1, sizeof(*b), err);

	if (!b)
		return -1;
	b->type = type;
	b->where = mel_strdup(where, err);
	b->state = mel_alloc(1, type->state_size, err);
	if (!b->where || !b->state ||
	    type->open(b->state, options, env, &b->spec, err)) {
		mel_sequence_close(b); /* has no options yet */
		return -1;
	}
	b->options = options;
	*block = b;
	return 0;
}

void
mel_sequence_close(struct mel_sequence *b)
{
	if (!b)
		return;
	if (b->state && b->type->close)
		b->type->close(b->state);
	if (b->options)
		mel_options_free(b->type->options, b->options);
	free(b->options);
	free(b->state);
	free(b->where);
	mel_decls_free(&b->spec.needs);
	mel_decls_free(&b->spec.gives);
	free(b);
}

const struct mel_sequence_type *
mel_sequence_type_of(const struct mel_sequence *b)
{
	return b->type;
}

const struct mel_sequence_spec *
mel_sequence_spec_of(const struct mel_sequence *b)
{
	return &b->spec;
}

const void *
mel_sequence_options_of(const struct mel_sequence *b)
{
	return b->options;
}

const char *
mel_sequence_where_of(const struct mel_sequence *b)
{
	return b->where;
}

int
mel_sequence_connect(struct mel_sequence *b, const struct mel_decls *have,
    struct mel_decls *gives, struct mel_err *err)
{
	struct mel_decls own = {0};
	int rc = mel_decls_add_new(&own, &b->spec.gives, err);

	if (!rc && b->type->connect)
		rc = b->type->connect(b->state, have, &own, err);
	else if (!rc)
		rc = mel_decls_check(&b->spec.needs, have, err);
	if (rc)
		mel_fail_in(err, "%s", b->where);
	for (size_t i = 0; !rc && i < own.n; i++) {
		rc = mel_decls_add(gives, &own.item[i], err);
		if (rc)
			mel_fail_in(err, "%s", b->where);
	}
	mel_decls_free(&own);
	return rc;
}

static int
check_outputs(const struct mel_sequence *b, const struct mel_bundle *out,
    struct mel_err *err)
{
	const struct mel_decls *gives = &b->spec.gives;

	for (size_t i = 0; i < gives->n; i++) {
		const struct mel_tensor *t =
		    mel_bundle_get(out, gives->item[i].name);

		if (!t)
			return mel_fail(
			    err, "did not give \"%s\"", gives->item[i].name);
		if (mel_decl_check_tensor(&gives->item[i], t, err))
			return -1;
	}
	if (out->n != gives->n)
		return mel_fail(
		    err, "gave %zu tensors, declared %zu", out->n, gives->n);
	return 0;
}

int
mel_sequence_run(struct mel_sequence *b, const struct mel_bundle *in,
    struct mel_bundle *out, struct mel_err *err)
{
	uint64_t start = mel_clock_ns();
	int rc;

	assert(!out->n);
	rc = mel_decls_check_bundle(&b->spec.needs, in, err);
	if (!rc)
		rc = b->type->run(b->state, in, out, err);
	if (!rc)
		rc = check_outputs(b, out, err);
	b->calls++;
	b->busy_ns += mel_clock_ns() - start;
	if (!rc)
		return 0;
	mel_bundle_free(out);
	return mel_fail_in(err, "%s", b->where);
}

uint64_t
mel_sequence_calls(const struct mel_sequence *b)
{
	return b->calls;
}

uint64_t
mel_sequence_busy_ns(const struct mel_sequence *b)
{
	return b->busy_ns;
}
