/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_RUNFILES_H
#define MEL_NET_RUNFILES_H

#include "base/isa.h"

struct mel_err;
struct mel_pool;
struct mel_strings;

/*
 * Runs a network once on .npy files: inputs[] are "NAME=FILE", one for each
 * input of the graph; outputs become DIR/NAME.npy. A name that is no file
 * name (it has a slash, say) is an error. pool may be NULL.
 */
struct mel_run_files {
	const char *model; /* path */
	const struct mel_strings *inputs;
	const char *dir;
	enum mel_isa isa;
	struct mel_pool *pool;
	struct mel_strings *notes; /* gets one for each output that is not what
				      the file declares; no fault, for
				      exporters get it wrong */
};

int mel_network_run_files(const struct mel_run_files *job, struct mel_err *err);

#endif
