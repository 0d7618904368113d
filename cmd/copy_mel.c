/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "copy_mel.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "contract.h"
#include "dsp/adapter.h"
#include "isa.h"
#include "tensor/head.h"
#include "tensor/tensor.h"
#include "tool.h"

static void
choose(const char *name, bool *given, struct mel_contract *c)
{
	const struct contract_flags flags = {.base = (char *)(uintptr_t)name};

	*given = name != NULL;
	if (name)
		contract_choose(&flags, c);
}

void
copy_mel_choose(struct copy_mel *m, const char *from, const char *to)
{
	choose(from, &m->said, &m->from);
	choose(to, &m->wanted, &m->to);
	if (to)
		m->isa = (enum mel_isa)tool_isa(MEL_ISA_AUTO);
}

static void
drop_adapter(struct copy_mel *m)
{
	if (m->adapter && !m->quiet && mel_adapter_loss(m->adapter) > 0)
		tool_warn("remark: %s to %s: the spectra found give the mel "
			  "back within %.2g dB",
		    mel_contract_title(&m->from), mel_contract_title(&m->to),
		    mel_adapter_loss(m->adapter));
	mel_adapter_close(m->adapter);
	m->adapter = NULL;
}

int
copy_mel_input(struct copy_mel *m, const json_t *contract, struct mel_err *err)
{
	struct mel_contract c = m->from;
	const char *key;

	if (contract && (m->said || m->wanted) &&
	    mel_contract_from_json(&c, contract, err))
		return -1;
	key = m->said ? mel_contract_differ(&c, &m->from) : NULL;
	if (key)
		return mel_fail(err,
		    "the head says another mel contract (%s) than "
		    "--from-contract (%s)",
		    mel_contract_title(&c), key);
	if (!m->wanted)
		return 0;
	if (!contract && !m->said)
		return mel_fail(err,
		    "no mel contract in the head; say which with "
		    "--from-contract");
	if (m->adapter && !mel_contract_differ(&c, &m->from))
		return 0;
	drop_adapter(m);
	m->from = c;
	if (!mel_contract_differ(&c, &m->to))
		return 0; /* it is there already */
	return mel_adapter_open(&m->adapter, &m->from, &m->to, m->isa, err);
}

int
copy_mel_contract(const struct copy_mel *m, json_t *contract, json_t **out,
    struct mel_err *err)
{
	*out = json_incref(contract);
	if (!m->adapter && (contract || !m->said))
		return 0;
	json_decref(*out);
	*out = mel_contract_to_json(m->adapter ? &m->to : &m->from, err);
	return *out ? 0 : -1;
}

int
copy_mel_port(const struct copy_mel *m, struct mel_port *port, bool main,
    struct mel_err *err)
{
	if (main && (m->adapter || m->said) &&
	    (port->dtype != MEL_F32 || port->ndim != 2 ||
		port->dim[1] != m->from.bands))
		return mel_fail(err, "port \"%s\" is no mel of %lld bands (%s)",
		    port->name, (long long)m->from.bands,
		    mel_contract_title(&m->from));
	if (!m->adapter)
		return 0;
	if (main)
		port->dim[1] = m->to.bands;
	if (main || mel_adapter_same_times(m->adapter))
		return 0;
	return port->sort == MEL_ROWS || !strcmp(port->name, "counts");
}

int64_t
copy_mel_frames(const struct copy_mel *m, int64_t n)
{
	return m->adapter ? mel_adapter_rows(m->adapter, n) : n;
}

int
copy_mel_rows(struct copy_mel *m, const struct mel_tensor *rows, bool last,
    struct mel_tensor *out, struct mel_err *err)
{
	int64_t n, dim[2] = {0, m->to.bands};

	if (!m->adapter) {
		*out = rows ? *rows : (struct mel_tensor){0};
		out->owned = false;
		return 0;
	}
	if (rows && mel_adapter_push(m->adapter, rows->data, rows->dim[0], err))
		return -1;
	if (last)
		mel_adapter_finish(m->adapter);
	do {
		size_t need = (size_t)((dim[0] + 64) * dim[1]);

		if (mel_reserve(&m->rows, &m->cap, need, sizeof(*m->rows), err))
			return -1;
		n = mel_adapter_pull(m->adapter, m->rows + dim[0] * dim[1], 64);
		dim[0] += n;
	} while (n);
	if (last)
		mel_adapter_reset(m->adapter);
	*out = mel_tensor_view(MEL_F32, 2, dim, m->rows);
	return 0;
}

void
copy_mel_reset(struct copy_mel *m)
{
	if (m->adapter)
		mel_adapter_reset(m->adapter);
}

void
copy_mel_close(struct copy_mel *m)
{
	drop_adapter(m);
	free(m->rows);
	*m = (struct copy_mel){0};
}
