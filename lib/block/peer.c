/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "block/peer.h"

#include <errno.h>
#include <unistd.h>

#include "block/clock.h"
#include "tensor/reader.h"
#include "tensor/writer.h"

#define EXIT_MS 1000 /* for a program to exit whose output has ended */
#define SECOND  1000000000u

/* The writer's sink. */
static int
enqueue(void *ctx, struct iovec *part, int n, struct mel_err *err)
{
	struct mel_peer *p = ctx;

	if (p->sent == p->queue.len)
		p->sent = p->queue.len = 0;
	for (int i = 0; i < n; i++) {
		if (mel_buf_add(
			&p->queue, part[i].iov_base, part[i].iov_len, err))
			return -1;
	}
	return 0;
}

static bool
has_mail(const struct mel_peer *p)
{
	return mel_peer_listens(p) && p->sent < p->queue.len;
}

/* Writes as much as the pipe takes; a program may stop reading. */
static int
push(struct mel_peer *p)
{
	ssize_t n = mel_process_write(
	    &p->process, p->queue.data + p->sent, p->queue.len - p->sent);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0 && errno != EPIPE)
		return mel_fail_errno(&p->why, "%s: write", p->title);
	if (n < 0) {
		mel_process_close_input(&p->process);
		return 0;
	}
	p->sent += (size_t)n;
	mel_peer_wake(p);
	return 0;
}

/* Waits for it to write, or to read what is queued. */
static int
wait_for(struct mel_peer *p)
{
	uint64_t passed = mel_clock_ns() - p->since_ns;
	int ms = 0, rc;

	if (passed < p->timeout)
		ms = (int)((p->timeout - passed) / 1000000) + 1;
	rc = mel_process_wait(&p->process, has_mail(p), ms, &p->why);
	if (rc < 0)
		return mel_fail_in(&p->why, "%s", p->title);
	if (!rc)
		return mel_fail(&p->why, "%s: no answer for %g s", p->title,
		    (double)p->timeout / SECOND);
	return has_mail(p) ? push(p) : 0;
}

/* The next thing to do while there is nothing to read. */
static int
serve(struct mel_peer *p)
{
	if (mel_peer_listens(p) && !has_mail(p)) {
		if (p->closing)
			mel_process_close_input(&p->process);
		else if (p->more(p->ctx, &p->why))
			return -1;
	}
	return wait_for(p);
}

/* The reader's source. */
static ssize_t
receive(void *ctx, void *bytes, size_t n)
{
	struct mel_peer *p = ctx;
	ssize_t got;

	while ((got = read(p->process.out, bytes, n)) < 0 &&
	       (errno == EAGAIN || errno == EINTR)) {
		if (serve(p)) {
			errno = EIO;
			return -1;
		}
	}
	p->silent = !got;
	return got;
}

int
mel_peer_start(struct mel_peer *p, struct mel_err *err)
{
	const struct mel_writer_options options = {.tool = "melpipe"};

	p->closing = p->silent = false;
	p->why.msg[0] = '\0';
	p->sent = p->queue.len = 0;
	if (!mel_writer_open_sink(&p->writer, enqueue, p, &options, err) &&
	    !mel_reader_open(&p->reader, receive, p, p->title, 0, err) &&
	    !mel_process_start(&p->process, p->argv, err))
		return 0;
	mel_peer_stop(p);
	return -1;
}

bool
mel_peer_runs(const struct mel_peer *p)
{
	return p->process.pid != 0;
}

bool
mel_peer_listens(const struct mel_peer *p)
{
	return p->process.pid && p->process.in >= 0;
}

void
mel_peer_wake(struct mel_peer *p)
{
	p->since_ns = mel_clock_ns();
}

static void
end(struct mel_peer *p, int ms, char *how)
{
	mel_process_end(&p->process, ms, how);
	mel_writer_close(p->writer);
	mel_reader_close(p->reader);
	p->writer = NULL;
	p->reader = NULL;
}

void
mel_peer_stop(struct mel_peer *p)
{
	end(p, 0, NULL);
}

int
mel_peer_next(
    struct mel_peer *p, struct mel_record *record, struct mel_err *err)
{
	char how[MEL_PROCESS_HOW];
	struct mel_err said;

	if (mel_reader_next(p->reader, record, &said) > 0)
		return 0;
	if (p->why.msg[0]) {
		*err = p->why;
	} else if (p->silent) {
		end(p, EXIT_MS, how);
		mel_fail(err, "%s (%s)", said.msg, how);
	} else {
		*err = said;
	}
	mel_peer_stop(p);
	return -1;
}

void
mel_peer_dismiss(struct mel_peer *p)
{
	char bytes[4096];
	uint64_t until;

	if (p->timeout > SECOND)
		p->timeout = SECOND;
	mel_peer_wake(p);
	until = p->since_ns + p->timeout;
	if (!mel_writer_finish(p->writer, NULL)) {
		p->closing = true;
		while (mel_clock_ns() < until &&
		       receive(p, bytes, sizeof(bytes)) > 0)
			;
	}
	end(p, p->silent ? EXIT_MS : 0, NULL);
}

void
mel_peer_free(struct mel_peer *p)
{
	mel_peer_stop(p);
	mel_buf_free(&p->queue);
}
