/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_BACKEND_H
#define MEL_NET_BACKEND_H

#include <stddef.h>
#include <stdint.h>

struct mel_env;
struct mel_err;
struct mel_tensor;

/*
 * What an accelerator has to do to run networks: take plain ONNX files in
 * which every shape is fixed, and run them. Cutting utterances, padding,
 * masking and dropping what is too much is done before and behind it, by
 * net/windows.h.
 *
 * A block opens the back end for itself and calls it from one thread at a
 * time; several blocks may have it open at once.
 */

#define MEL_BACKEND_ABI 1u

/* What the device cannot exceed; 0: no limit. */
struct mel_backend_limits {
	int programs; /* loaded at the same time */
	size_t bytes; /* of one tensor */
};

/* A program to be loaded. */
struct mel_backend_file {
	const char *path;
	int n_in, n_out; /* inputs and outputs that it must have */
};

struct mel_backend {
	uint32_t abi;      /* MEL_BACKEND_ABI */
	const char *name;  /* for messages */
	size_t state_size; /* cleared before open */

	/* limits: starts without any. On failure close is called, too. */
	int (*open)(void *state, const struct mel_env *env,
	    struct mel_backend_limits *limits, struct mel_err *err);

	/*
	 * Makes a file ready to run, which may take long. One that has other
	 * numbers of inputs and outputs is refused. *program: whatever the
	 * back end likes, until drop.
	 */
	int (*load)(void *state, const struct mel_backend_file *file,
	    void **program, struct mel_err *err);

	/*
	 * in: the program's inputs in the order of the file, of exactly the
	 * shapes that it declares; valid during the call. out: [n_out] as the
	 * file's outputs, to be set to views that are valid until the next run
	 * of this program or drop.
	 */
	int (*run)(void *state, void *program, const struct mel_tensor *in,
	    struct mel_tensor *out, struct mel_err *err);

	void (*drop)(void *state, void *program);
	void (*close)(void *state);
};

/* This processor. It refuses any other shape, as the others do. */
extern const struct mel_backend mel_backend_processor;

#endif
