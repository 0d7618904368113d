/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WORK_H
#define WORK_H

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "addon/addon.h"
#include "addon/builtin.h"
#include "addon/stage.h"
#include "addon/utter.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/option.h"
#include "base/pool.h"
#include "block/env.h"
#include "block/peer.h"
#include "block/registry.h"
#include "dsp/contract.h"
#include "dsp/griffin.h"
#include "dsp/inverse.h"
#include "dsp/mel.h"
#include "dsp/rtisi.h"
#include "net/backend.h"
#include "net/compile.h"
#include "net/feed.h"
#include "net/fixed.h"
#include "base/isa.h"
#include "net/netdef.h"
#include "net/network.h"
#include "net/windows.h"
#include "tensor/ark.h"
#include "tensor/bundle.h"
#include "tensor/head.h"
#include "tensor/npy.h"
#include "tensor/reader.h"
#include "tensor/record.h"
#include "tensor/tensor.h"
#include "tensor/utterance.h"
#include "tensor/writer.h"

/*
 * Pieces of work through the whole library, whose result is one number: for
 * tests that do them under odd conditions and want the same result, or a
 * message. They use nothing of each other and may run at once.
 */

/* FNV-1a over what came out of the work. */
static inline uint64_t
hash(uint64_t h, const void *data, size_t n)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3;
	return h;
}

static inline uint64_t
hash_tensor(uint64_t h, const struct mel_tensor *t)
{
	h = hash(h, t->dim, (size_t)t->ndim * sizeof(*t->dim));
	return hash(h, t->data, mel_tensor_bytes(t));
}

/* 0 and *result, or -1 with a message. */
typedef int work_fn(uint64_t *result, struct mel_err *err);

/* Made by work_setup: mel, and what an encoder gives. */
static struct mel_buf stream, sequences;

/* Appends what was written to the file. */
static inline int
keep(int fd, struct mel_buf *out, struct mel_err *err)
{
	char part[4096];
	ssize_t n;

	if (lseek(fd, 0, SEEK_SET))
		return mel_fail_errno(err, "lseek");
	do {
		n = mel_read_full(fd, part, sizeof(part), err);
		if (n < 0 || mel_buf_add(out, part, (size_t)n, err))
			return -1;
	} while (n);
	return 0;
}

struct bytes {
	const struct mel_buf *from;
	size_t at;
};

static inline ssize_t
read_bytes(void *ctx, void *buf, size_t n)
{
	struct bytes *b = ctx;

	if (n > b->from->len - b->at)
		n = b->from->len - b->at;
	memcpy(buf, b->from->data + b->at, n);
	b->at += n;
	return (ssize_t)n;
}

static inline int
read_stream(uint64_t *h, struct mel_err *err)
{
	struct bytes bytes = {.from = &stream};
	struct mel_utterance u = {0};
	struct mel_reader *reader;
	int rc;

	if (mel_reader_open(&reader, read_bytes, &bytes, "bytes", 0, err))
		return -1;
	while ((rc = mel_utterance_next(&u, reader, NULL, err)) > 0) {
		*h = hash(*h, u.key, strlen(u.key));
		for (size_t i = 0; i < u.tensors.n; i++)
			*h = hash_tensor(*h, &u.tensors.item[i].tensor);
	}
	mel_utterance_free(&u);
	mel_reader_close(reader);
	return rc;
}

/* The registry, addon and stage of a tool. */
struct voice {
	struct mel_registry registry;
	struct mel_addon *addon;
	struct mel_env env;
	struct mel_utter utter;
	int fd;
};

static inline void
voice_close(struct voice *v)
{
	mel_writer_close(v->utter.writer);
	mel_stage_close(v->utter.stage);
	mel_utter_free(&v->utter);
	mel_addon_close(v->addon);
	mel_registry_free(&v->registry);
	if (v->fd > 0)
		close(v->fd);
}

