/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_BASE_PROCESS_H
#define MEL_BASE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct mel_err;

/*
 * A program with pipes at its standard input and output; its standard error
 * is the caller's. It inherits no other descriptor, blocks no signal, dies of
 * SIGPIPE, and is in a process group of its own, so that what it starts ends
 * with it. Of the group is a guard, too, a small /bin/sh, which kills it when
 * the caller is no more, whatever that died of.
 */
struct mel_process {
	pid_t pid;   /* 0: there is none */
	int in;      /* to its standard input, does not block; -1: closed */
	int out;     /* from its standard output, does not block */
	pid_t guard; /* leads the group; private, as what follows */
	int life;    /* the guard waits for its end; nobody else has it */
};

#define MEL_PROCESS_HOW 48 /* bytes for how it ended */

/*
 * argv ends with NULL; argv[0] is looked up in PATH. *process must hold none,
 * and does not on failure.
 */
int mel_process_start(
    struct mel_process *process, const char *const argv[], struct mel_err *err);

/* As write(2) to its standard input: EPIPE comes without a signal. */
ssize_t mel_process_write(
    const struct mel_process *process, const void *bytes, size_t n);

/* Its standard input is at its end once it has read what was written. */
void mel_process_close_input(struct mel_process *process);

/*
 * Waits until its output can be read, or has ended, or (writes) its input can
 * be written, or was closed; ms >= 0. Returns 0 after that time, else 1; -1.
 */
int mel_process_wait(const struct mel_process *process, bool writes, int ms,
    struct mel_err *err);

/*
 * Gives it `ms` to exit, kills it and its group, and waits for it: *process
 * holds none then. how, if not NULL: "exit status 3", "signal SEGV", "was
 * still running". Harmless if there is none.
 */
void mel_process_end(
    struct mel_process *process, int ms, char how[MEL_PROCESS_HOW]);

#endif
