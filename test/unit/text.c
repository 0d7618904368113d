/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <jansson.h>
#include <locale.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/option.h"
#include "block/block.h"
#include "block/env.h"
#include "block/sequence.h"
#include "tensor/bundle.h"
#include "tensor/tensor.h"
#include "text/front.h"
#include "text/speech.h"
#include "text/symbols.h"
#include "text/text.h"
#include "tap.h"

#define DATA "test/data/kathleen/"

static const char symbols_path[] = DATA "symbols.txt";
static char last_note[512];
static int notes;

static void
note(void *ctx, const char *block, const char *text)
{
	(void)ctx;
	snprintf(last_note, sizeof(last_note), "%s: %s", block, text);
	notes++;
}

static const struct mel_env env = {.note = note};

/* Options as the addon's reader would fill them: NAME VALUE ... NULL. */
static struct mel_sequence *
open_front(const struct mel_sequence_type *type, const char *const *set,
    const char *symbols, struct mel_err *err)
{
	void *options = calloc(1, type->options_size);
	struct mel_sequence *block = NULL;

	mel_options_preset(type->options, options, NULL);
	if (symbols) /* owned by the options */
		((struct mel_front_options *)options)->symbols =
		    strdup(symbols);
	for (; set && *set; set += 2)
		mel_option_set(mel_option_find(type->options, set[0]), options,
		    set[1], NULL);
	if (mel_sequence_open(&block, type, options, "front", &env, err)) {
		mel_options_free(type->options, options);
		free(options);
		return NULL;
	}
	return block;
}

static const char *const kathleen[] = {
    "begin", "^", "end", "$", "pad", "_", NULL};
static const char *const kathleen_fail[] = {
    "begin", "^", "end", "$", "pad", "_", "unknown", "fail", NULL};

static int
run_bytes(struct mel_sequence *block, const char *name, const char *s, size_t n,
    struct mel_bundle *out, struct mel_err *err)
{
	int64_t dim[1] = {(int64_t)n};
	struct mel_tensor t =
	    mel_tensor_view(MEL_U8, 1, dim, (char *)(uintptr_t)s);
	struct mel_bundle in = {0};
	int rc;

	mel_bundle_put(&in, name, &t, NULL);
	mel_bundle_free(out);
	rc = mel_sequence_run(block, &in, out, err);
	mel_bundle_free(&in);
	return rc;
}

static int
run_ids(struct mel_sequence *block, int64_t *id, int64_t n,
    struct mel_bundle *out, struct mel_err *err)
{
	struct mel_tensor t = mel_tensor_view(MEL_I64, 1, &n, id);
	struct mel_bundle in = {0};
	int rc;

	mel_bundle_put(&in, "input_tokens", &t, NULL);
	mel_bundle_free(out);
	rc = mel_sequence_run(block, &in, out, err);
	mel_bundle_free(&in);
	return rc;
}

static bool
phonemes_are(const struct mel_bundle *out, const char *want)
{
	const struct mel_tensor *t = mel_bundle_get(out, "phonemes");
	size_t n = t ? mel_tensor_count(t) : 0;

	if (t && n == strlen(want) && !memcmp(t->data, want, n))
		return true;
	printf("# %.*s\n# wanted %s\n", (int)n, t ? (char *)t->data : "", want);
	return false;
}

/* The text is "3 14 15" and so on. */
static bool
tokens_are(const struct mel_bundle *out, const char *want)
{
	const struct mel_tensor *t = mel_bundle_get(out, "tokens");
	struct mel_buf text = {0};
	bool same;

	for (size_t i = 0; t && i < mel_tensor_count(t); i++)
		mel_buf_printf(&text, NULL, "%s%lld", i ? " " : "",
		    (long long)((int64_t *)t->data)[i]);
	same = text.data && !strcmp(text.data, want);
	if (!same)
		printf("# %s\n# wanted %s\n", text.data, want);
	mel_buf_free(&text);
	return same;
}

