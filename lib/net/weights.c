/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/weights.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/option.h"
#include "net/wire.h"
#include "onnx.pb-c.h"

static char *
folder_of(const char *path, struct mel_err *err)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return mel_strdup(".", err);
	return mel_strndup(
	    path, slash == path ? 1 : (size_t)(slash - path), err);
}

int
mel_weights_open(
    struct mel_weights *weights, const char *path, struct mel_err *err)
{
	*weights = (struct mel_weights){0};
	if (mel_map_open(&weights->map, path, err))
		return -1;
	weights->folder = folder_of(path, err);
	if (weights->folder)
		return 0;
	mel_weights_close(weights);
	return -1;
}

void
mel_weights_close(struct mel_weights *weights)
{
	mel_map_close(&weights->map);
	for (size_t i = 0; i < weights->n_external; i++) {
		free(weights->external[i].location);
		mel_map_close(&weights->external[i].map);
	}
	free(weights->external);
	free(weights->folder);
	*weights = (struct mel_weights){0};
}

enum mel_dtype
mel_onnx_dtype(int32_t data_type)
{
	switch (data_type) {
	case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT:
		return MEL_F32;
	case ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE:
		return MEL_F64;
	case ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16:
		return MEL_F16;
	case ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16:
		return MEL_BF16;
	case ONNX__TENSOR_PROTO__DATA_TYPE__INT64:
		return MEL_I64;
	case ONNX__TENSOR_PROTO__DATA_TYPE__INT32:
		return MEL_I32;
	case ONNX__TENSOR_PROTO__DATA_TYPE__INT16:
		return MEL_I16;
	case ONNX__TENSOR_PROTO__DATA_TYPE__UINT8:
		return MEL_U8;
	case ONNX__TENSOR_PROTO__DATA_TYPE__BOOL:
		return MEL_BOOL;
	}
	return MEL_NONE;
}

/* true if `inner` is `outer` or below it; both as realpath gives them. */
static bool
is_inside(const char *inner, const char *outer)
{
	size_t n = strlen(outer);

	if (!strcmp(outer, "/"))
		return true;
	return !strncmp(inner, outer, n) && inner[n] == '/';
}

static int
check_location(const char *location, struct mel_err *err)
{
	const char *p = location;

	if (!*location || *location == '/')
		return mel_fail(
		    err, "external data '%s': not a relative path", location);
	while (p) {
		if (!strncmp(p, "..", 2) && (!p[2] || p[2] == '/'))
			return mel_fail(err,
			    "external data '%s': leaves the model's folder",
			    location);
		p = strchr(p, '/');
		p = p ? p + 1 : NULL;
	}
	return 0;
}

static int
map_external(const char *folder, const char *location, struct mel_map *map,
    struct mel_err *err)
{
	struct mel_buf path = {0};
	char *inner = NULL, *outer = NULL;
	int rc = mel_buf_printf(&path, err, "%s/%s", folder, location);

	if (!rc && !(outer = realpath(folder, NULL)))
		rc = mel_fail_errno(err, "%s", folder);
	if (!rc && !(inner = realpath(path.data, NULL)))
		rc = mel_fail_errno(err, "external data '%s'", location);
	if (!rc && !is_inside(inner, outer))
		rc = mel_fail(err,
		    "external data '%s': leaves the model's folder", location);
	if (!rc)
		rc = mel_map_open(map, inner, err);
	free(inner);
	free(outer);
	mel_buf_free(&path);
	return rc;
}

/* The mapped file, mapped at the first use. */
static const struct mel_map *
external(struct mel_weights *weights, const char *location, struct mel_err *err)
{
	struct mel_external *e;

	for (size_t i = 0; i < weights->n_external; i++) {
		if (!strcmp(weights->external[i].location, location))
			return &weights->external[i].map;
	}
	if (check_location(location, err) ||
	    mel_reserve(&weights->external, &weights->cap,
		weights->n_external + 1, sizeof(*e), err))
		return NULL;
	e = &weights->external[weights->n_external];
	if (map_external(weights->folder, location, &e->map, err))
		return NULL;
	e->location = mel_strdup(location, err);
	if (!e->location) {
		mel_map_close(&e->map);
		return NULL;
	}
	weights->n_external++;
	return &e->map;
}

