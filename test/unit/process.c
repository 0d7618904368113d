/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/process.h"
#include "tap.h"

/* Programs with pipes: how they start, what they inherit, how they end. */

static struct mel_process
shell(const char *script)
{
	const char *argv[] = {"sh", "-c", script, NULL};
	struct mel_process p = {0};
	struct mel_err err;

	if (mel_process_start(&p, argv, &err)) {
		printf("Bail out! sh: %s\n", err.msg);
		exit(1);
	}
	return p;
}

/* All that it writes, waited for. */
static char *
output(struct mel_process *p, char *text, size_t size)
{
	size_t have = 0;
	ssize_t n;

	do {
		mel_process_wait(p, false, 10000, NULL);
		n = read(p->out, text + have, size - 1 - have);
		have += n > 0 ? (size_t)n : 0;
	} while (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)));
	text[have] = '\0';
	return text;
}

static void
ends(const char *script, int ms, const char *how)
{
	struct mel_process p = shell(script);
	char got[MEL_PROCESS_HOW];

	mel_process_end(&p, ms, got);
	ok(!strcmp(got, how) && !p.pid, "%s: %s", script, got);
	ok(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD,
	    "%s: no zombie is left", script);
}

static int
open_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void
test_missing(void)
{
	const char *argv[] = {"melpipe-no-such-program", NULL};
	struct mel_process p = {0};
	struct mel_err err = {""};
	int before = open_descriptors();

	ok(mel_process_start(&p, argv, &err) && !p.pid &&
		!strcmp(err.msg, "melpipe-no-such-program: "
				 "No such file or directory"),
	    "a program that is not there: %s", err.msg);
	argv[0] = "/etc/passwd";
	ok(mel_process_start(&p, argv, &err) && !p.pid,
	    "a file that is none: %s", err.msg);
	ok(open_descriptors() == before, "no descriptor is left open");
}

static void
test_inherited(void)
{
	int fd = dup(0); /* not close-on-exec */
	struct mel_process p;
	sigset_t all, before;
	char text[256];

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	signal(SIGPIPE, SIG_IGN);
	p = shell("ls /proc/self/fd | tr '\\n' ' '");
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	/* ls has one more, the folder. */
	ok(!strcmp(output(&p, text, sizeof(text)), "0 1 2 3 "),
	    "descriptors 0 to 2 only: %s", text);
	mel_process_end(&p, 1000, NULL);
	close(fd);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	p = shell("grep -E '^Sig(Blk|Ign)' /proc/self/status | tr -d '\\n'");
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	output(&p, text, sizeof(text));
	ok(strstr(text, "SigBlk:\t0000000000000000") != NULL,
	    "no signal is blocked: %s", text);
	ok(strstr(text, "SigIgn:") &&
		!(strtoul(strstr(text, "SigIgn:") + 8, NULL, 16) &
		    (1ul << (SIGPIPE - 1))),
	    "SIGPIPE ends it");
	mel_process_end(&p, 1000, NULL);
	signal(SIGPIPE, SIG_DFL);
}

/* A closed pipe is an error, not the end of this program. */
static void
test_write(void)
{
	struct mel_process p = shell("exec <&-; echo; exec sleep 100");
	char bytes[64] = {0};
	sigset_t waits;

	mel_process_wait(&p, false, 10000, NULL);
	ok(mel_process_write(&p, bytes, sizeof(bytes)) < 0 && errno == EPIPE,
	    "writing to what does not read is EPIPE");
	sigpending(&waits);
	ok(!sigismember(&waits, SIGPIPE), "and leaves no signal behind");
	mel_process_end(&p, 0, NULL);
}

/* Of its group nobody is left; one that init has yet to bury counts as gone. */
static bool
is_gone(const char *pid)
{
	char path[64], line[256] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/stat", strtol(pid, NULL, 10));
	f = fopen(path, "r");
	if (f && !fgets(line, sizeof(line), f))
		line[0] = '\0';
	if (f)
		fclose(f);
	return !line[0] || strstr(line, ") Z ");
}

static void
test_group(void)
{
	struct mel_process p = shell("sleep 100 & echo $!; wait");
	char pid[64] = "";
	bool gone = false;

	mel_process_wait(&p, false, 10000, NULL);
	gone = read(p.out, pid, sizeof(pid) - 1) <= 0 || is_gone(pid);
	ok(!gone, "it has started another, %ld", strtol(pid, NULL, 10));
	mel_process_end(&p, 0, NULL);
	gone = false;
	for (int i = 0; i < 1000 && !gone; i++) {
		gone = is_gone(pid);
		usleep(gone ? 0 : 1000);
	}
	ok(gone, "which ends with it");
}

int
main(void)
{
	int before = open_descriptors();

	ends("exit 0", 5000, "exit status 0");
	ends("exit 3", 5000, "exit status 3");
	ends("kill -SEGV $$", 5000, "signal SEGV");
	ends("sleep 100", 0, "was still running");
	ends("exec >&-; trap '' TERM; sleep 100", 20, "was still running");
	ends("exec setsid sleep 100", 100, "was still running");
	test_missing();
	test_inherited();
	test_write();
	test_group();
	ok(open_descriptors() == before, "no descriptor is left open");
	return tap_done();
}
