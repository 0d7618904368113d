/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdint.h>
#include <unistd.h>

#include "run.h"
#include "base/isa.h"
#include "net/network.h"

/*
 * An ONNX file of any bytes: opened, and run if that works. Start from the
 * models in test/data/onnx/layers.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mel_network *network;
	char path[64];
	int fd = bytes_as_file(data, size, path);

	if (!mel_network_open(&network, path, MEL_ISA_AUTO, NULL)) {
		run_network(network);
		mel_network_close(network);
	}
	close(fd);
	return 0;
}
