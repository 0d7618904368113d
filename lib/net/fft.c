/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/fft.h"

#include <math.h>
#include <string.h>

void
mel_fft_roots(struct mel_complex *root, size_t n, int inverse)
{
	for (size_t k = 0; k < n; k++) {
		double angle = 2 * M_PI * (double)k / (double)n;

		root[k].re = cos(angle);
		root[k].im = inverse ? sin(angle) : -sin(angle);
	}
}

static size_t
smallest_factor(size_t n)
{
	for (size_t p = 2; p * p <= n; p++) {
		if (n % p == 0)
			return p;
	}
	return n;
}

static struct mel_complex
multiply_add(struct mel_complex sum, struct mel_complex a, struct mel_complex b)
{
	sum.re += a.re * b.re - a.im * b.im;
	sum.im += a.re * b.im + a.im * b.re;
	return sum;
}

/* One of n = m parts; `step` apart in `in`, and so are the roots wanted. */
struct part {
	const struct mel_complex *in, *root;
	size_t n, step;
};

/* The transforms of the `factor` parts in `work` put together to out. */
static void
join(struct mel_complex *out, const struct mel_complex *work,
    const struct part *p, size_t factor)
{
	size_t m = p->n / factor, all = p->n * p->step;

	for (size_t k = 0; k < p->n; k++) {
		struct mel_complex sum = {0, 0};

		for (size_t q = 0; q < factor; q++)
			sum = multiply_add(sum, work[q * m + k % m],
			    p->root[q * k % p->n * p->step % all]);
		out[k] = sum;
	}
}

/* Depth is the number of prime factors: at most 64. */
static void
transform(
    struct mel_complex *out, const struct part *p, struct mel_complex *work)
{
	size_t factor = smallest_factor(p->n), m = p->n / factor;

	if (p->n == 1) {
		out[0] = p->in[0];
		return;
	}
	for (size_t q = 0; q < factor; q++) {
		struct part sub = {
		    p->in + q * p->step, p->root, m, p->step * factor};

		/* Each part is made where it is not wanted, by turns. */
		transform(work + q * m, &sub, out + q * m);
	}
	join(out, work, p, factor);
}

void
mel_fft(struct mel_complex *out, const struct mel_complex *in,
    const struct mel_complex *root, struct mel_complex *work, size_t n)
{
	struct part all = {in, root, n, 1};

	if (n)
		transform(out, &all, work);
}