static inline int
voice_open(struct voice *v, size_t first, size_t last,
    const struct mel_head *head, struct mel_err *err)
{
	struct mel_writer_options options = {.tool = "oom"};
	struct mel_stage_options stage = {
	    .first = first, .last = last, .head = head, .env = &v->env};

	*v = (struct voice){.fd = open("/tmp", O_TMPFILE | O_RDWR, 0600)};
	v->utter.block = 2;
	if (v->fd < 0)
		return mel_fail_errno(err, "/tmp");
	if (mel_builtin_blocks(&v->registry, err) ||
	    mel_addon_open(
		&v->addon, "test/data/tiny", &v->registry, MEL_ISA_AUTO, err))
		return -1;
	stage.addon = v->addon;
	return mel_stage_open(&v->utter.stage, &stage, err) ||
		       mel_writer_open(&v->utter.writer, v->fd, &options, err)
		   ? -1
		   : 0;
}

static inline int
say(struct voice *v, const char *key, const char *text, struct mel_err *err)
{
	int64_t n = (int64_t)strlen(text);
	struct mel_tensor t =
	    mel_tensor_view(MEL_U8, 1, &n, (void *)(uintptr_t)text);
	struct mel_bundle data = {0};
	json_t *begin = json_pack("{s:s, s:s}", "key", key, "text", text);
	int rc = begin ? 0 : mel_fail(err, "out of memory");

	if (!rc)
		rc = mel_bundle_put(&data, "text", &t, err);
	if (!rc)
		rc = mel_bundle_put_f32(&data, "control:speed", 1, err);
	if (!rc)
		rc = mel_utter_run(&v->utter, begin, &data, NULL, err);
	if (!rc)
		rc = mel_writer_end(v->utter.writer, NULL, err);
	mel_stage_reset(v->utter.stage);
	mel_bundle_free(&data);
	json_decref(begin);
	return rc;
}

/* Text to mel, or to what stands before the stack's second position. */
static inline int
speak(size_t last, struct mel_buf *out, struct mel_err *err)
{
	struct voice v;
	int rc = voice_open(&v, 0, last, NULL, err);

	if (!rc)
		rc = mel_writer_head(
		    v.utter.writer, mel_stage_head(v.utter.stage), err);
	if (!rc)
		rc = say(&v, "a", "2 1", err);
	if (!rc)
		rc = say(&v, "b", "3", err);
	if (!rc)
		rc = mel_writer_finish(v.utter.writer, err);
	if (!rc)
		rc = keep(v.fd, out, err);
	voice_close(&v);
	return rc;
}

static inline int
speak_all(uint64_t *h, struct mel_err *err)
{
	struct mel_buf out = {0};
	int rc = speak(3, &out, err);

	*h = hash(*h, out.data, out.len);
	mel_buf_free(&out);
	return rc;
}

static inline int
relay(uint64_t *h, struct mel_err *err)
{
	struct bytes bytes = {.from = &sequences};
	struct mel_relay relay = {0};
	struct mel_buf out = {0};
	struct mel_record record;
	struct voice v = {0};
	int rc =
	    mel_reader_open(&relay.reader, read_bytes, &bytes, "bytes", 0, err);

	if (!rc && mel_reader_next(relay.reader, &record, err) <= 0)
		rc = -1;
	if (!rc)
		rc = voice_open(&v, 1, 3, mel_reader_head(relay.reader), err);
	if (!rc) {
		relay.utter = v.utter;
		rc = mel_relay_run(&relay, err);
		v.utter = relay.utter;
	}
	/* An utterance that fails is no failure of the stream. */
	if (!rc && relay.errors)
		rc = mel_fail(err, "out of memory");
	if (!rc)
		rc = keep(v.fd, &out, err);
	*h = hash(*h, out.data, out.len);
	mel_buf_free(&out);
	voice_close(&v);
	mel_reader_close(relay.reader);
	return rc;
}

static inline int
write_records(struct mel_writer *w, const struct mel_head *head,
    const struct mel_tensor *t, json_t *meta, struct mel_err *err)
{
	if (mel_writer_head(w, head, err) || mel_writer_note(w, meta, err))
		return -1;
	for (int i = 0; i < 2; i++) {
		if (mel_writer_begin(w, meta, err) ||
		    mel_writer_data(w, 0, t, err) ||
		    mel_writer_data(w, 0, t, err))
			return -1;
		if (i ? mel_writer_error(w, "k", NULL, "why", err)
		      : mel_writer_end(w, NULL, err))
			return -1;
	}
	return mel_writer_finish(w, err);
}