/* Gives back the whole pages of bytes at p. */
static void
drop_pages(const uint8_t *p, size_t bytes)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t from = ((uintptr_t)p + page - 1) / page * page;
	uintptr_t to = ((uintptr_t)p + bytes) / page * page;

	if (to > from)
		madvise((void *)from, to - from, MADV_DONTNEED);
}

static bool
is_in(const struct mel_map *map, const uint8_t *p, size_t bytes)
{
	return map->data && p >= map->data && bytes <= map->len &&
	       (size_t)(p - map->data) <= map->len - bytes;
}

/* The file that the tensor is a view into, or NULL. */
static const struct mel_map *
find_map(const struct mel_weights *weights, const struct mel_tensor *t)
{
	size_t bytes = mel_tensor_bytes(t);

	if (is_in(&weights->map, t->data, bytes))
		return &weights->map;
	for (size_t i = 0; i < weights->n_external; i++) {
		if (is_in(&weights->external[i].map, t->data, bytes))
			return &weights->external[i].map;
	}
	return NULL;
}

struct mel_tensor
mel_weights_fetch(const struct mel_weights *weights, const struct mel_tensor *t,
    void *room, size_t size, size_t *used)
{
	const struct mel_map *map = find_map(weights, t);
	size_t bytes = mel_tensor_bytes(t), done = 0;
	struct mel_tensor copy = *t;

	*used = 0;
	if (!map || bytes > size)
		return copy;
	while (done < bytes) {
		off_t at = (const uint8_t *)t->data - map->data;
		ssize_t n = pread(map->fd, (char *)room + done, bytes - done,
		    at + (off_t)done);

		if (n <= 0) /* the mapping is there, too */
			return copy;
		done += (size_t)n;
	}
	copy.data = room;
	copy.owned = false;
	*used = bytes;
	return copy;
}

void
mel_weights_drop(const struct mel_weights *weights, const struct mel_tensor *t)
{
	if (find_map(weights, t))
		drop_pages(t->data, mel_tensor_bytes(t));
}

/* A view of `bytes` at p, or a copy where the type's alignment asks for one. */
static int
place(struct mel_tensor *out, const struct mel_tensor *shape, const uint8_t *p,
    size_t bytes, struct mel_err *err)
{
	size_t size = mel_dtype_size(shape->dtype);
	bool large = shape->dtype == MEL_F32 && bytes >= MEL_WEIGHTS_LARGE;

	if (bytes && (large || (uintptr_t)p % size == 0)) {
		*out = mel_tensor_view(shape->dtype, shape->ndim, shape->dim,
		    (void *)(uintptr_t)p);
		return 0;
	}
	if (mel_tensor_new(out, shape->dtype, shape->ndim, shape->dim, err))
		return -1;
	if (!bytes)
		return 0;
	memcpy(out->data, p, bytes);
	drop_pages(p, bytes);
	return 0;
}

static int
check_bool(const struct mel_tensor *t, size_t bytes, struct mel_err *err)
{
	const uint8_t *p = t->data;

	for (size_t i = 0; t->dtype == MEL_BOOL && i < bytes; i++) {
		if (p[i] > 1)
			return mel_fail(err, "a bool that is %d", p[i]);
	}
	return 0;
}

static int
from_external(struct mel_weights *weights, const Onnx__TensorProto *proto,
    const struct mel_tensor *shape, size_t bytes, struct mel_tensor *out,
    struct mel_err *err)
{
	const char *location = NULL;
	int64_t offset = 0, length = (int64_t)bytes;
	const struct mel_map *map;

	for (size_t i = 0; i < proto->n_external_data; i++) {
		const Onnx__StringStringEntryProto *e = proto->external_data[i];
		int rc = 0;

		if (!e->key || !e->value)
			continue;
		if (!strcmp(e->key, "location"))
			location = e->value;
		else if (!strcmp(e->key, "offset"))
			rc = mel_parse_int(e->value, &offset, err);
		else if (!strcmp(e->key, "length"))
			rc = mel_parse_int(e->value, &length, err);
		if (rc)
			return mel_fail_in(err, "external data, %s", e->key);
	}
	if (!location)
		return mel_fail(err, "external data without location");
	if (length != (int64_t)bytes)
		return mel_fail(err,
		    "external data '%s': %lld bytes, the shape says %zu",
		    location, (long long)length, bytes);
	map = external(weights, location, err);
	if (!map)
		return -1;
	if (offset < 0 || (uint64_t)offset > map->len ||
	    bytes > map->len - (size_t)offset)
		return mel_fail(
		    err, "external data '%s': beyond the file", location);
	return place(out, shape, map->data + offset, bytes, err);
}