/* Compares `tokens` with a .npy of int64, which begins with 10 + n bytes. */
static bool
tokens_are_file(const struct mel_bundle *out, const char *path)
{
	const struct mel_tensor *t = mel_bundle_get(out, "tokens");
	struct mel_buf npy = {0};
	size_t skip;
	bool same;

	if (mel_read_file(path, 1 << 20, &npy, NULL))
		return false;
	skip = 10 + (unsigned char)npy.data[8] +
	       256 * (size_t)(unsigned char)npy.data[9];
	same = t && npy.len == skip + mel_tensor_bytes(t) &&
	       !memcmp(npy.data + skip, t->data, npy.len - skip);
	mel_buf_free(&npy);
	return same;
}

/* The voice's own texts, phonemes and ids (espeak-ng 1.51). */
static void
test_golden(void)
{
	json_t *index = json_load_file(DATA "index.json", 0, NULL), *item;
	struct mel_sequence *block =
	    open_front(&mel_espeak_type, kathleen, symbols_path, NULL);
	struct mel_bundle out = {0};
	size_t i;

	json_array_foreach(index, i, item)
	{
		const char *text =
		    json_string_value(json_object_get(item, "text"));
		const char *ipa =
		    json_string_value(json_object_get(item, "phonemes"));
		char path[64];

		snprintf(path, sizeof(path), DATA "%zu_ids.npy", i);
		run_bytes(block, "text", text, strlen(text), &out, NULL);
		ok(phonemes_are(&out, ipa), "phonemes of \"%.30s\"", text);
		ok(tokens_are_file(&out, path), "ids of \"%.30s\"", text);
		run_bytes(
		    block, "input_phonemes", ipa, strlen(ipa), &out, NULL);
		ok(tokens_are_file(&out, path), "ids of its phonemes");
	}
	ok(i == 6 && !notes, "all of them, nothing to remark");
	mel_bundle_free(&out);
	mel_sequence_close(block);
	json_decref(index);
}

static void
test_clauses(void)
{
	static const char *const cases[][2] = {
	    {"One, two; three: four? five! six.",
		"wˈʌn, tˈuː; θɹˈiː: fˈoːɹ? fˈaɪv! sˈɪks."},
	    {"The sun. Hello", "ðə sˈʌn. həlˈoʊ"},
	    {"(yes?) \"No!\"", "jˈɛs? nˈoʊ!"},
	    {"...", ""},
	    {"   ", ""},
	    {"well... world", "wˈɛl. wˈɜːld"},
	};
	struct mel_sequence *block =
	    open_front(&mel_espeak_type, kathleen, symbols_path, NULL);
	struct mel_bundle out = {0};
	struct mel_buf ipa = {0};
	struct mel_err err;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *text = cases[i][0], *want = cases[i][1];

		ipa.len = 0;
		mel_speech_phonemes("en-us", text, strlen(text), &ipa, NULL);
		if (!ok(!strcmp(ipa.data, want), "clauses of \"%s\"", text))
			printf("# %s\n# wanted %s\n", ipa.data, want);
	}
	ok(run_bytes(block, "text", "...", 3, &out, &err) &&
		strstr(err.msg, "nothing to say"),
	    "a text without a word: %s", err.msg);
	/* espeak-ng gives "həlˈoʊ (hi)nəmˈʌsteː(en-us) wˈɜːld". */
	ipa.len = 0;
	mel_speech_phonemes("en-us", "hello नमस्ते world",
	    strlen("hello नमस्ते world"), &ipa, NULL);
	ok(!strcmp(ipa.data, "həlˈoʊ nəmˈʌsteː wˈɜːld"),
	    "no language marks: %s", ipa.data);
	mel_buf_free(&ipa);
	mel_bundle_free(&out);
	mel_sequence_close(block);
}

