/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "dsp/contract.h"
#include "base/err.h"
#include "tap.h"

static struct mel_err err;

static int
from_text(struct mel_contract *c, const char *text)
{
	json_t *json = json_loads(text, 0, NULL);
	int rc = mel_contract_from_json(c, json, &err);

	json_decref(json);
	return rc;
}

static void
refused(const char *text, const char *why)
{
	struct mel_contract c;

	err.msg[0] = '\0';
	ok(from_text(&c, text) == -1 && strstr(err.msg, why),
	    "refused: %s (%s)", why, err.msg);
}

static void
test_named(void)
{
	struct mel_contract c, again;

	for (size_t i = 0; mel_contract_names[i]; i++) {
		json_t *json;

		ok(!mel_contract_named(&c, mel_contract_names[i], &err) &&
			!mel_contract_check(&c, &err) &&
			!strcmp(c.name, mel_contract_names[i]),
		    "%s is a valid contract", mel_contract_names[i]);
		json = mel_contract_to_json(&c, &err);
		ok(json && !mel_contract_from_json(&again, json, &err) &&
			!mel_contract_differ(&c, &again) &&
			!strcmp(c.name, again.name),
		    "%s comes back from JSON", mel_contract_names[i]);
		json_object_del(json, "name");
		ok(!mel_contract_from_json(&again, json, &err) &&
			!mel_contract_differ(&c, &again),
		    "%s is complete without its name", mel_contract_names[i]);
		json_decref(json);
	}
	ok(mel_contract_named(&c, "hifigan", &err) == -1 &&
		strstr(err.msg, "hifigan22k, taco24k"),
	    "an unknown name lists the known ones");
}

static void
test_json(void)
{
	struct mel_contract c, named;

	mel_contract_named(&named, "hifigan22k", &err);
	ok(!from_text(&c, "{\"name\": \"hifigan22k\"}") &&
		!mel_contract_differ(&c, &named),
	    "the name alone");
	ok(!from_text(&c, "{\"name\": \"hifigan22k\", \"fmax\": 11025}") &&
		c.fmax == 11025 && !c.name[0] &&
		!strcmp(mel_contract_differ(&c, &named), "fmax"),
	    "a key that differs takes the name away");
	ok(!from_text(&c, "{\"name\": \"hifigan22k\", \"bands\": 2, "
			  "\"mean\": [1, 2], \"std\": [0.5, 2]}") &&
		c.normalised && c.mean[1] == 2 && c.std[0] == 0.5,
	    "mean and std");
}

static void
test_refusals(void)
{
	refused("[]", "must be an object");
	refused("{\"name\": 3}", "name: must be a word");
	refused("{\"name\": \"hifigan\"}", "is no mel contract");
	refused("{\"name\": \"mine\", \"hop\": 1}", "rate is missing");
	refused("{\"name\": \"hifigan22k\", \"n_mels\": 80}",
	    "unknown key \"n_mels\"");
	refused("{\"name\": \"hifigan22k\", \"hop\": 0}", "hop: 0 is outside");
	refused("{\"name\": \"hifigan22k\", \"hop\": 2.5}", "whole number");
	refused("{\"name\": \"hifigan22k\", \"hop\": \"256\"}", "whole number");
	refused("{\"name\": \"hifigan22k\", \"fmax\": 12000}",
	    "fmax 12000 Hz is above half the rate (11025 Hz)");
	refused("{\"name\": \"hifigan22k\", \"fmin\": 9000}", "below fmax");
	refused("{\"name\": \"hifigan22k\", \"n_fft\": 1 }", "n_fft");
	refused("{\"name\": \"hifigan22k\", \"n_fft\": 1025}", "even");
	refused("{\"name\": \"hifigan22k\", \"n_fft\": 131072}", "outside");
	refused("{\"name\": \"hifigan22k\", \"window\": 2048}",
	    "window 2048: must be 2 to n_fft");
	refused("{\"name\": \"hifigan22k\", \"window\": 1}",
	    "window 1: must be 2 to n_fft");
	refused("{\"name\": \"kaldi\", \"window\": 2}",
	    "window 2: must be 3 to n_fft");
	refused("{\"name\": \"kaldi\", \"window\": 0, \"window_type\": "
		"\"ones\"}",
	    "window: 0 is outside 1");
	refused("{\"name\": \"hifigan22k\", \"floor\": 0}",
	    "floor or add must be above 0");
	refused(
	    "{\"name\": \"torchaudio16k\", \"range\": 8}", "needs a logarithm");
	refused("{\"name\": \"hifigan22k\", \"scale\": \"bark\"}",
	    "none of: slaney, htk, kaldi");
	refused("{\"name\": \"hifigan22k\", \"mean\": [1]}", "std is missing");
	refused("{\"name\": \"hifigan22k\", \"mean\": [1], \"std\": [1]}",
	    "list of 80 numbers");
	refused("{\"name\": \"hifigan22k\", \"bands\": 1, \"mean\": [1], "
		"\"std\": [0]}",
	    "std[0]: must be above 0");
	refused("{\"name\": \"hifigan22k\", \"bands\": 1, \"mean\": [1], "
		"\"std\": [1e-60]}",
	    "std[0]: must be above 0");
	refused("{\"name\": \"hifigan22k\", \"bands\": 1, \"mean\": [1e60], "
		"\"std\": [1]}",
	    "mean[0]: 1e+60 is too large");
}

static void
test_geometry(void)
{
	struct mel_contract c;

	mel_contract_named(&c, "hifigan22k", &err);
	ok(mel_contract_frames(&c, 62106) == 242 &&
		mel_contract_frames(&c, 255) == 0 &&
		mel_contract_frames(&c, 256) == 1 &&
		mel_contract_frames(&c, 0) == 0,
	    "hifigan22k: one frame every 256 samples");
	ok(mel_contract_samples(&c, 242) == 242 * 256 &&
		mel_contract_samples(&c, 0) == 0,
	    "hifigan22k: frames x hop samples");
	mel_contract_named(&c, "whisper16k", &err);
	ok(mel_contract_frames(&c, 45066) == 281 &&
		mel_contract_samples(&c, 281) == 281 * 160,
	    "whisper16k: the last frame left out");
	mel_contract_named(&c, "taco24k", &err);
	ok(mel_contract_frames(&c, 1030) == 4 &&
		mel_contract_frames(&c, 1) == 1,
	    "taco24k: centred, one sample is enough");
	mel_contract_named(&c, "kaldi", &err);
	ok(mel_contract_frames(&c, 399) == 0 &&
		mel_contract_frames(&c, 400) == 1 &&
		mel_contract_frames(&c, 560) == 2,
	    "kaldi: snipped edges");
}

int
main(void)
{
	test_named();
	test_json();
	test_refusals();
	test_geometry();
	return tap_done();
}
