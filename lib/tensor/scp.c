/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tensor/scp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/option.h"
#include "base/utf8.h"
#include "tensor/ark.h"

#define SPACE " \t\r\n"

int
mel_scp_open(struct mel_scp *scp, int fd, size_t limit, struct mel_err *err)
{
	*scp = (struct mel_scp){.limit = limit, .list = fdopen(fd, "r")};
	if (scp->list)
		return 0;
	mel_fail_errno(err, "read");
	close(fd);
	return -1;
}

void
mel_scp_close(struct mel_scp *scp)
{
	if (scp->list)
		fclose(scp->list);
	free(scp->text);
	*scp = (struct mel_scp){0};
}

/* The object at an offset of a file. */
static int
load(const char *path, int64_t offset, size_t limit, struct mel_tensor *t,
    struct mel_err *err)
{
	struct mel_ark *ark;
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = -1;

	if (fd < 0)
		return mel_fail_errno(err, "%s", path);
	if (lseek(fd, offset, SEEK_SET) < 0) {
		mel_fail_errno(err, "%s: byte %lld", path, (long long)offset);
	} else if (!mel_ark_open_fd(&ark, fd, limit, err)) {
		rc = mel_ark_object(ark, t, err);
		if (rc)
			mel_fail_in(
			    err, "%s: from byte %lld", path, (long long)offset);
		mel_ark_close(ark);
	}
	close(fd);
	return rc;
}

/* Cuts ":OFFSET" off the place; 0 if there is none. */
static int
split_offset(char *place, int64_t *offset, struct mel_err *err)
{
	char *colon = strrchr(place, ':'), last = place[strlen(place) - 1];

	*offset = 0;
	if (last == ']' || last == '|')
		return mel_fail(err, "%s are not supported: \"%s\"",
		    last == ']' ? "ranges" : "commands", place);
	if (!colon || !colon[1] ||
	    strspn(colon + 1, "0123456789") < strlen(colon + 1))
		return 0;
	*colon = '\0';
	return mel_parse_int(colon + 1, offset, err);
}

static int
read_line(struct mel_scp *scp, size_t len, const char **key,
    struct mel_tensor *t, struct mel_err *err)
{
	char *text = scp->text, *place;
	int64_t offset;

	if (strlen(text) < len || mel_utf8_valid(text, len) < len)
		return mel_fail(err, "not UTF-8 text");
	while (len && strchr(SPACE, text[len - 1]))
		text[--len] = '\0';
	place = text + strcspn(text, SPACE);
	if (place == text || !*place)
		return mel_fail(err, "\"KEY FILE:OFFSET\" expected");
	*place++ = '\0';
	place += strspn(place, SPACE);
	if (split_offset(place, &offset, err))
		return -1;
	*key = text;
	return load(place, offset, scp->limit, t, err);
}

int
mel_scp_next(struct mel_scp *scp, const char **key, struct mel_tensor *t,
    struct mel_err *err)
{
	ssize_t len;

	len = getline(&scp->text, &scp->cap, scp->list);
	/* Without memory for the line there is neither error nor end. */
	if (len < 0)
		return feof(scp->list) ? 0 : mel_fail_errno(err, "read");
	scp->line++;
	if (read_line(scp, (size_t)len, key, t, err))
		return mel_fail_in(err, "line %zu", scp->line);
	return 1;
}