static void
test_unknown(void)
{
	struct mel_sequence *skip =
	    open_front(&mel_espeak_type, kathleen, symbols_path, NULL);
	struct mel_sequence *fail =
	    open_front(&mel_espeak_type, kathleen_fail, symbols_path, NULL);
	const char text[] = "aᴥb☃\u202eᴥ_", bad[] = "a\xff", nul[] = "a\0b";
	struct mel_bundle out = {0};
	struct mel_err err;

	notes = 0;
	ok(!run_bytes(skip, "input_phonemes", text, strlen(text), &out, &err) &&
		tokens_are(&out, "1 10 11 2"),
	    "unknown symbols, and the one for padding, are skipped");
	ok(notes == 1 && !strcmp(last_note,
			     "Espeak: 5 symbols unknown to the voice skipped:"
			     " ᴥ ☃ U+202E _"),
	    "with one note: %s", last_note);
	ok(run_bytes(fail, "input_phonemes", text, strlen(text), &out, &err) &&
		strstr(err.msg, "5 symbols unknown to the voice: ᴥ ☃"),
	    "or refused: %s", err.msg);
	ok(run_bytes(skip, "text", bad, 2, &out, &err) &&
		strstr(err.msg, "text: not UTF-8 at byte 2"),
	    "%s", err.msg);
	ok(run_bytes(skip, "text", nul, 3, &out, &err) &&
		strstr(err.msg, "text: contains NUL"),
	    "%s", err.msg);
	ok(run_bytes(skip, "text", "", 0, &out, &err) == -1, "no text: %s",
	    err.msg);
	ok(!run_bytes(skip, "text", "漢字 привет 🙂", 24, &out, &err),
	    "other scripts are spelled by espeak-ng");
	mel_bundle_free(&out);
	mel_sequence_close(skip);
	mel_sequence_close(fail);
}

/* A line of 1 MB of whatever kind comes to an end. */
static void
test_long(void)
{
	static const char *const units[] = {
	    "The north wind and the sun, ", "a", "1", ",", "漢"};
	struct mel_sequence *block =
	    open_front(&mel_espeak_type, kathleen, symbols_path, NULL);
	struct mel_bundle out = {0};
	struct mel_err err;

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		struct mel_buf text = {0};
		int rc;

		while (text.len < 1 << 20)
			mel_buf_puts(&text, units[i], NULL);
		rc = run_bytes(block, "text", text.data, text.len, &out, &err);
		ok(i == 3 ? rc == -1 : rc == 0, "1 MB of \"%s\"", units[i]);
		mel_buf_free(&text);
	}
	mel_bundle_free(&out);
	mel_sequence_close(block);
}

static void
test_characters(void)
{
	static const char *const lower[] = {"lowercase", "true", NULL};
	struct mel_sequence *plain =
	    open_front(&mel_characters_type, NULL, symbols_path, NULL);
	struct mel_sequence *fold =
	    open_front(&mel_characters_type, lower, symbols_path, NULL);
	struct mel_bundle out = {0};
	int64_t ids[3] = {54, 0, 55};
	struct mel_err err;

	ok(!run_bytes(plain, "text", "ab ba", 5, &out, NULL) &&
		tokens_are(&out, "10 11 3 11 10"),
	    "each character is a token");
	notes = 0;
	ok(!run_bytes(plain, "text", "ABÆa", 5, &out, NULL) &&
		tokens_are(&out, "10") && notes == 1,
	    "capitals are other symbols");
	ok(!run_bytes(fold, "text", "ABÆa", 5, &out, NULL) &&
		tokens_are(&out, "10 11 30 10"),
	    "lowercase folds all scripts");
	ok(!run_ids(plain, ids, 2, &out, NULL) && tokens_are(&out, "54 0"),
	    "ids are taken as they are");
	ok(run_ids(plain, ids, 3, &out, &err) &&
		strstr(err.msg, "token 3: id 55 is outside 0 to 54"),
	    "%s", err.msg);
	ok(run_ids(plain, ids, 0, &out, &err) == -1, "%s", err.msg);
	mel_bundle_free(&out);
	mel_sequence_close(plain);
	mel_sequence_close(fold);
}

