/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_ADDON_CONTROLS_H
#define MEL_ADDON_CONTROLS_H

#include <jansson.h>

struct mel_addon;
struct mel_bundle;
struct mel_err;

/* Controls of an utterance as the tensors of block/control.h. */

/* All of the addon's, as they are if the user sets none. */
int mel_controls_put_presets(struct mel_bundle *data,
    const struct mel_addon *addon, struct mel_err *err);

/* Those of a begin record: {NAME: NUMBER}, or NULL for none. */
int mel_controls_put(
    struct mel_bundle *data, json_t *controls, struct mel_err *err);

#endif
