/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/option.h"
#include "base/pool.h"
#include "base/utf8.h"

static const struct tool *this_tool;
static char *volatile leftover; /* the output, unless it was committed */

enum {
	CODE_HELP = 0x1000,
	CODE_VERSION,
	CODE_OPTION, /* + index into the table */
};

static void
message(const char *fmt, va_list ap)
{
	char text[MEL_ERR_SIZE + 128];

	vsnprintf(text, sizeof(text), fmt, ap);
	/* Keys and names of files come from outside. */
	mel_utf8_plain(text, "", ' ');
	fprintf(stderr, "%s: %s\n", this_tool->name, text);
}

void
tool_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	message(fmt, ap);
	va_end(ap);
}

void
tool_die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	message(fmt, ap);
	va_end(ap);
	exit(1);
}

void
tool_usage(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	message(fmt, ap);
	va_end(ap);
	fprintf(stderr, "usage: %s %s\n", this_tool->name, this_tool->synopsis);
	exit(2);
}

int
tool_flush(struct mel_err *err)
{
	errno = 0;
	if (!fflush(stdout) && !ferror(stdout))
		return 0;
	if (errno)
		return mel_fail_errno(err, "standard output: write");
	return mel_fail(err, "standard output: cannot write");
}

void
tool_print(const char *text)
{
	char *plain = mel_strdup(text, NULL);
	struct mel_err err;

	if (!plain)
		tool_die("out of memory");
	/* Names in a voice and in a network come from outside. */
	mel_utf8_plain(plain, "\n\t", '?');
	fputs(plain, stdout);
	free(plain);
	if (tool_flush(&err))
		tool_die("%s", err.msg);
}

static void
print_help(void)
{
	struct mel_buf out = {0};
	struct mel_err err;

	if (mel_buf_printf(&out, &err, "usage: %s %s\n%s.\n\n", this_tool->name,
		this_tool->synopsis, this_tool->purpose) ||
	    mel_options_help(this_tool->options, &out, &err) ||
	    mel_buf_printf(&out, &err,
		"      --help                  this text\n"
		"      --version               the version\n\n"
		"See %s(1), melpipe(7).\n",
		this_tool->name))
		tool_die("%s", err.msg);
	tool_print(out.data);
	mel_buf_free(&out);
}

/* getopt's two descriptions of our table; to be freed. */
static void
describe(const struct mel_option *table, char **letters, struct option **longs)
{
	size_t n = 0, len = 0;

	while (table && table[n].name)
		n++;
	*letters = mel_alloc(2 * n + 2, 1, NULL);
	*longs = mel_alloc(n + 3, sizeof(**longs), NULL);
	if (!*letters || !*longs)
		tool_die("out of memory");
	for (size_t i = 0; i < n; i++) {
		bool flag = table[i].type == MEL_OPT_FLAG;

		(*longs)[i] = (struct option){.name = table[i].name,
		    .has_arg = flag ? no_argument : required_argument,
		    .val = CODE_OPTION + (int)i};
		if (!table[i].letter)
			continue;
		(*letters)[len++] = table[i].letter;
		if (!flag)
			(*letters)[len++] = ':';
	}
	(*longs)[n] = (struct option){"help", no_argument, 0, CODE_HELP};
	(*longs)[n + 1] =
	    (struct option){"version", no_argument, 0, CODE_VERSION};
}

static const struct mel_option *
find_letter(const struct mel_option *table, int letter)
{
	while (table->name && table->letter != letter)
		table++;
	return table;
}

static void
handle(int code, void *values)
{
	const struct mel_option *option;
	struct mel_err err;

	if (code == CODE_HELP) {
		print_help();
		exit(0);
	}
	if (code == CODE_VERSION) {
		printf("%s (melpipe) %s\n", this_tool->name, MEL_VERSION);
		tool_print("");
		exit(0);
	}
	if (code == '?') {
		fprintf(stderr, "usage: %s %s\n", this_tool->name,
		    this_tool->synopsis);
		exit(2);
	}
	option = code >= CODE_OPTION ? &this_tool->options[code - CODE_OPTION]
				     : find_letter(this_tool->options, code);
	if (mel_option_set(option, values, optarg ? optarg : "true", &err))
		tool_usage("--%s", err.msg);
}

