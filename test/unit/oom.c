/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dlfcn.h>
#include <errno.h>

#include "base/err.h"
#include "tap.h"
#include "work.h"

/*
 * J3: the n-th allocation fails, for n = 1, 2, 3, ... until none is left to
 * fail. Each time the work must end with a message, or come to the same result
 * all the same, and must succeed when it is done again. What is lost on the
 * way the leak checker finds (make SAN=address check).
 *
 * The functions below stand before those of the C library, so they see the
 * allocations of jansson, libyaml and protobuf-c, too. FFTW ends the process
 * when it gets no memory; it is left alone.
 */
#ifdef __SANITIZE_ADDRESS__
#define REAL(name) __interceptor_##name
#else
#define REAL(name) __libc_##name
#endif
void *REAL(malloc)(size_t n);
void *REAL(calloc)(size_t n, size_t size);
void *REAL(realloc)(void *p, size_t n);
void *REAL(memalign)(size_t align, size_t n);

static long fail_at; /* counted from now; 0: never */
static bool failed;

/* Whether the code at this address must survive. */
static bool
is_tested(const void *caller)
{
	static const char *const names[] = {
	    "libjansson", "libyaml", "libprotobuf-c", "/unit/oom"};
	Dl_info info;

	if (!dladdr(caller, &info) || !info.dli_fname)
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strstr(info.dli_fname, names[i]))
			return true;
	}
	return false;
}

/* Called before the sanitizers are ready. */
#define EARLY __attribute__((no_sanitize("address", "undefined")))

EARLY static bool
fails(const void *caller)
{
	if (!fail_at || !is_tested(caller) || --fail_at)
		return false;
	failed = true;
	errno = ENOMEM;
	return true;
}

EARLY void *
malloc(size_t n)
{
	return fails(__builtin_return_address(0)) ? NULL : REAL(malloc)(n);
}

EARLY void *
calloc(size_t n, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL
						  : REAL(calloc)(n, size);
}

EARLY void *
realloc(void *p, size_t n)
{
	return fails(__builtin_return_address(0)) ? NULL : REAL(realloc)(p, n);
}

EARLY void *
aligned_alloc(size_t align, size_t n)
{
	return fails(__builtin_return_address(0)) ? NULL
						  : REAL(memalign)(align, n);
}

/* libyaml loses memory when there is none. */
const char *__lsan_default_suppressions(void);
const char *
__lsan_default_suppressions(void)
{
	return "leak:yaml_parser_load\n";
}

#ifdef __SANITIZE_ADDRESS__
int __lsan_do_recoverable_leak_check(void);
#define leaks_now __lsan_do_recoverable_leak_check
#else
#define leaks_now() 0
#endif

static void
check(const char *name, work_fn *work)
{
	uint64_t good = 0, result;
	struct mel_err err = {0};
	long n = 0, silent = 0, bad = 0;

	if (!ok(!work(&good, &err), "%s: %s", name, err.msg))
		return;
	do {
		int rc;

		failed = false;
		fail_at = ++n;
		err.msg[0] = '\0';
		result = 0;
		errno = 0;
		rc = work(&result, &err);
		fail_at = 0;
		if (!rc && failed)
			silent++;
		if (getenv("OOM_LEAKS") && leaks_now())
			printf("# %s, allocation %ld leaks: %s\n", name, n,
			    err.msg);
		if (rc ? !strstr(err.msg, "memory") : result != good) {
			printf("# %s, allocation %ld: %s\n", name, n,
			    rc ? err.msg : "another result");
			bad++;
		}
	} while (failed && bad < 10);
	ok(n > 2 && !bad, "J3: %s: %ld allocations fail, %ld in silence", name,
	    n - 1, silent);
	result = 0;
	ok(!work(&result, &err) && result == good, "J3: %s: again", name);
}

#define NETWORK "addons/kathleen/variance.onnx"

/*
 * Weights that could not be packed, or taken from the file `packed`: the
 * network says so again, and closes.
 */
static void
test_ready(const char *packed)
{
	struct mel_network *net;
	struct mel_err err;
	long n = 0, bad = 0;

	do {
		int rc;

		failed = false;
		if (mel_network_load(&net, NETWORK, MEL_ISA_AUTO, &err)) {
			ok(false, "%s", err.msg);
			return;
		}
		fail_at = ++n;
		rc = mel_network_ready(net, packed, &err);
		fail_at = 0;
		bad += failed && !rc;
		bad += (mel_network_ready(net, packed, &err) != 0) != failed;
		mel_network_close(net);
	} while (failed);
	ok(n > 2 && !bad, "J3: weights%s: %ld allocations fail, for good",
	    packed ? " of a file" : "", n - 1);
}

static void
test_packed(void)
{
	char path[] = "/tmp/mel-XXXXXX";
	struct mel_network *net = NULL;
	struct mel_err err = {""};
	int fd = mkstemp(path);

	if (fd < 0 || mel_network_open(&net, NETWORK, MEL_ISA_AUTO, &err) ||
	    mel_network_write_packed(net, fd, &err))
		ok(false, "packed weights of %s: %s", NETWORK, err.msg);
	else
		test_ready(path);
	mel_network_close(net);
	close(fd);
	unlink(path);
}

int
main(void)
{
	struct mel_err err;

	if (work_setup(&err)) {
		printf("Bail out! %s\n", err.msg);
		return 1;
	}
	for (size_t i = 0; i < WORKS; i++)
		check(works[i].name, works[i].run);
	test_ready(NULL);
	test_packed();
	work_free();
	return tap_done();
}