static int
from_raw(struct mel_weights *weights, const ProtobufCBinaryData *raw,
    const struct mel_tensor *shape, size_t bytes, struct mel_tensor *out,
    struct mel_err *err)
{
	uint64_t offset, length;

	if (raw->len != MEL_WIRE_STUB)
		return mel_fail(err, "raw data has no place in the file");
	offset = mel_get_u64le(raw->data);
	length = mel_get_u64le(raw->data + 8);
	if (offset > weights->map.len || length > weights->map.len - offset)
		return mel_fail(err, "raw data beyond the file");
	if (length != bytes)
		return mel_fail(err, "%llu bytes of data, the shape says %zu",
		    (unsigned long long)length, bytes);
	return place(out, shape, weights->map.data + offset, bytes, err);
}

/* Small types are stored in int32_data, half floats as their bits. */
static void
from_i32(struct mel_tensor *t, const int32_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (t->dtype == MEL_U8)
			((uint8_t *)t->data)[i] = (uint8_t)v[i];
		else if (t->dtype == MEL_BOOL)
			((uint8_t *)t->data)[i] = v[i] != 0;
		else
			((uint16_t *)t->data)[i] = (uint16_t)v[i];
	}
}

static int
from_typed(const Onnx__TensorProto *proto, const struct mel_tensor *shape,
    struct mel_tensor *out, struct mel_err *err)
{
	size_t n = mel_tensor_count(shape), have = proto->n_int32_data;
	const void *data = proto->int32_data;
	bool wide = true; /* stored as it is */

	switch (shape->dtype) {
	case MEL_F32:
		have = proto->n_float_data;
		data = proto->float_data;
		break;
	case MEL_F64:
		have = proto->n_double_data;
		data = proto->double_data;
		break;
	case MEL_I64:
		have = proto->n_int64_data;
		data = proto->int64_data;
		break;
	case MEL_I32:
		break;
	default:
		wide = false;
	}
	if (have != n)
		return mel_fail(
		    err, "%zu elements, the shape says %zu", have, n);
	if (mel_tensor_new(out, shape->dtype, shape->ndim, shape->dim, err))
		return -1;
	if (!wide)
		from_i32(out, data, n);
	else if (n)
		memcpy(out->data, data, mel_tensor_bytes(out));
	return 0;
}

static int
content(struct mel_weights *weights, const Onnx__TensorProto *proto,
    struct mel_tensor *out, struct mel_err *err)
{
	struct mel_tensor shape;
	enum mel_dtype dtype = mel_onnx_dtype(proto->data_type);
	size_t bytes;
	int rc;

	if (!dtype) {
		weights->foreign = true;
		return mel_fail(err, "element type %d is not supported",
		    (int)proto->data_type);
	}
	if (proto->n_dims > MEL_MAX_DIMS)
		return mel_fail(
		    err, "%zu axes: at most %d", proto->n_dims, MEL_MAX_DIMS);
	if (mel_shape_check(
		dtype, (int)proto->n_dims, proto->dims, &bytes, err))
		return -1;
	shape = mel_tensor_view(dtype, (int)proto->n_dims, proto->dims, NULL);
	if (proto->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL)
		rc = from_external(weights, proto, &shape, bytes, out, err);
	else if (proto->has_raw_data)
		rc = from_raw(
		    weights, &proto->raw_data, &shape, bytes, out, err);
	else
		rc = from_typed(proto, &shape, out, err);
	if (rc)
		return -1;
	if (!check_bool(out, bytes, err))
		return 0;
	mel_tensor_free(out);
	return -1;
}

int
mel_weights_tensor(struct mel_weights *weights,
    const struct Onnx__TensorProto *proto, struct mel_tensor *out,
    struct mel_err *err)
{
	if (!content(weights, proto, out, err))
		return 0;
	return mel_fail_in(err, "tensor %s",
	    proto->name && *proto->name ? proto->name : "without a name");
}
