/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_SUITE_H
#define MEL_NET_SUITE_H

#include <stdbool.h>

#include "base/isa.h"

struct mel_err;
struct mel_pool;
struct mel_tensor;

/*
 * Cases in the layout of the ONNX backend tests: DIR/model.onnx and
 * DIR/test_data_set_N/input_I.pb, output_I.pb, N and I from 0, each a bare
 * TensorProto.
 */
enum mel_verdict {
	MEL_PASSED,
	MEL_FAILED,
	MEL_SKIPPED, /* an operator or a type that we do not have */
};

struct mel_suite {
	enum mel_isa isa;
	struct mel_pool *pool; /* may be NULL */
	/*
	 * false: |got - want| <= 1e-7 + 1e-3 |want| for each element, the
	 * rule of the official runner. true: max |got - want| <= 1e-5 max
	 * |want| over the tensor. Integers and bools are equal either way,
	 * NaN matches NaN, and element type and shape are exact.
	 */
	bool strict;
	bool poison; /* see netimpl.h */
};

/* Runs all data sets of one case. `why`: of a failure or a skip. */
enum mel_verdict mel_suite_case(
    const struct mel_suite *suite, const char *dir, struct mel_err *why);

/* 0 if got is want as the suite has it; else -1, and where they differ. */
int mel_suite_compare(const struct mel_suite *suite,
    const struct mel_tensor *got, const struct mel_tensor *want,
    struct mel_err *err);

#endif