/* A stream that is the same each time. */
static inline int
write_all(struct mel_writer *w, struct mel_err *err)
{
	struct mel_port port = {.name = (char[]){"mel"},
	    .dtype = MEL_F32,
	    .ndim = 2,
	    .dim = {MEL_OPEN, 4},
	    .sort = MEL_ROWS};
	struct mel_head head = {0};
	struct mel_tensor t = {0};
	json_t *meta = json_pack("{s:s, s:i}", "key", "k", "t0", 7);
	int rc = meta ? 0 : mel_fail(err, "out of memory");

	if (!rc)
		rc = mel_head_add(&head, &port, err);
	if (!rc)
		rc = mel_tensor_new(&t, MEL_F32, 2, (int64_t[]){20, 4}, err);
	if (!rc) {
		memset(t.data, 0, mel_tensor_bytes(&t));
		rc = write_records(w, &head, &t, meta, err);
	}
	mel_tensor_free(&t);
	mel_head_free(&head);
	json_decref(meta);
	return rc;
}

static inline int
write_stream(uint64_t *h, struct mel_err *err)
{
	struct mel_writer_options options = {.tool = "oom", .limit = 256};
	int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	struct mel_buf out = {0};
	struct mel_writer *w = NULL;
	int rc = mel_writer_open(&w, fd, &options, err);

	if (!rc)
		rc = write_all(w, err);
	if (!rc)
		rc = keep(fd, &out, err);
	*h = hash(*h, out.data, out.len);
	close(fd);
	mel_buf_free(&out);
	mel_writer_close(w);
	return rc;
}

static inline int
no_more(void *ctx, struct mel_err *err)
{
	(void)ctx;
	(void)err;
	return 0;
}

/* The same through a program, which gives it back. */
static inline int
talk(uint64_t *h, struct mel_err *err)
{
	static const char *const cat[] = {"cat", NULL};
	struct mel_peer peer = {.argv = cat,
	    .title = "cat",
	    .timeout = 60000000000u,
	    .more = no_more};
	struct mel_record record = {0};
	int rc = mel_peer_start(&peer, err);

	if (!rc)
		rc = write_all(peer.writer, err);
	while (!rc && record.header.kind != MEL_FINISH) {
		rc = mel_peer_next(&peer, &record, err);
		if (!rc && record.header.kind == MEL_DATA)
			*h = hash_tensor(*h, &record.tensor);
	}
	mel_peer_free(&peer);
	return rc;
}

static inline int
run_network(uint64_t *h, struct mel_err *err)
{
	int64_t id[5] = {1, 2, 0, 9, 15};
	struct mel_tensor in =
	    mel_tensor_view(MEL_I64, 2, (int64_t[]){1, 5}, id);
	struct mel_tensor out[2];
	struct mel_network *network;
	struct mel_session *session = NULL;
	struct mel_pool *pool = NULL;
	int rc;

	if (mel_network_open(
		&network, "test/data/tiny/encoder.onnx", MEL_ISA_AUTO, err))
		return -1;
	rc = mel_pool_open(&pool, 2, err);
	if (!rc)
		rc = mel_session_open(&session, network, pool, err);
	/* Twice: with a plan and without. */
	for (int i = 0; !rc && i < 2; i++) {
		rc = mel_session_run(session, &in, out, err);
		for (int k = 0; !rc && k < 2; k++)
			*h = hash_tensor(*h, &out[k]);
	}
	mel_session_close(session);
	mel_pool_close(pool);
	mel_network_close(network);
	return rc;
}

/* A network with convolutions, attention, and lengths of its own. */
static inline int
open_variance(uint64_t *h, struct mel_err *err)
{
	static _Thread_local float x[7 * 192];
	struct mel_tensor in =
	    mel_tensor_view(MEL_F32, 3, (int64_t[]){1, 7, 192}, x);
	struct mel_network *network;
	struct mel_session *session = NULL;
	struct mel_tensor out[3];
	int rc;

	if (mel_network_open(
		&network, "addons/kathleen/variance.onnx", MEL_ISA_AUTO, err))
		return -1;
	rc = mel_session_open(&session, network, NULL, err);
	if (!rc)
		rc = mel_session_run(session, &in, out, err);
	for (int k = 0; !rc && k < 3; k++)
		*h = hash_tensor(*h, &out[k]);
	mel_session_close(session);
	mel_network_close(network);
	return rc;
}

