/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef VECTORS_H
#define VECTORS_H

#include <sndfile.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Reference data of test/data/mel for the unit tests; they run in the root. */

struct vector {
	float *data; /* [dim[0], dim[1]] */
	int64_t dim[2];
};

/* A float32 .npy with one or two axes; exits if it is not there. */
__attribute__((unused)) static struct vector
load_npy(const char *name)
{
	struct vector v = {.dim = {1, 1}};
	char path[512], head[1024];
	unsigned len;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "test/data/mel/%s", name);
	f = fopen(path, "rb");
	if (!f || fread(head, 1, 10, f) != 10) {
		printf("Bail out! %s\n", path);
		exit(1);
	}
	len = (unsigned char)head[8] + 256u * (unsigned char)head[9];
	if (len >= sizeof(head) || fread(head, 1, len, f) != len)
		exit(1);
	head[len] = '\0';
	if (!strstr(head, "'<f4'") ||
	    sscanf(strstr(head, "'shape'"), "'shape': (%ld, %ld", &v.dim[0],
		&v.dim[1]) < 1)
		exit(1);
	n = (size_t)(v.dim[0] * v.dim[1]);
	v.data = malloc(n * sizeof(float) + 1);
	if (!v.data || fread(v.data, sizeof(float), n, f) != n)
		exit(1);
	fclose(f);
	return v;
}

/* All samples of a mono sound file in [-1, 1). */
__attribute__((unused)) static struct vector
load_wav(const char *name)
{
	struct vector v = {.dim = {0, 1}};
	SF_INFO info = {0};
	char path[512];
	SNDFILE *f;

	snprintf(path, sizeof(path), "test/data/mel/%s", name);
	f = sf_open(path, SFM_READ, &info);
	if (!f) {
		printf("Bail out! %s\n", path);
		exit(1);
	}
	v.dim[0] = info.frames;
	v.data = malloc((size_t)info.frames * sizeof(float) + 1);
	if (!v.data || sf_readf_float(f, v.data, info.frames) != info.frames)
		exit(1);
	sf_close(f);
	return v;
}

#endif
