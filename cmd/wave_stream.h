/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WAVE_STREAM_H
#define WAVE_STREAM_H

struct mel_err;
struct mel_reader;
struct wave_job;

/*
 * tts-wave --stream: sound goes out while the rows of its utterance come in.
 * Memory does not grow with the utterance.
 */
struct wave_stream;

/* The job, which stays the caller's, knows its contract and has its inverse. */
int wave_stream_open(
    struct wave_stream **stream, struct wave_job *job, struct mel_err *err);
void wave_stream_close(struct wave_stream *stream);

/*
 * From behind the first head to the end; port: number of the mel's. Faults of
 * utterances are printed and set job->failed; -1 if the stream is wrong or cut.
 */
int wave_stream_run(struct wave_stream *stream, struct mel_reader *reader,
    int port, struct mel_err *err);

#endif