static inline int
read_npy(uint64_t *h, struct mel_err *err)
{
	struct mel_tensor t = {0};
	int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600), rc;

	rc = mel_npy_load(
	    &t, "test/data/mel/short.hifigan22k.npy", 1 << 20, err);
	if (!rc)
		rc = mel_npy_write(fd, &t, err);
	if (!rc)
		*h = hash_tensor(*h, &t);
	mel_tensor_free(&t);
	if (!rc && lseek(fd, 0, SEEK_SET) == 0)
		rc = mel_npy_read_only(&t, fd, 1 << 20, err);
	if (!rc)
		*h = hash_tensor(*h, &t);
	mel_tensor_free(&t);
	close(fd);
	return rc;
}

static inline int
read_ark(int fd, uint64_t *h, struct mel_err *err)
{
	struct mel_ark *ark;
	struct mel_tensor t = {0};
	const char *key;
	int rc;

	if (lseek(fd, 0, SEEK_SET) || mel_ark_open_fd(&ark, fd, 1 << 20, err))
		return -1;
	while ((rc = mel_ark_next(ark, &key, &t, err)) > 0) {
		*h = hash(*h, key, strlen(key));
		*h = hash_tensor(*h, &t);
		mel_tensor_free(&t);
	}
	mel_ark_close(ark);
	return rc;
}

static inline int
copy_ark(uint64_t *h, struct mel_err *err)
{
	double value[12] = {1, 2.5, -3, 1e-30, 5, 6, 7, 8, 9, 1e10};
	struct mel_tensor t =
	    mel_tensor_view(MEL_F64, 2, (int64_t[]){3, 4}, value);
	int rc = 0;

	for (int text = 0; !rc && text < 2; text++) {
		struct mel_ark_out out = {
		    .fd = open("/tmp", O_TMPFILE | O_RDWR, 0600), .text = text};

		rc = mel_ark_write(&out, "one", &t, err) ||
			     mel_ark_write(&out, "two", &t, err)
			 ? -1
			 : 0;
		if (!rc)
			rc = read_ark(out.fd, h, err);
		close(out.fd);
	}
	return rc;
}

#define SAMPLES 4096
#define FRAMES  16

static inline int
analyse(const struct mel_contract *c, float *mel, struct mel_err *err)
{
	static _Thread_local float x[SAMPLES];
	struct mel_analysis *a;
	int rc;

	for (int i = 0; i < SAMPLES; i++)
		x[i] = (float)(i * 7 % 64) / 64 - 0.5f;
	if (mel_analysis_open(&a, c, MEL_ISA_AUTO, 100, err))
		return -1;
	rc = mel_analysis_push(a, x, SAMPLES, err);
	if (!rc)
		rc = mel_analysis_finish(a, err);
	if (!rc && mel_analysis_pull(a, mel, FRAMES, err) < 0)
		rc = -1;
	mel_analysis_close(a);
	return rc;
}

/* One window of the program. */
static inline int
run_window(const struct mel_netdef *def, uint64_t *h, struct mel_err *err)
{
	static const struct mel_env env = {.backend = &mel_backend_processor};
	static const struct mel_strings none = {0};
	static _Thread_local float x[5 * 4] = {1, 2, 3};
	struct mel_tensor rows =
	    mel_tensor_view(MEL_F32, 2, (int64_t[]){5, 4}, x);
	struct mel_windows_have have = {5, true};
	struct mel_tensor whole = {0}, out;
	struct mel_windows w = {0};
	struct mel_feed feed = {0};
	struct mel_feed_part part;
	int64_t need;
	int rc = mel_feed_open(&feed, def, &none, err);

	feed.rows = 0;
	if (!rc)
		rc = mel_windows_open(&w, def, &env, err);
	if (!rc)
		mel_windows_begin(&w);
	if (!rc && (mel_windows_next(&w, &have, 5, &part, &need, err) < 0 ||
		       mel_feed_fill_part(&feed, NULL, &rows, &part, err) ||
		       mel_windows_run(&w, &have, &feed, &part, err) ||
		       mel_windows_take(&w, 0, &whole, &out, err)))
		rc = -1;
	if (!rc)
		*h = hash_tensor(*h, &out);
	mel_tensor_free(&whole);
	mel_windows_close(&w);
	mel_feed_close(&feed);
	return rc;
}

