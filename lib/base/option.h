/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_BASE_OPTION_H
#define MEL_BASE_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mel_buf;
struct mel_err;

/*
 * One table describes the options of a tool or a block and serves the command
 * line, the addon's YAML, the usage text and (checked by a test) the page.
 * A table ends with an entry whose name is NULL. Values are stored in a
 * struct of the option's owner at `offset`, in the C type of the option type.
 */
enum mel_option_type {
	MEL_OPT_FLAG,   /* bool; takes no value on the command line */
	MEL_OPT_INT,    /* int64_t in [min, max] */
	MEL_OPT_FLOAT,  /* double in [min, max], finite */
	MEL_OPT_STRING, /* char *, owned by the struct */
	MEL_OPT_CHOICE, /* int: index into choice */
	MEL_OPT_LIST,   /* struct mel_strings; may be given several times */
	MEL_OPT_MAP,    /* struct mel_strings: key, value, key, value ... */
	MEL_OPT_AMOUNT, /* struct mel_amount: a number or a control's value */
	MEL_OPT_OBJECT, /* void *: something only the addon's reader can make */
};

struct mel_strings {
	char **item; /* [n], owned, each owned */
	size_t n;
	size_t cap;
};

/* value + times * (what the user set the control to), at run time. */
struct mel_amount {
	double value;
	double times;
	char *control; /* owned; NULL: the value alone */
};

struct mel_option {
	const char *name; /* long option and YAML key */
	char letter;      /* short option, 0: none */
	enum mel_option_type type;
	size_t offset;             /* of the value in the struct */
	const char *arg;           /* placeholder in the usage: "FILE", "Hz" */
	const char *preset;        /* default as text; NULL: zero, NULL, none */
	double min, max;           /* closed range; min = max = 0: any */
	const char *const *choice; /* names, ends with NULL */
	const char *object;        /* OBJECT: its kind, see addon/build.h */
	void (*drop)(void *);      /* OBJECT: releases one that the options
				      own; NULL: it is only borrowed */
	bool required;
	const char *help; /* one line, no full stop */
};

const struct mel_option *mel_option_find(
    const struct mel_option *table, const char *name);

/* Clears nothing: the struct must be all zero. Sets every preset. */
int mel_options_preset(
    const struct mel_option *table, void *values, struct mel_err *err);

/*
 * Sets one option from text; FLAG takes "true" or "false", MAP "key=value",
 * AMOUNT a number.
 * Numbers use a point whatever the locale. On failure the old value stays.
 */
int mel_option_set(const struct mel_option *option, void *values,
    const char *text, struct mel_err *err);

/* Releases what the struct owns; strings, lists, objects with a drop. */
void mel_options_free(const struct mel_option *table, void *values);

/* Appends one line per option: letter, name, placeholder, help, default. */
int mel_options_help(
    const struct mel_option *table, struct mel_buf *out, struct mel_err *err);

/* Parses the whole of `text` as a finite number, with a point. */
int mel_parse_double(const char *text, double *out, struct mel_err *err);
int mel_parse_int(const char *text, int64_t *out, struct mel_err *err);

int mel_strings_add(
    struct mel_strings *list, const char *item, struct mel_err *err);

/* Adds both or none. */
int mel_strings_add_pair(struct mel_strings *pairs, const char *key,
    const char *value, struct mel_err *err);

/* The value given last for key, or NULL. */
const char *mel_strings_value(const struct mel_strings *pairs, const char *key);

void mel_strings_free(struct mel_strings *list);

#endif
