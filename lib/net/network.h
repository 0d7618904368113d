/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_NETWORK_H
#define MEL_NET_NETWORK_H

#include <stdint.h>

#include "base/isa.h"

struct mel_err;
struct mel_graph;
struct mel_pool;
struct mel_tensor;

/*
 * A network is an ONNX file ready to run; it is const then. A session
 * holds what a run needs (plans, arena, scratch) and serves one thread at a
 * time.
 */
struct mel_network;
struct mel_session;

/*
 * Loads path. External data must lie in the same folder. The file stays
 * mapped until close. Messages begin with the path.
 */
int mel_network_open(struct mel_network **network, const char *path,
    enum mel_isa isa, struct mel_err *err);

/*
 * The same in two steps. Of a network that is loaded but not ready the graph
 * may be looked at, which is all that its declaration needs and takes a
 * fraction of the time; a session or a stream needs it ready. mel_network_ready
 * packs the weights, or takes those that mel_network_write_packed wrote into
 * the file `packed`, unless NULL: a file that is damaged or was written of
 * another state of the network, on another machine or for another ISA is an
 * error. Once: called again it does nothing, or fails again if it failed.
 * Nobody may look at the graph meanwhile, or rely on what was found before but
 * its interface.
 */
int mel_network_load(struct mel_network **network, const char *path,
    enum mel_isa isa, struct mel_err *err);
int mel_network_ready(
    struct mel_network *network, const char *packed, struct mel_err *err);
void mel_network_close(struct mel_network *network);

/* Of a network that is ready. The file stays mapped while one is open. */
int mel_network_write_packed(
    const struct mel_network *network, int fd, struct mel_err *err);

/* Fails unless the file holds what this network, made ready without one, has
 * packed by itself. */
int mel_network_check_packed(
    const struct mel_network *network, const char *packed, struct mel_err *err);

/* Inputs, outputs, nodes. Valid until close. */
const struct mel_graph *mel_network_graph(const struct mel_network *network);

/* pool may be NULL and must outlive the session, as must the network. */
int mel_session_open(struct mel_session **session,
    const struct mel_network *network, struct mel_pool *pool,
    struct mel_err *err);
void mel_session_close(struct mel_session *session);

/*
 * Random operators of the next runs draw from this seed, 0 at first. The same
 * seed and inputs give the same noise again, on any number of threads: who
 * wants other noise in each run gives another seed for each.
 */
void mel_session_seed(struct mel_session *session, uint64_t seed);

/*
 * Runs it. in: [n_input] tensors in the order of the graph's inputs, of the
 * declared dtype. out: [n_output], set to views that are valid until the next
 * run or close. The result depends on nothing but the inputs, the seed and the
 * ISA.
 */
int mel_session_run(struct mel_session *session, const struct mel_tensor *in,
    struct mel_tensor *out, struct mel_err *err);

/*
 * For programs that call OpenBLAS themselves; networks here do not, for it
 * gives other bits when the number of rows changes. Debian's 0.3.21 runs 5
 * times slower than it could on processors that it does not know. Call once,
 * before any thread is started and before any other call of BLAS; sets
 * OPENBLAS_CORETYPE for this process unless the user did, and limits BLAS to
 * one thread. Does nothing more where OpenBLAS is not loaded.
 */
void mel_blas_prepare(void);

#endif
