/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/packs.h"

#include <nettle/sha2.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/weights.h"

/*
 * To be counted up when any kernel packs otherwise, or any network is made
 * ready otherwise: test/unit/packs.c sees that.
 */
#define LAYOUT 1

#define ORDER UINT32_C(0x01020304) /* of bytes in this machine's numbers */
#define ALIGN ((size_t)64)         /* of a piece in the file */

/* The file: head, sources, bytes of each piece (u64), the pieces. */
struct head {
	char magic[8];
	uint32_t order, layout, isa;
	uint32_t n_source; /* files of the network */
	uint64_t n_piece;
};

struct source {
	uint64_t bytes;
	int64_t seconds, nanoseconds; /* of the last change */
	uint8_t sum[SHA256_DIGEST_SIZE];
};

static const char magic[8] = "melpack";

static const struct mel_map *
source_map(const struct mel_weights *w, size_t i)
{
	return i ? &w->external[i - 1].map : &w->map;
}

/* All but the sum. */
static int
find_source(struct source *s, const struct mel_map *map, struct mel_err *err)
{
	struct stat st;

	*s = (struct source){.bytes = map->len};
	if (!map->data)
		return 0;
	if (fstat(map->fd, &st))
		return mel_fail_errno(err, "a file of the network");
	s->seconds = st.st_mtim.tv_sec;
	s->nanoseconds = st.st_mtim.tv_nsec;
	return 0;
}

static void
find_sum(struct source *s, const struct mel_map *map)
{
	struct sha256_ctx hash;

	sha256_init(&hash);
	sha256_update(&hash, map->len, map->data);
	sha256_digest(&hash, sizeof(s->sum), s->sum);
}

/* ---- reading ---- */

/* The next n bytes of the file, or false. */
static bool
get(const struct mel_map *map, size_t *at, void *to, size_t n)
{
	if (n > map->len - *at)
		return false;
	memcpy(to, map->data + *at, n);
	*at += n;
	return true;
}

static int
check_head(const struct head *h, enum mel_isa isa, struct mel_err *err)
{
	if (memcmp(h->magic, magic, sizeof(magic)) != 0)
		return mel_fail(err, "no packed weights");
	if (h->order != ORDER || h->layout != LAYOUT)
		return mel_fail(
		    err, "packed by another version: compile it again");
	if (h->isa != (uint32_t)isa)
		return mel_fail(err,
		    "packed for another instruction set: compile it again");
	return 0;
}

static int
check_source(const struct source *s, const struct mel_map *map, bool *same,
    struct mel_err *err)
{
	struct source now;

	if (find_source(&now, map, err))
		return -1;
	*same = now.bytes == s->bytes;
	if (!*same ||
	    (now.seconds == s->seconds && now.nanoseconds == s->nanoseconds))
		return 0;
	find_sum(&now, map);
	*same = !memcmp(now.sum, s->sum, sizeof(now.sum));
	return 0;
}

static int
read_sources(const struct mel_map *map, size_t *at, size_t n,
    const struct mel_weights *weights, struct mel_err *err)
{
	bool same = n == weights->n_external + 1;
	struct source s;

	for (size_t i = 0; same && i < n; i++) {
		if (!get(map, at, &s, sizeof(s)))
			return mel_fail(err, "cut short");
		if (check_source(&s, source_map(weights, i), &same, err))
			return -1;
	}
	return same ? 0
		    : mel_fail(err, "packed of another state of the network: "
				    "compile it again");
}

static size_t
round_up(size_t n)
{
	return (n + ALIGN - 1) & ~(ALIGN - 1);
}

/* at: where the sizes are. */
static int
read_pieces(struct mel_packs *p, size_t at, uint64_t n, struct mel_err *err)
{
	const struct mel_map *map = &p->map;
	size_t from;

	if (n > (map->len - at) / sizeof(uint64_t))
		return mel_fail(err, "cut short");
	if (mel_reserve(&p->piece, &p->cap, (size_t)n, sizeof(*p->piece), err))
		return -1;
	from = at + (size_t)n * sizeof(uint64_t);
	for (size_t i = 0; i < n; i++) {
		uint64_t bytes;

		from = round_up(from);
		if (!get(map, &at, &bytes, sizeof(bytes)) || from > map->len ||
		    bytes > map->len - from)
			return mel_fail(err, "cut short");
		p->piece[p->n++] = (struct mel_pack_piece){
		    (void *)(uintptr_t)(map->data + from), (size_t)bytes};
		from += (size_t)bytes;
	}
	return from == map->len ? 0 : mel_fail(err, "longer than it says");
}

static int
read_all(struct mel_packs *p, const struct mel_weights *weights,
    enum mel_isa isa, struct mel_err *err)
{
	struct head h;
	size_t at = 0;

