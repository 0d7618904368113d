/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"

extern char **environ;

/* group: 0: a new one. Returns 0 or an error number. */
static int
set_attributes(posix_spawnattr_t *attr, pid_t group)
{
	sigset_t none, pipe;
	int rc;

	sigemptyset(&none);
	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	rc = posix_spawnattr_setsigmask(attr, &none);
	if (!rc)
		rc = posix_spawnattr_setsigdefault(attr, &pipe);
	if (!rc)
		rc = posix_spawnattr_setpgroup(attr, group);
	if (!rc)
		rc = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK |
							POSIX_SPAWN_SETSIGDEF |
							POSIX_SPAWN_SETPGROUP);
	return rc;
}

/* in becomes descriptor 0, out 1; without an out there is no 2, either. */
static int
set_files(posix_spawn_file_actions_t *files, int in, int out)
{
	int rc = posix_spawn_file_actions_adddup2(files, in, 0);

	if (!rc && out >= 0)
		rc = posix_spawn_file_actions_adddup2(files, out, 1);
	if (!rc)
		rc = posix_spawn_file_actions_addclosefrom_np(
		    files, out >= 0 ? 3 : 1);
	return rc;
}

/* The same. */
static int
spawn(pid_t *pid, const char *const argv[], pid_t group, int in, int out)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int rc = posix_spawn_file_actions_init(&files);

	if (rc)
		return rc;
	rc = posix_spawnattr_init(&attr);
	if (!rc) {
		rc = set_files(&files, in, out);
		if (!rc)
			rc = set_attributes(&attr, group);
		if (!rc)
			rc = posix_spawnp(pid, argv[0], &files, &attr,
			    (char **)(uintptr_t)argv, environ);
		posix_spawnattr_destroy(&attr);
	}
	posix_spawn_file_actions_destroy(&files);
	return rc;
}

/*
 * A program may hang, and a caller that is killed cannot end it. Nor can the
 * kernel be asked to (PR_SET_PDEATHSIG): that reaches the program alone, not
 * what it started, and comes already when the thread ends that started it.
 */
static int
start_guard(struct mel_process *p, struct mel_err *err)
{
	static const char *const argv[] = {
	    "/bin/sh", "-c", "read end; kill -s KILL 0", NULL};
	int life[2];

	if (pipe2(life, O_CLOEXEC))
		return mel_fail_errno(err, "pipe");
	errno = spawn(&p->guard, argv, 0, life[0], -1);
	if (errno) {
		mel_fail_errno(err, "%s", argv[0]);
		close(life[1]);
	} else {
		p->life = life[1];
	}
	close(life[0]);
	return p->guard ? 0 : -1;
}

/* With all of its group. */
static void
end_guard(struct mel_process *p)
{
	if (!p->guard)
		return;
	kill(-p->guard, SIGKILL);
	while (waitpid(p->guard, NULL, 0) < 0 && errno == EINTR)
		;
	close(p->life);
	p->guard = 0;
}

static int
start_program(struct mel_process *p, const char *const argv[], int in, int out,
    struct mel_err *err)
{
	/* The guard is there first: at no time is there a program without. */
	if (start_guard(p, err))
		return -1;
	errno = spawn(&p->pid, argv, p->guard, in, out);
	if (!errno)
		return 0;
	mel_fail_errno(err, "%s", argv[0]);
	p->pid = 0;
	end_guard(p);
	return -1;
}

int
mel_process_start(
    struct mel_process *p, const char *const argv[], struct mel_err *err)
{
	/* In this order: the free descriptor 0, if any, is the input's. */
	int to[2], from[2];
	int rc;

	if (pipe2(to, O_CLOEXEC))
		return mel_fail_errno(err, "pipe");
	if (pipe2(from, O_CLOEXEC)) {
		mel_fail_errno(err, "pipe");
		close(to[0]);
		close(to[1]);
		return -1;
	}
	*p = (struct mel_process){.in = to[1], .out = from[0]};
	rc = start_program(p, argv, to[0], from[1], err);
	close(to[0]);
	close(from[1]);
	if (rc) {
		close(to[1]);
		close(from[0]);
		*p = (struct mel_process){0};
		return -1;
	}
	fcntl(p->in, F_SETFL, O_NONBLOCK);
	fcntl(p->out, F_SETFL, O_NONBLOCK);
	return 0;
}

/* A pipe has no MSG_NOSIGNAL: the signal is held off and taken back. */
ssize_t
mel_process_write(const struct mel_process *p, const void *bytes, size_t n)
{
	static const struct timespec now = {0};
	sigset_t pipe, before, waits;
	ssize_t put;
	int why;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	sigpending(&waits);
	pthread_sigmask(SIG_BLOCK, &pipe, &before);
	put = write(p->in, bytes, n);
	why = errno;
	if (put < 0 && why == EPIPE && !sigismember(&waits, SIGPIPE))
		sigtimedwait(&pipe, NULL, &now);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = why;
	return put;
}

void
mel_process_close_input(struct mel_process *p)
{
	if (p->in >= 0)
		close(p->in);
	p->in = -1;
}

int
mel_process_wait(
    const struct mel_process *p, bool writes, int ms, struct mel_err *err)
{
	struct pollfd ends[2] = {{.fd = p->out, .events = POLLIN},
	    {.fd = writes ? p->in : -1, .events = POLLOUT}};
	int rc = poll(ends, 2, ms);

	if (rc < 0 && errno == EINTR)
		return 1; /* the caller looks, and waits again */
	if (rc < 0)
		return mel_fail_errno(err, "poll");
	return rc > 0;
}

/* Whether it has exited; it is not waited for, so its number stays its own. */
static bool
has_exited(pid_t pid)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) ||
	       info.si_pid;
}

void
mel_process_end(struct mel_process *p, int ms, char how[MEL_PROCESS_HOW])
{
	static const struct timespec step = {.tv_nsec = 1000000};
	const char *text = "was still running", *name;
	int status = 0;
	bool exited;
	pid_t got;

	if (!p->pid)
		return;
	mel_process_close_input(p);
	while (!(exited = has_exited(p->pid)) && ms-- > 0)
		nanosleep(&step, NULL);
	end_guard(p);
	/* Runs still if it has left its group. */
	kill(p->pid, SIGKILL);
	do {
		got = waitpid(p->pid, &status, 0);
	} while (got < 0 && errno == EINTR);
	close(p->out);
	*p = (struct mel_process){0};
	if (!how)
		return;
	if (exited && got < 0)
		text = "exit status not known";
	snprintf(how, MEL_PROCESS_HOW, "%s", text);
	if (!exited || got < 0)
		return;
	name = WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : NULL;
	if (name)
		snprintf(how, MEL_PROCESS_HOW, "signal %s", name);
	else if (WIFSIGNALED(status))
		snprintf(how, MEL_PROCESS_HOW, "signal %d", WTERMSIG(status));
	else
		snprintf(how, MEL_PROCESS_HOW, "exit status %d",
		    WEXITSTATUS(status));
}
