/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "addon/sums.h"

#include <dirent.h>
#include <errno.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "addon/addon.h"
#include "addon/lock.h"
#include "addon/packed.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/option.h"

#define DEPTH 8          /* folders below the addon's */
#define LIMIT (8u << 20) /* of SHA256SUMS [bytes] */
#define HEX   (MEL_SUM_HEX - 1)

/* Not summed: the list itself, what the digest covers, what was made of it. */
static bool
is_left_out(const char *name)
{
	return !strcmp(name, MEL_ADDON_SUMS) || !strcmp(name, MEL_ADDON_FILE) ||
	       !strcmp(name, MEL_ADDON_VERIFIED) ||
	       !strncmp(name, MEL_ADDON_FIXED "/", sizeof(MEL_ADDON_FIXED)) ||
	       !strncmp(name, MEL_ADDON_PACKED "/", sizeof(MEL_ADDON_PACKED));
}

static int list_files(const char *dir, const char *below, int depth,
    struct mel_strings *files, struct mel_err *err);

static int
list_entry(const char *dir, const char *name, int depth,
    struct mel_strings *files, struct mel_err *err)
{
	struct mel_buf path = {0};
	struct stat st;
	int rc = mel_buf_printf(&path, err, "%s/%s", dir, name);

	if (!rc && stat(path.data, &st))
		rc = mel_fail_errno(err, "%s", path.data);
	mel_buf_free(&path);
	if (rc)
		return -1;
	if (S_ISDIR(st.st_mode))
		return list_files(dir, name, depth + 1, files, err);
	if (!S_ISREG(st.st_mode) || is_left_out(name))
		return 0;
	return mel_strings_add(files, name, err);
}

/* Adds the files of dir/below, as names relative to dir. */
static int
list_files(const char *dir, const char *below, int depth,
    struct mel_strings *files, struct mel_err *err)
{
	struct mel_buf path = {0}, name = {0};
	struct dirent *entry;
	int rc = mel_buf_printf(&path, err, "%s/%s", dir, below);
	DIR *d = rc ? NULL : opendir(path.data);

	if (!rc && !d)
		rc = mel_fail_errno(err, "%s", path.data);
	if (!rc && depth > DEPTH)
		rc = mel_fail(err, "%s: too deep", path.data);
	while (!rc && (entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		mel_buf_free(&name);
		rc = mel_buf_printf(&name, err, "%s%s%s", below,
		    below[0] ? "/" : "", entry->d_name);
		if (!rc)
			rc = list_entry(dir, name.data, depth, files, err);
	}
	if (d)
		closedir(d);
	mel_buf_free(&path);
	mel_buf_free(&name);
	return rc;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int
mel_sum_file(const char *path, char hex[MEL_SUM_HEX], struct mel_err *err)
{
	struct sha256_ctx hash;
	uint8_t sum[SHA256_DIGEST_SIZE];
	struct mel_map map;

	if (mel_map_open(&map, path, err))
		return -1;
	sha256_init(&hash);
	sha256_update(&hash, map.len, map.data);
	sha256_digest(&hash, sizeof(sum), sum);
	mel_map_close(&map);
	for (size_t i = 0; i < sizeof(sum); i++)
		snprintf(hex + 2 * i, 3, "%02x", sum[i]);
	return 0;
}

static int
sum_file(const char *dir, const char *name, char hex[MEL_SUM_HEX],
    struct mel_err *err)
{
	struct mel_buf path = {0};
	int rc = mel_buf_printf(&path, err, "%s/%s", dir, name);

	if (!rc)
		rc = mel_sum_file(path.data, hex, err);
	mel_buf_free(&path);
	return rc;
}

/* The list of all files, sorted. */
static int
list_all(const char *dir, struct mel_strings *files, struct mel_err *err)
{
	if (list_files(dir, "", 0, files, err))
		return -1;
	if (files->n)
		qsort(files->item, files->n, sizeof(*files->item), by_name);
	return 0;
}

int
mel_sums_write(const char *dir, struct mel_err *err)
{
	struct mel_strings files = {0};
	struct mel_buf text = {0}, path = {0};
	struct mel_outfile out;
	char hex[MEL_SUM_HEX];
	int rc = list_all(dir, &files, err);

	for (size_t i = 0; !rc && i < files.n; i++) {
		rc = sum_file(dir, files.item[i], hex, err);
		if (!rc)
			rc = mel_buf_printf(
			    &text, err, "%s  %s\n", hex, files.item[i]);
	}
	if (!rc)
		rc = mel_buf_printf(&path, err, "%s/%s", dir, MEL_ADDON_SUMS);
	if (!rc)
		rc = mel_outfile_open(&out, path.data, err);
	if (!rc) {
		rc = mel_write_full(out.fd, text.data, text.len, err);
		if (rc)
			mel_outfile_abort(&out);
		else
			rc = mel_outfile_commit(&out, err);
	}
	mel_strings_free(&files);
	mel_buf_free(&text);
	mel_buf_free(&path);
	return rc;
}

/* Lines "HEX  NAME" as pairs: name, sum. */
static int
read_sums(const char *dir, struct mel_strings *sums, struct mel_err *err)
{
	struct mel_buf path = {0}, text = {0};
	int rc = mel_buf_printf(&path, err, "%s/%s", dir, MEL_ADDON_SUMS);

	if (!rc && access(path.data, F_OK))
		rc = mel_fail(err,
		    "%s: there is none: tts-addon check --write makes it",
		    path.data);
	if (!rc)
		rc = mel_read_file(path.data, LIMIT, &text, err);
	for (char *line = text.data, *end; !rc && line && *line; line = end) {
		end = strchr(line, '\n');
		if (!end || end - line < HEX + 3 ||
		    strncmp(line + HEX, "  ", 2) != 0) {
			rc = mel_fail(
			    err, "%s: not lines of SUM  FILE", path.data);
			break;
		}
		*end++ = '\0';
		line[HEX] = '\0';
		rc = mel_strings_add_pair(sums, line + HEX + 2, line, err);
	}
	mel_buf_free(&path);
	mel_buf_free(&text);
	return rc;
}

int
mel_sums_verify(const char *dir,
    void (*bad)(void *ctx, const char *file, const char *why), void *ctx,
    struct mel_err *err)
{
	struct mel_strings files = {0}, sums = {0};
	char hex[MEL_SUM_HEX];
	int wrong = 0, rc = read_sums(dir, &sums, err);

	if (!rc)
		rc = list_all(dir, &files, err);
	for (size_t i = 0; !rc && i < files.n; i++) {
		const char *want = mel_strings_value(&sums, files.item[i]);

		rc = sum_file(dir, files.item[i], hex, err);
		if (rc || (want && !strcmp(want, hex)))
			continue;
		bad(ctx, files.item[i],
		    want ? "changed" : "not in " MEL_ADDON_SUMS);
		wrong++;
	}
	for (size_t i = 0; !rc && i < sums.n; i += 2) {
		char **found = files.n ? bsearch(&sums.item[i], files.item,
					     files.n, sizeof(char *), by_name)
				       : NULL;

		if (found)
			continue;
		bad(ctx, sums.item[i], "missing");
		wrong++;
	}
	mel_strings_free(&files);
	mel_strings_free(&sums);
	return rc ? -1 : wrong;
}