	if (!get(&p->map, &at, &h, sizeof(h)))
		return mel_fail(err, "no packed weights");
	if (check_head(&h, isa, err) ||
	    read_sources(&p->map, &at, h.n_source, weights, err))
		return -1;
	return read_pieces(p, at, h.n_piece, err);
}

int
mel_packs_open(struct mel_packs *p, const char *path,
    const struct mel_weights *weights, enum mel_isa isa, struct mel_err *err)
{
	if (mel_map_open(&p->map, path, err))
		return -1;
	return read_all(p, weights, isa, err) ? mel_fail_in(err, "%s", path)
					      : 0;
}

/* ---- taking ---- */

static void *
take_mapped(struct mel_packs *p, size_t bytes, struct mel_err *err)
{
	const struct mel_pack_piece *piece = &p->piece[p->taken];

	if (p->taken == p->n || piece->bytes != bytes) {
		mel_fail(err, "its packed weights are of another size");
		return NULL;
	}
	p->taken++;
	return piece->data;
}

void *
mel_packs_take(
    struct mel_packs *p, size_t bytes, bool *filled, struct mel_err *err)
{
	void *data;

	*filled = mel_packs_from_file(p);
	if (*filled)
		return take_mapped(p, bytes, err);
	if (mel_reserve(&p->piece, &p->cap, p->n + 1, sizeof(*p->piece), err))
		return NULL;
	data = mel_slab_take(&p->slab, bytes, err);
	if (data)
		p->piece[p->n++] = (struct mel_pack_piece){data, bytes};
	return data;
}

int
mel_packs_end(const struct mel_packs *p, struct mel_err *err)
{
	if (!mel_packs_from_file(p) || p->taken == p->n)
		return 0;
	return mel_fail(
	    err, "packed weights of %zu nodes, not %zu", p->n, p->taken);
}

/* ---- writing ---- */

static int
add_sources(
    struct mel_buf *out, const struct mel_weights *weights, struct mel_err *err)
{
	for (size_t i = 0; i <= weights->n_external; i++) {
		const struct mel_map *map = source_map(weights, i);
		struct source s;

		if (find_source(&s, map, err))
			return -1;
		find_sum(&s, map);
		if (mel_buf_add(out, &s, sizeof(s), err))
			return -1;
	}
	return 0;
}

static int
add_sizes(struct mel_buf *out, const struct mel_packs *p, struct mel_err *err)
{
	for (size_t i = 0; i < p->n; i++) {
		uint64_t bytes = p->piece[i].bytes;

		if (mel_buf_add(out, &bytes, sizeof(bytes), err))
			return -1;
	}
	return 0;
}

/* at: where the pieces begin, without padding. */
static int
write_pieces(const struct mel_packs *p, size_t at, int fd, struct mel_err *err)
{
	static const char zero[ALIGN];

	for (size_t i = 0; i < p->n; i++) {
		const struct mel_pack_piece *piece = &p->piece[i];

		if (mel_write_full(fd, zero, round_up(at) - at, err) ||
		    mel_write_full(fd, piece->data, piece->bytes, err))
			return -1;
		at = round_up(at) + piece->bytes;
	}
	return 0;
}

int
mel_packs_write(const struct mel_packs *p, const struct mel_weights *weights,
    enum mel_isa isa, int fd, struct mel_err *err)
{
	struct head h = {
	    .order = ORDER,
	    .layout = LAYOUT,
	    .isa = (uint32_t)isa,
	    .n_source = (uint32_t)weights->n_external + 1,
	    .n_piece = p->n,
	};
	struct mel_buf out = {0};
	int rc = -1;

	memcpy(h.magic, magic, sizeof(magic));
	if (!mel_buf_add(&out, &h, sizeof(h), err) &&
	    !add_sources(&out, weights, err) && !add_sizes(&out, p, err) &&
	    !mel_write_full(fd, out.data, out.len, err))
		rc = write_pieces(p, out.len, fd, err);
	mel_buf_free(&out);
	return rc;
}

int
mel_packs_compare(const struct mel_packs *p, const struct mel_packs *other,
    struct mel_err *err)
{
	bool same = p->n == other->n;

	for (size_t i = 0; same && i < p->n; i++) {
		const struct mel_pack_piece *a = &p->piece[i];
		const struct mel_pack_piece *b = &other->piece[i];

		same = a->bytes == b->bytes &&
		       (!a->bytes || !memcmp(a->data, b->data, a->bytes));
	}
	return same ? 0 : mel_fail(err, "not what the network packs to");
}

void
mel_packs_free(struct mel_packs *p)
{
	mel_slab_free(&p->slab);
	mel_map_close(&p->map);
	free(p->piece);
	*p = (struct mel_packs){0};
}
