/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "block/control.h"

#include <math.h>
#include <stdio.h>

#include "base/err.h"
#include "base/option.h"
#include "block/decl.h"
#include "tensor/bundle.h"
#include "tensor/tensor.h"

int
mel_control_tensor(
    const char *name, char buf[MEL_CONTROL_NAME], struct mel_err *err)
{
	int n =
	    snprintf(buf, MEL_CONTROL_NAME, "%s%s", MEL_CONTROL_PREFIX, name);

	if (n >= MEL_CONTROL_NAME)
		return mel_fail(err, "control name \"%s\" is too long", name);
	return 0;
}

int
mel_amount_declare(const struct mel_amount *amount, struct mel_decls *needs,
    struct mel_err *err)
{
	char name[MEL_CONTROL_NAME];
	struct mel_decl decl = {.name = name, .dtype = MEL_F32};

	if (!amount->control)
		return 0;
	if (mel_control_tensor(amount->control, name, err))
		return -1;
	if (mel_decls_find(needs, name))
		return 0;
	return mel_decls_add(needs, &decl, err);
}

int
mel_amount_value(const struct mel_amount *amount, const struct mel_bundle *data,
    double *value, struct mel_err *err)
{
	char name[MEL_CONTROL_NAME];
	const struct mel_tensor *t;
	double v = amount->value;

	if (amount->control) {
		if (mel_control_tensor(amount->control, name, err))
			return -1;
		t = mel_bundle_get(data, name);
		if (!t)
			return mel_fail(
			    err, "control \"%s\" is not set", amount->control);
		v += amount->times * (double)*(const float *)t->data;
	}
	if (!isfinite(v))
		return mel_fail(err, "amount is not finite");
	*value = v;
	return 0;
}
