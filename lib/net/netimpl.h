/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_NETIMPL_H
#define MEL_NET_NETIMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/frame.h"
#include "base/isa.h"
#include "net/onnx.h"
#include "net/packs.h"
#include "tensor/tensor.h"

struct mel_cell;
struct mel_err;
struct mel_kernels;
struct mel_network;

/* What is behind the pointers of net/network.h; for lib/net and its tests. */

struct mel_network {
	char *path; /* owned, for messages */
	struct mel_model model;
	const struct mel_kernels *kernels;
	struct mel_packs packs;
	bool ready;  /* weights are packed */
	bool broken; /* packing them failed: some are gone */
	bool plain;  /* nodes as the file has them, normalised and folded */
};

/*
 * As mel_network_open, but no nodes are fused or laid out otherwise: what the
 * fused network is compared with, and what can be written as ONNX.
 */
int mel_network_open_plain(struct mel_network **network, const char *path,
    enum mel_isa isa, struct mel_err *err);

/* A tensor, or a list of tensors of one element type. */
struct mel_net_value {
	struct mel_tensor t;     /* dtype MEL_NONE: a list */
	struct mel_tensor *item; /* [n] */
	size_t n;
};

#define MEL_SESSION_TURNS ((int64_t)1 << 32) /* of all loops in one run */

struct mel_session {
	const struct mel_network *network;
	struct mel_exec exec;
	struct mel_frame frame;    /* of the whole graph */
	struct mel_cell **copy;    /* [n_output] see copy_input() */
	struct mel_net_value *in;  /* [n_input] */
	struct mel_net_value *out; /* [n_output] */
	struct mel_tensor *item;   /* [n_item] of outputs that are lists */
	size_t n_item, item_cap;
	int64_t max_turns; /* MEL_SESSION_TURNS; less for tests */
};

/*
 * mel_session_run for networks with sequences among inputs or outputs; for
 * the conformance cases.
 */
int mel_session_run_values(struct mel_session *session,
    const struct mel_net_value *in, struct mel_net_value *out,
    struct mel_err *err);

#endif
