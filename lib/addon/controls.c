/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "addon/controls.h"

#include "addon/addon.h"
#include "base/err.h"
#include "block/control.h"
#include "tensor/bundle.h"

static int
put(struct mel_bundle *data, const char *name, double value,
    struct mel_err *err)
{
	char tensor[MEL_CONTROL_NAME];

	if (mel_control_tensor(name, tensor, err))
		return -1;
	return mel_bundle_put_f32(data, tensor, (float)value, err);
}

int
mel_controls_put_presets(
    struct mel_bundle *data, const struct mel_addon *addon, struct mel_err *err)
{
	for (size_t i = 0; i < addon->n_controls; i++) {
		const struct mel_control *c = &addon->control[i];

		if (put(data, c->name, c->preset, err))
			return -1;
	}
	return 0;
}

int
mel_controls_put(struct mel_bundle *data, json_t *controls, struct mel_err *err)
{
	const char *name;
	json_t *value;

	if (controls && !json_is_object(controls))
		return mel_fail(err, "controls: an object is wanted");
	json_object_foreach(controls, name, value)
	{
		if (!json_is_number(value))
			return mel_fail(
			    err, "control \"%s\" is not a number", name);
		if (put(data, name, json_number_value(value), err))
			return -1;
	}
	return 0;
}
