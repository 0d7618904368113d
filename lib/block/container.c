/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "block/compose.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/option.h"
#include "block/block.h"
#include "block/decl.h"
#include "block/sequence.h"
#include "block/streamable.h"
#include "tensor/bundle.h"

/*
 * Members are ordered in waves: a member's wave comes after those of all
 * members that it needs something from. Members of one wave do not depend on
 * each other, so their order changes nothing, and they may run at once.
 */
struct container {
	struct mel_member *member; /* [n], of the options */
	size_t n;
	int *wave; /* [n] from 0 */
	int waves;
	bool parallel;
};

void
mel_member_close(struct mel_member *member)
{
	mel_sequence_close(member->sequence);
	mel_streamable_close(member->streamable);
	*member = (struct mel_member){0};
}

void
mel_member_list_clear(struct mel_member_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		mel_member_close(&list->item[i]);
	free(list->item);
	*list = (struct mel_member_list){0};
}

void
mel_member_list_free(struct mel_member_list *list)
{
	if (list)
		mel_member_list_clear(list);
	free(list);
}

static void
drop_list(void *list)
{
	mel_member_list_free(list);
}

/* The member that gives `name`, or n. */
static size_t
giver(const struct container *c, const char *name)
{
	size_t i = 0;

	while (i < c->n &&
	       !mel_decls_find(
		   &mel_sequence_spec_of(c->member[i].sequence)->gives, name))
		i++;
	return i;
}

/*
 * The wave of member i: one past the latest wave it needs, or -1 while one of
 * those is not known.
 */
static int
next_wave(const struct container *c, size_t i)
{
	const struct mel_decls *needs =
	    &mel_sequence_spec_of(c->member[i].sequence)->needs;
	int wave = 0;

	for (size_t k = 0; k < needs->n; k++) {
		size_t from = giver(c, needs->item[k].name);

		if (from == c->n)
			continue; /* comes from outside */
		if (c->wave[from] < 0)
			return -1;
		if (wave <= c->wave[from])
			wave = c->wave[from] + 1;
	}
	return wave;
}

static int
order_members(struct container *c, struct mel_err *err)
{
	size_t placed = 0, before;

	c->wave = mel_alloc(c->n, sizeof(*c->wave), err);
	if (!c->wave)
		return -1;
	for (size_t i = 0; i < c->n; i++)
		c->wave[i] = -1;
	do {
		before = placed;
		for (size_t i = 0; i < c->n; i++) {
			if (c->wave[i] >= 0)
				continue;
			c->wave[i] = next_wave(c, i);
			if (c->wave[i] < 0)
				continue;
			placed++;
			if (c->waves <= c->wave[i])
				c->waves = c->wave[i] + 1;
		}
	} while (placed > before);
	if (placed == c->n)
		return 0;
	for (size_t i = 0; i < c->n; i++) {
		if (c->wave[i] < 0)
			return mel_fail(err,
			    "%s needs, through others, what it gives itself",
			    mel_sequence_type_of(c->member[i].sequence)->name);
	}
	return 0;
}

static int
declare(const struct container *c, struct mel_sequence_spec *spec,
    struct mel_err *err)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct mel_sequence_spec *s =
		    mel_sequence_spec_of(c->member[i].sequence);

		for (size_t k = 0; k < s->gives.n; k++) {
			if (mel_decls_add(&spec->gives, &s->gives.item[k], err))
				return -1;
		}
		for (size_t k = 0; k < s->needs.n; k++) {
			const struct mel_decl *need = &s->needs.item[k];

			if (giver(c, need->name) < c->n ||
			    mel_decls_find(&spec->needs, need->name))
				continue;
			if (mel_decls_add(&spec->needs, need, err))
				return -1;
		}
	}
	return 0;
}

static int
open_container(void *state, const void *options, const struct mel_env *env,
    struct mel_sequence_spec *spec, struct mel_err *err)
{
	const struct mel_container_options *o = options;
	struct container *c = state;

	(void)env;
	if (!o || !o->blocks || !o->blocks->n)
		return mel_fail(err, "holds no block");
	c->member = o->blocks->item;
	c->n = o->blocks->n;
	if (declare(c, spec, err))
		return -1;
	return order_members(c, err);
}

static int
open_parallel(void *state, const void *options, const struct mel_env *env,
    struct mel_sequence_spec *spec, struct mel_err *err)
{
	struct container *c = state;

	c->parallel = true;
	return open_container(state, options, env, spec, err);
}

static int
connect_container(void *state, const struct mel_decls *have,
    struct mel_decls *gives, struct mel_err *err)
{
	struct container *c = state;
	struct mel_decls scope = {0}, inner = {0};
	int rc = 0;

	/* Inner names hide outer ones, so they are looked up first. */
	for (int wave = 0; !rc && wave < c->waves; wave++) {
		mel_decls_free(&scope);
		rc = mel_decls_add_new(&scope, &inner, err);
		if (!rc)
			rc = mel_decls_add_new(&scope, have, err);
		for (size_t i = 0; !rc && i < c->n; i++) {
			if (c->wave[i] == wave)
				rc = mel_sequence_connect(
				    c->member[i].sequence, &scope, &inner, err);
		}
	}
	if (!rc) {
		mel_decls_free(gives);
		*gives = inner;
	} else {
		mel_decls_free(&inner);
	}
	mel_decls_free(&scope);
	return rc;
}

