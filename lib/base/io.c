/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

ssize_t
mel_read_full(int fd, void *buf, size_t n, struct mel_err *err)
{
	size_t have = 0;

	while (have < n) {
		ssize_t got = read(fd, (char *)buf + have, n - have);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return mel_fail_errno(err, "read");
		if (!got)
			break;
		have += (size_t)got;
	}
	return (ssize_t)have;
}

int
mel_write_full(int fd, const void *buf, size_t n, struct mel_err *err)
{
	const char *p = buf;

	while (n) {
		ssize_t put = write(fd, p, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return mel_fail_errno(err, "write");
		p += put;
		n -= (size_t)put;
	}
	return 0;
}

static int
read_all(int fd, size_t limit, struct mel_buf *buf, struct mel_err *err)
{
	char block[65536];
	size_t total = 0;
	ssize_t got;

	do {
		got = mel_read_full(fd, block, sizeof(block), err);
		if (got < 0)
			return -1;
		total += (size_t)got;
		if (total > limit)
			return mel_fail(err, "more than %zu bytes", limit);
		if (mel_buf_add(buf, block, (size_t)got, err))
			return -1;
	} while (got == sizeof(block));
	return 0;
}

int
mel_read_file(
    const char *path, size_t limit, struct mel_buf *buf, struct mel_err *err)
{
	int fd, rc;

	if (!strcmp(path, "-")) {
		rc = read_all(STDIN_FILENO, limit, buf, err);
		return rc ? mel_fail_in(err, "standard input") : 0;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return mel_fail_errno(err, "%s", path);
	rc = read_all(fd, limit, buf, err);
	close(fd);
	return rc ? mel_fail_in(err, "%s", path) : 0;
}

int
mel_map_open(struct mel_map *map, const char *path, struct mel_err *err)
{
	struct stat st;
	void *p = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	*map = (struct mel_map){0};
	if (fd < 0)
		return mel_fail_errno(err, "%s", path);
	if (fstat(fd, &st)) {
		mel_fail_errno(err, "%s", path);
		close(fd);
		return -1;
	}
	if (!S_ISREG(st.st_mode)) {
		close(fd);
		return mel_fail(err, "%s: not a regular file", path);
	}
	if (st.st_size > 0)
		p = mmap(
		    NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		mel_fail_errno(err, "%s: mmap", path);
	if (!p || p == MAP_FAILED) {
		close(fd);
		return p ? -1 : 0;
	}
	map->data = p;
	map->len = (size_t)st.st_size;
	map->fd = fd;
	return 0;
}

void
mel_map_close(struct mel_map *map)
{
	if (map->data) {
		munmap((void *)(uintptr_t)map->data, map->len);
		close(map->fd);
	}
	*map = (struct mel_map){0};
}

/*
 * Not mkstemp(3), which makes 0600: the file shall be as any other new one, and
 * what that is cannot be asked without changing it for all threads.
 */
static int
open_temp(struct mel_outfile *out, struct mel_err *err)
{
	struct mel_buf name = {0};

	for (unsigned i = 0; out->fd < 0; i++) {
		name.len = 0;
		if (mel_buf_printf(
			&name, err, "%s.%ld-%u", out->path, (long)getpid(), i))
			break;
		out->fd = open(
		    name.data, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (out->fd < 0 && errno != EEXIST) {
			mel_fail_errno(err, "%s", out->path);
			break;
		}
	}
	if (out->fd < 0) {
		mel_buf_free(&name);
		return -1;
	}
	out->temp = name.data;
	return 0;
}

int
mel_outfile_open(struct mel_outfile *out, const char *path, struct mel_err *err)
{
	struct stat st;
	int rc = 0;

	*out = (struct mel_outfile){.fd = -1};
	if (!strcmp(path, "-")) {
		out->fd = STDOUT_FILENO;
		return 0;
	}
	out->path = mel_strdup(path, err);
	if (!out->path)
		return -1;
	if (!stat(path, &st) && !S_ISREG(st.st_mode)) {
		out->fd = open(path, O_WRONLY | O_CLOEXEC);
		if (out->fd < 0)
			rc = mel_fail_errno(err, "%s", path);
	} else {
		rc = open_temp(out, err);
	}
	if (rc)
		mel_outfile_abort(out);
	return rc;
}

static void
forget(struct mel_outfile *out)
{
	free(out->path);
	free(out->temp);
	*out = (struct mel_outfile){.fd = -1};
}

int
mel_outfile_commit(struct mel_outfile *out, struct mel_err *err)
{
	const char *name = out->path ? out->path : "standard output";
	int fd = out->fd;

	out->fd = -1;
	if (close(fd)) {
		mel_fail_errno(err, "%s", name);
		mel_outfile_abort(out);
		return -1;
	}
	if (out->temp && rename(out->temp, out->path)) {
		mel_fail_errno(err, "%s", name);
		mel_outfile_abort(out);
		return -1;
	}
	forget(out);
	return 0;
}

void
mel_outfile_abort(struct mel_outfile *out)
{
	if (out->fd >= 0 && out->path)
		close(out->fd);
	if (out->temp)
		unlink(out->temp);
	forget(out);
}
