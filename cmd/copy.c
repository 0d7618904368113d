/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "copy.h"

#include <unistd.h>

#include "tensor/import.h"
#include "tensor/npy.h"
#include "tensor/reader.h"
#include "tensor/writer.h"
#include "tool.h"

const char *const copy_outputs[] = {
    "auto", "stream", "npy", "ark", "ark-text", "htk", "f32", "f64", NULL};

/* The name of a stream may end in anything. */
int
copy_output_type(int type, const char *output)
{
	if (type == COPY_TO_AUTO)
		type = tool_type_of(output, copy_outputs);
	return type > COPY_TO_STREAM ? type : COPY_TO_STREAM;
}

bool
copy_wanted(struct copy *c, const char *key)
{
	bool inside = c->index >= c->from && (!c->to || c->index < c->to);

	c->index++;
	return tool_selects(&c->keys, key) && inside;
}

/* 0 or -1; 1 with nothing read if it is a .npy file and may be one. */
static int
copy_records(struct copy *c, const char *path, struct mel_err *err)
{
	int fd, rc = 1;
	struct mel_reader *reader = tool_open_reader(path, c->max_record, &fd);

	if (c->input_type != COPY_AUTO || !mel_npy_ahead(fd))
		rc = c->export ? copy_to_files(c, reader, err)
			       : copy_stream(c, reader, err);
	mel_reader_close(reader);
	if (fd != STDIN_FILENO)
		close(fd);
	return rc;
}

static int
copy_input(struct copy *c, const char *path, struct mel_err *err)
{
	struct mel_import_options how = {.format = MEL_IMPORT_NPY,
	    .width = c->width,
	    .limit = MEL_UTTERANCE_LIMIT};
	struct mel_import *import;
	int rc = 1;

	if (c->input_type <= COPY_STREAM)
		rc = copy_records(c, path, err);
	else
		how.format =
		    (enum mel_import_format)(c->input_type - COPY_FROM);
	if (rc <= 0)
		return rc;
	if (mel_import_open(&import, path, &how, err))
		return -1;
	rc = copy_files(c, import, err);
	mel_import_close(import);
	return rc;
}

int
copy_all(struct copy *c, char **path, struct mel_err *err)
{
	do {
		if (copy_input(c, *path, err))
			return -1;
	} while (*path && *++path);
	/* Files without a tensor say nothing about ports. */
	if (c->writer && !c->started &&
	    mel_writer_head(c->writer, &c->head, err))
		return -1;
	return c->writer ? mel_writer_finish(c->writer, err) : 0;
}