static void
test_ids(void)
{
	struct mel_sequence *any = open_front(&mel_ids_type, NULL, NULL, NULL);
	struct mel_sequence *some =
	    open_front(&mel_ids_type, NULL, symbols_path, NULL);
	static const char *const bad[] = {"1 x", "-1", "1.5", "1 55", "",
	    "99999999999999999999", "0x10", "1;2"};
	struct mel_bundle out = {0};
	struct mel_err err;

	ok(!run_bytes(any, "text", " 7 0,  900\t12 ", 14, &out, NULL) &&
		tokens_are(&out, "7 0 900 12"),
	    "a list of ids");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ok(run_bytes(some, "text", bad[i], strlen(bad[i]), &out, &err),
		    "refused: %s", err.msg);
	mel_bundle_free(&out);
	mel_sequence_close(any);
	mel_sequence_close(some);
}

static void
test_espeak_ids(void)
{
	struct mel_sequence *block =
	    open_front(&mel_espeak_type, kathleen, symbols_path, NULL);
	struct mel_bundle out = {0};
	int64_t ids[4] = {1, 10, 11, 2};
	const struct mel_tensor *t;

	ok(!run_ids(block, ids, 4, &out, NULL) &&
		tokens_are(&out, "1 10 11 2") && phonemes_are(&out, "ab"),
	    "ids from the user, and what they stand for");
	t = mel_bundle_get(&out, "symbols");
	ok(t && mel_tensor_count(t) == 8 && !memcmp(t->data, "^\na\nb\n$\n", 8),
	    "symbols of the tokens, a line each");
	mel_bundle_free(&out);
	mel_sequence_close(block);
}

/* A symbol table with these bytes; its message if it is refused. */
static const char *
load(const char *bytes, size_t n, struct mel_symbols **t)
{
	static struct mel_err err;
	static char path[] = "/tmp/melpipe-symbols-XXXXXX";
	int fd, rc;

	strcpy(path + sizeof(path) - 7, "XXXXXX");
	fd = mkstemp(path);
	mel_write_full(fd, bytes, n, NULL);
	close(fd);
	rc = mel_symbols_load(t, path, &err);
	unlink(path);
	if (!rc)
		return "";
	return strstr(err.msg, path) == err.msg
		   ? err.msg + strlen(path)
		   : "the message does not start with the file";
}

static void
test_symbols(void)
{
	static const struct {
		const char *bytes, *why;
	} bad[] = {
	    {"a\nb\n\nc\n", ":3: empty line"},
	    {"a\nb\na\n", ":3: \"a\" is on line 1, too"},
	    {"a\n\xff\n", ":2: not UTF-8"},
	    {"a\nb\tc\n", ":2: control character"},
	    {"", ": no symbols"},
	};
	static const char good[] = "\xef\xbb\xbf_\r\n \r\nt\r\ntʃ\r\nʃʃ";
	struct mel_symbols *t;
	struct mel_buf big = {0};
	struct mel_err err;
	size_t used;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		const char *why = load(bad[i].bytes, strlen(bad[i].bytes), &t);

		ok(!strcmp(why, bad[i].why), "refused: %s", why);
	}
	for (int i = 0; i < 65537; i++)
		mel_buf_printf(&big, NULL, "s%d\n", i);
	ok(!strcmp(
	       load(big.data, big.len, &t), ":65537: more than 65536 symbols"),
	    "too many symbols");
	big.len = 0;
	mel_buf_printf(&big, NULL, "%065d\n", 0);
	ok(!strcmp(
	       load(big.data, big.len, &t), ":1: symbol of more than 64 bytes"),
	    "a symbol too long");
	mel_buf_free(&big);
	ok(mel_symbols_load(&t, "/nonexistent/s", &err) &&
		strstr(err.msg, "/s"),
	    "%s", err.msg);

	ok(!*load(good, strlen(good), &t), "mark, CR, no newline at the end");
	ok(mel_symbols_count(t) == 5 && mel_symbols_id(t, " ", 1) == 1 &&
		mel_symbols_id(t, "_", 1) == 0 &&
		mel_symbols_id(t, "ʃ", 2) == -1,
	    "ids by symbol");
	ok(!strcmp(mel_symbols_name(t, 4), "ʃʃ") && !mel_symbols_name(t, 5) &&
		!mel_symbols_name(t, -1),
	    "symbols by id");
	ok(mel_symbols_match(t, "tʃx", 4, &used) == 3 && used == 3,
	    "the longest symbol matches");
	ok(mel_symbols_match(t, "tx", 2, &used) == 2 && used == 1,
	    "a shorter one if that is all");
	ok(mel_symbols_match(t, "ʃ", 2, &used) == -1 && used == 2,
	    "no match passes over the code point");
	mel_symbols_free(t);
	mel_symbols_free(NULL);
}

