/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A real stream of two utterances, cut at every byte: the reader notices each
 * cut and names the last whole record.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "addon/addon.h"
#include "addon/builtin.h"
#include "addon/controls.h"
#include "addon/stage.h"
#include "addon/utter.h"
#include "base/bytes.h"
#include "base/err.h"
#include "block/env.h"
#include "block/registry.h"
#include "base/isa.h"
#include "records.h"
#include "tap.h"
#include "tensor/bundle.h"
#include "tensor/writer.h"

/* Says one text, as tts-pipe does. */
static int
say(struct mel_utter *u, const struct mel_addon *addon, const char *text,
    struct mel_err *err)
{
	int64_t dim[1] = {(int64_t)strlen(text)};
	struct mel_tensor t =
	    mel_tensor_view(MEL_U8, 1, dim, (void *)(uintptr_t)text);
	json_t *begin = json_pack("{s:s, s:s}", "key", text, "text", text);
	struct mel_bundle data = {0};
	int rc = mel_bundle_put(&data, "text", &t, err);

	if (!rc)
		rc = mel_controls_put_presets(&data, addon, err);
	if (!rc)
		rc = mel_utter_run(u, begin, &data, NULL, err);
	if (!rc)
		rc = mel_writer_end(u->writer, NULL, err);
	mel_stage_reset(u->stage);
	mel_bundle_free(&data);
	json_decref(begin);
	return rc;
}

/* The stream of two utterances, into an open file. */
static int
speak(int fd, struct mel_err *err)
{
	static const struct mel_env env = {0};
	struct mel_writer_options options = {.tool = "cuts"};
	struct mel_registry registry = {0};
	struct mel_stage_options whole = {.env = &env};
	struct mel_utter u = {.block = 16};
	int rc = mel_builtin_blocks(&registry, err);

	if (!rc)
		rc = mel_addon_open(&whole.addon, "addons/kathleen", &registry,
		    MEL_ISA_AUTO, err);
	if (!rc) {
		whole.last = whole.addon->n_positions;
		rc = mel_stage_open(&u.stage, &whole, err);
	}
	if (!rc)
		rc = mel_writer_open(&u.writer, fd, &options, err);
	if (!rc)
		rc = mel_writer_head(u.writer, mel_stage_head(u.stage), err);
	if (!rc)
		rc = say(&u, whole.addon, "A", err);
	if (!rc)
		rc = say(&u, whole.addon, "Hi.", err);
	if (!rc)
		rc = mel_writer_finish(u.writer, err);
	mel_writer_close(u.writer);
	mel_stage_close(u.stage);
	mel_utter_free(&u);
	mel_addon_close(whole.addon);
	mel_registry_free(&registry);
	return rc;
}

/* Offsets of the records' ends, by reading the whole; returns how many. */
static size_t
find_ends(const unsigned char *bytes, size_t len, size_t *end, size_t most)
{
	struct mel_cursor c = {bytes, bytes + len};
	struct mel_record_header h;
	size_t n = 0;

	while (n < most && mel_cursor_left(&c) >= MEL_RECORD_HEADER &&
	       !mel_record_unpack(c.pos, MEL_RECORD_LIMIT, &h, NULL)) {
		c.pos += mel_record_size(&h);
		end[n++] = (size_t)(c.pos - bytes);
	}
	return n;
}

static void
test_cuts(const unsigned char *bytes, size_t len)
{
	static size_t end[1000];
	size_t records = find_ends(bytes, len, end, 1000), whole = 0, bad = 0;
	struct mel_err err;
	char last[64];
	size_t n;

	ok(records > 10 && end[records - 1] == len, "%zu records, %zu bytes",
	    records, len);
	ok(!records_drain(bytes, len, 0, &n, &err) && n == records,
	    "the whole stream is read");
	for (size_t cut = 0; cut < len; cut++) {
		while (end[whole] <= cut)
			whole++;
		snprintf(
		    last, sizeof(last), "cut after record %zu (", whole - 1);
		if (!whole)
			strcpy(last, "cut before the first record");
		bad += records_drain(bytes, cut, 0, &n, &err) != -1 ||
		       n != whole || !strstr(err.msg, last);
	}
	ok(!bad, "every cut is noticed and named: %zu are not", bad);
}

int
main(void)
{
	int fd = memfd_create("stream", 0);
	struct mel_err err = {""};
	off_t len;
	void *bytes;

	if (!ok(fd >= 0 && !speak(fd, &err), "a real stream %s", err.msg))
		return tap_done();
	len = lseek(fd, 0, SEEK_END);
	bytes = mmap(NULL, (size_t)len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (ok(bytes != MAP_FAILED, "in memory"))
		test_cuts(bytes, (size_t)len);
	munmap(bytes, (size_t)len);
	close(fd);
	return tap_done();
}