/* A program of fixed length, written to fd. */
static inline int
compile(struct mel_netdef *def, int fd, struct mel_err *err)
{
	struct mel_compile c = {0};
	struct mel_fixed *f;
	char path[32];
	int rc = mel_compile_open(&c, def, err);

	if (!rc)
		rc = mel_compile_write(&c, 8, fd, err);
	if (!rc) {
		f = c.fixed;
		f->program = mel_alloc(1, sizeof(*f->program), err);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (f->program) {
			f->n_program = 1;
			f->program->size = 8;
			f->program->path = mel_strdup(path, err);
		}
		rc = f->program && f->program->path ? 0 : -1;
		def->fixed = f;
		c.fixed = NULL;
	}
	mel_compile_close(&c);
	return rc;
}

static inline int
fix_lengths(uint64_t *h, struct mel_err *err)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	struct mel_network *network;
	struct mel_netdef *def = NULL;
	int rc = mel_network_open(
	    &network, "test/data/tiny/decoder.onnx", MEL_ISA_AUTO, err);

	if (!rc)
		rc = mel_netdef_open(&def, "decoder", network, err);
	if (!rc)
		rc = compile(def, fd, err);
	if (!rc)
		rc = run_window(def, h, err);
	mel_netdef_close(def);
	close(fd);
	return rc;
}

static inline int
synthesise(const struct mel_contract *c, const float *mel, uint64_t *h,
    struct mel_err *err)
{
	static _Thread_local float magnitude[FRAMES * 513], x[2 * SAMPLES];
	struct mel_griffin_options how = {.iterations = 2, .momentum = 0.5};
	struct mel_rtisi_options live = {
	    .look_ahead = 3, .iterations = 2, .momentum = 0.5, .measure = true};
	struct mel_griffin *griffin = NULL;
	struct mel_inverse *inverse = NULL;
	struct mel_rtisi *rtisi = NULL;
	struct mel_pool *pool = NULL;
	int rc = mel_pool_open(&pool, 2, err);

	if (!rc)
		rc = mel_inverse_open(&inverse, c, 4, MEL_ISA_AUTO, pool, err);
	if (!rc)
		rc = mel_inverse_run(inverse, mel, FRAMES, 0, magnitude, err);
	if (!rc)
		rc = mel_griffin_open(&griffin, c, MEL_ISA_AUTO, pool, err);
	if (!rc)
		rc = mel_griffin_run(griffin, magnitude, FRAMES, &how, x, err);
	if (!rc)
		*h = hash(*h, x,
		    (size_t)mel_contract_samples(c, FRAMES) * sizeof(*x));
	if (!rc)
		rc = mel_rtisi_open(&rtisi, c, &live, MEL_ISA_AUTO, pool, err);
	for (int f = 0; !rc && f < FRAMES; f++)
		*h = hash(*h, x,
		    (size_t)mel_rtisi_push(rtisi, magnitude + f * 513, x) *
			sizeof(*x));
	mel_rtisi_close(rtisi);
	mel_griffin_close(griffin);
	mel_inverse_close(inverse);
	mel_pool_close(pool);
	return rc;
}

static inline int
there_and_back(uint64_t *h, struct mel_err *err)
{
	static _Thread_local float mel[FRAMES * 80];
	struct mel_contract c;

	if (mel_contract_named(&c, "hifigan22k", err) || analyse(&c, mel, err))
		return -1;
	*h = hash(*h, mel, sizeof(mel));
	return synthesise(&c, mel, h, err);
}

static inline int
work_setup(struct mel_err *err)
{
	return speak(3, &stream, err) || speak(1, &sequences, err) ? -1 : 0;
}

static inline void
work_free(void)
{
	mel_buf_free(&stream);
	mel_buf_free(&sequences);
}

struct work {
	const char *name;
	work_fn *run;
};

static const struct work works[] = {
    {"a stream read", read_stream},
    {"a stream written", write_stream},
    {"a program", talk},
    {"npy", read_npy},
    {"ark", copy_ark},
    {"a network", run_network},
    {"a real network", open_variance},
    {"fixed lengths", fix_lengths},
    {"mel and Griffin-Lim", there_and_back},
    {"an addon speaks", speak_all},
    {"a later stage", relay},
};
#define WORKS (sizeof(works) / sizeof(*works))

#endif