static void
test_open(void)
{
	static const char *const no_voice[] = {"voice", "xx-none", NULL};
	static const char *const no_begin[] = {"begin", "<s>", NULL};
	struct mel_err err;

	ok(!open_front(&mel_espeak_type, no_voice, symbols_path, &err), "%s",
	    err.msg);
	ok(!open_front(&mel_espeak_type, no_begin, symbols_path, &err) &&
		strstr(err.msg, "begin: symbol \"<s>\" is not in test/data"),
	    "%s", err.msg);
}

static void *
speak_often(void *arg)
{
	const char *text = arg;
	struct mel_buf first = {0}, again = {0};
	bool same;

	mel_speech_phonemes("en-us", text, strlen(text), &first, NULL);
	same = first.len > 0;
	for (int i = 0; i < 200; i++) {
		again.len = 0;
		mel_speech_phonemes("en-us", text, strlen(text), &again, NULL);
		same = same && again.len == first.len &&
		       !memcmp(again.data, first.data, first.len);
	}
	mel_buf_free(&first);
	mel_buf_free(&again);
	return same ? arg : NULL;
}

static void
test_threads(void)
{
	char a[] = "One, two, three.", b[] = "Is it? \"Quoted (and open";
	pthread_t thread;
	void *other;

	pthread_create(&thread, NULL, speak_often, a);
	ok(speak_often(b) != NULL, "one thread speaks");
	pthread_join(thread, &other);
	ok(other != NULL, "and another at the same time");
}

/* In a child: the library is set up once a process. */
static void
test_no_data(void)
{
	char dir[] = "/tmp/melpipe-espeak-XXXXXX", sub[64], said[256];
	int fd[2], status;
	ssize_t n;
	pid_t pid = -1;

	snprintf(sub, sizeof(sub), "%s/espeak-ng-data", mkdtemp(dir));
	mkdir(sub, 0777);
	fflush(stdout);
	if (!pipe(fd))
		pid = fork();
	if (!pid) {
		struct mel_err err;

		dup2(fd[1], STDOUT_FILENO);
		dup2(fd[1], STDERR_FILENO);
		setenv("ESPEAK_DATA_PATH", dir, 1);
		_exit(mel_speech_prepare("en-us", &err) != -1 ||
		      !strstr(err.msg, dir) || strchr(err.msg, '\n'));
	}
	close(fd[1]);
	n = read(fd[0], said, sizeof(said) - 1);
	close(fd[0]);
	waitpid(pid, &status, 0);
	ok(pid > 0 && status == 0,
	    "no data: a message with the file, no crash");
	said[n > 0 ? n : 0] = '\0';
	ok(n == 0, "and nothing printed: %s", said);
	rmdir(sub);
	rmdir(dir);
}

int
main(void)
{
	test_no_data();
	setlocale(LC_CTYPE, "C");
	test_open();
	ok(!strcmp(setlocale(LC_CTYPE, NULL), "C"), "LC_CTYPE is put back");
	test_golden();
	test_clauses();
	test_unknown();
	test_long();
	test_characters();
	test_ids();
	test_espeak_ids();
	test_symbols();
	test_threads();
	return tap_done();
}