/* One member of a wave, with a result of its own. */
struct job {
	struct mel_sequence *member;
	const struct mel_bundle *in;
	struct mel_bundle out;
	struct mel_err err;
	int rc;
	pthread_t thread;
	bool started;
};

static void *
run_job(void *arg)
{
	struct job *job = arg;

	job->rc = mel_sequence_run(job->member, job->in, &job->out, &job->err);
	return NULL;
}

/*
 * Runs the jobs, all at once if parallel. The caller's thread does the first;
 * a job whose thread cannot be had is an error, not done late: blocks of one
 * wave may count on each other running.
 */
static void
run_jobs(struct job *job, size_t n, bool parallel)
{
	for (size_t i = 1; parallel && i < n; i++) {
		job[i].started =
		    !pthread_create(&job[i].thread, NULL, run_job, &job[i]);
		if (!job[i].started)
			job[i].rc =
			    mel_fail(&job[i].err, "cannot start a thread");
	}
	for (size_t i = 0; i < n; i++) {
		if (!i || !parallel)
			run_job(&job[i]);
	}
	for (size_t i = 1; i < n; i++) {
		if (job[i].started)
			pthread_join(job[i].thread, NULL);
	}
}

/* Moves what a job gave into out. */
static int
collect(struct job *job, struct mel_bundle *out, struct mel_err *err)
{
	if (job->rc)
		return mel_fail(err, "%s", job->err.msg);
	for (size_t i = 0; i < job->out.n; i++) {
		struct mel_named *item = &job->out.item[i];

		if (mel_bundle_put(out, item->name, &item->tensor, err))
			return -1;
	}
	return 0;
}

static int
run_wave(const struct container *c, int wave, const struct mel_bundle *scope,
    struct mel_bundle *out, struct mel_err *err)
{
	struct job *job = mel_alloc(c->n, sizeof(*job), err);
	size_t n = 0;
	int rc = 0;

	if (!job)
		return -1;
	for (size_t i = 0; i < c->n; i++) {
		if (c->wave[i] == wave)
			job[n++] = (struct job){
			    .member = c->member[i].sequence, .in = scope};
	}
	run_jobs(job, n, c->parallel);
	for (size_t i = 0; i < n; i++) {
		if (!rc)
			rc = collect(&job[i], out, err);
		mel_bundle_free(&job[i].out);
	}
	free(job);
	return rc;
}

static int
run_container(void *state, const struct mel_bundle *in, struct mel_bundle *out,
    struct mel_err *err)
{
	const struct container *c = state;
	struct mel_bundle scope = {0};
	int rc = 0;

	for (int wave = 0; !rc && wave < c->waves; wave++) {
		mel_bundle_free(&scope);
		rc = mel_bundle_view_all(&scope, out, err);
		if (!rc)
			rc = mel_bundle_view_all(&scope, in, err);
		if (!rc)
			rc = run_wave(c, wave, &scope, out, err);
	}
	mel_bundle_free(&scope);
	return rc;
}

static void
close_container(void *state)
{
	struct container *c = state;

	free(c->wave);
}

const struct mel_member_list *
mel_container_members(const struct mel_sequence *block)
{
	const struct mel_sequence_type *type = mel_sequence_type_of(block);
	const struct mel_container_options *o = mel_sequence_options_of(block);

	return type == &mel_container_type || type == &mel_encoders_type
		   ? o->blocks
		   : NULL;
}

static const struct mel_option container_options[] = {
    {"blocks", 0, MEL_OPT_OBJECT,
	offsetof(struct mel_container_options, blocks),
	.object = "sequence_blocks", .drop = drop_list, .arg = "LIST",
	.required = true, .help = "its members"},
    {0},
};

static const struct mel_option encoders_options[] = {
    {"blocks", 0, MEL_OPT_OBJECT,
	offsetof(struct mel_container_options, blocks), .object = "encoders",
	.drop = drop_list, .arg = "LIST",
	.help = "its members; the addon's encoders if not given"},
    {0},
};

const struct mel_sequence_type mel_container_type = {
    .abi = MEL_BLOCK_ABI,
    .name = "SequenceBlockContainer",
    .help = "runs its members in the order that their tensors demand",
    .options = container_options,
    .options_size = sizeof(struct mel_container_options),
    .state_size = sizeof(struct container),
    .open = open_container,
    .connect = connect_container,
    .run = run_container,
    .close = close_container,
};

const struct mel_sequence_type mel_encoders_type = {
    .abi = MEL_BLOCK_ABI,
    .name = "Encoders",
    .help = "all encoders of the addon",
    .options = encoders_options,
    .options_size = sizeof(struct mel_container_options),
    .state_size = sizeof(struct container),
    .open = open_container,
    .connect = connect_container,
    .run = run_container,
    .close = close_container,
};

const struct mel_sequence_type mel_parallel_encoders_type = {
    .abi = MEL_BLOCK_ABI,
    .name = "ParallelEncoders",
    .help = "all encoders of the addon, independent ones at once",
    .options = encoders_options,
    .options_size = sizeof(struct mel_container_options),
    .state_size = sizeof(struct container),
    .open = open_parallel,
    .connect = connect_container,
    .run = run_container,
    .close = close_container,
};
