/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/network.h"

#include <stdlib.h>

/*
 * Exported by OpenBLAS builds with run-time dispatch. Weak, so that another
 * BLAS links, and a program that calls none does not load it.
 */
void gotoblas_dynamic_init(void) __attribute__((weak));
void gotoblas_dynamic_quit(void) __attribute__((weak));
void openblas_set_num_threads(int threads) __attribute__((weak));

void
mel_blas_prepare(void)
{
	/*
	 * Dispatch goes by a list of models, and one that is not in it gets
	 * the oldest kernels. A core type that is no name makes OpenBLAS look
	 * at what the processor can do instead.
	 */
	setenv("OPENBLAS_CORETYPE", "auto", 0);
	if (gotoblas_dynamic_init && gotoblas_dynamic_quit) {
		gotoblas_dynamic_quit();
		gotoblas_dynamic_init();
	}
	if (openblas_set_num_threads)
		openblas_set_num_threads(1);
}