/*
 * A standard descriptor that is closed would be taken by the next file opened,
 * and messages would go into that. Reading 0 and writing 1 or 2 still fail.
 */
static void
fill_standard(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		if (open("/dev/null", fd ? O_RDONLY : O_WRONLY) != fd)
			tool_die("/dev/null: cannot open");
	}
}

int
tool_parse(const struct tool *tool, int argc, char **argv, void *values)
{
	struct mel_err err;
	struct option *longs;
	char *letters;
	int code;

	this_tool = tool;
	fill_standard();
	/* getopt puts argv[0] in front of its own messages. */
	if (argc > 0)
		argv[0] = (char *)(uintptr_t)tool->name;
	if (mel_options_preset(tool->options, values, &err))
		tool_die("%s", err.msg);
	describe(tool->options, &letters, &longs);
	while ((code = getopt_long(argc, argv, letters, longs, NULL)) != -1)
		handle(code, values);
	for (const struct mel_option *o = tool->options; o && o->name; o++) {
		if (o->required && o->type == MEL_OPT_STRING &&
		    !*(char **)((char *)values + o->offset))
			tool_usage("--%s is needed", o->name);
	}
	free(letters);
	free(longs);
	return optind;
}

const char *
tool_input_name(const char *path)
{
	return !path || !strcmp(path, "-") ? "standard input" : path;
}

const char *
tool_output_name(const char *path)
{
	return !path || !strcmp(path, "-") ? "standard output" : path;
}

int
tool_type_of(const char *output, const char *const *types)
{
	const char *slash = output ? strrchr(output, '/') : NULL;
	const char *name = slash ? slash + 1 : output;
	const char *dot = name ? strrchr(name, '.') : NULL;

	if (!dot || dot == name || !dot[1]) /* "..", ".hidden", "a." */
		return 0;
	for (int i = 1; types[i]; i++) {
		if (!strcasecmp(dot + 1, types[i]))
			return i;
	}
	return -1;
}

int
tool_open_input(const char *path)
{
	struct mel_err err;
	int fd;

	if (!path || !strcmp(path, "-"))
		return STDIN_FILENO;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		mel_fail_errno(&err, "%s", path);
		tool_die("%s", err.msg);
	}
	return fd;
}

struct mel_pool *
tool_open_pool(int64_t threads)
{
	struct mel_pool *pool;
	struct mel_err err;
	cpu_set_t set;

	if (!threads)
		threads = sched_getaffinity(0, sizeof(set), &set)
			      ? 1
			      : CPU_COUNT(&set);
	if (mel_pool_open(&pool, (int)threads, &err))
		tool_die("%s", err.msg);
	return pool;
}

static void
remove_output(void)
{
	if (leftover)
		unlink(leftover);
}

/* Ends as the signal would have, with the same status. */
static void
give_up(int sig)
{
	remove_output();
	signal(sig, SIG_DFL);
	raise(sig);
}

/* A signal that whoever started us ignores stays ignored. */
static void
remove_when_stopped(void)
{
	static const int sigs[] = {SIGHUP, SIGINT, SIGTERM};
	struct sigaction now, new = {.sa_handler = give_up};

	for (size_t i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++) {
		if (!sigaction(sigs[i], NULL, &now) &&
		    now.sa_handler == SIG_DFL)
			sigaction(sigs[i], &new, NULL);
	}
}

void
tool_open_output(struct mel_outfile *out, const char *path, bool binary)
{
	struct mel_err err;

	if (mel_outfile_open(out, path ? path : "-", &err))
		tool_die("%s", err.msg);
	if (binary && isatty(out->fd))
		tool_usage("binary data is not written to a terminal");
	if (!out->temp)
		return;
	leftover = mel_strdup(out->temp, &err);
	if (!leftover || atexit(remove_output))
		tool_die("out of memory");
	remove_when_stopped();
}

void
tool_commit_output(struct mel_outfile *out)
{
	struct mel_err err;
	char *done;

	if (mel_outfile_commit(out, &err))
		tool_die("%s", err.msg);
	done = leftover;
	leftover = NULL;
	free(done);
}
