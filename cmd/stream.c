/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stream.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/option.h"
#include "tensor/reader.h"
#include "tensor/writer.h"
#include "tool.h"

const char *const tool_times_names[] = {
    [TOOL_TIMES_AUTO] = "auto",
    [TOOL_TIMES_ON] = "on",
    [TOOL_TIMES_OFF] = "off",
    NULL,
};

struct mel_reader *
tool_open_reader(const char *path, int64_t max_record, int *fd)
{
	struct mel_reader *reader;
	struct mel_err err;

	*fd = tool_open_input(path);
	if (mel_reader_open_fd(&reader, *fd, tool_input_name(path),
		(uint64_t)max_record, &err))
		tool_die("%s", err.msg);
	return reader;
}

static bool
is_file(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISREG(st.st_mode);
}

struct mel_writer *
tool_open_writer(const struct mel_outfile *out, const char *tool,
    enum tool_times times, int64_t max_record)
{
	struct mel_writer_options options = {.tool = tool,
	    .times = times == TOOL_TIMES_ON ||
		     (times == TOOL_TIMES_AUTO && !is_file(out->fd)),
	    .limit = (uint64_t)max_record};
	struct mel_writer *writer;
	struct mel_err err;

	if (mel_writer_open(&writer, out->fd, &options, &err))
		tool_die("%s", err.msg);
	return writer;
}

struct tool_select
tool_select_open(const struct mel_strings *names)
{
	struct tool_select select = {.names = names};
	struct mel_err err;

	select.seen = mel_alloc(names->n, sizeof(*select.seen), &err);
	if (!select.seen)
		tool_die("%s", err.msg);
	return select;
}

bool
tool_selects(struct tool_select *select, const char *name)
{
	bool found = !select->names->n;

	for (size_t i = 0; i < select->names->n; i++) {
		if (!strcmp(select->names->item[i], name))
			found = select->seen[i] = true;
	}
	return found;
}

size_t
tool_select_close(struct tool_select *select, const char *option)
{
	size_t missing = 0;

	for (size_t i = 0; i < select->names->n; i++) {
		if (select->seen[i])
			continue;
		tool_warn(
		    "--%s: no \"%s\" there", option, select->names->item[i]);
		missing++;
	}
	free(select->seen);
	select->seen = NULL;
	return missing;
}
