/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "tensor/convert.h"
#include "tap.h"

static void
test_half(void)
{
	ok(mel_f16_value(0x3c00) == 1 && mel_f16_value(0xc000) == -2 &&
		mel_f16_value(0x7bff) == 65504 &&
		mel_f16_value(0x3555) == 0x1.554p-2f,
	    "f16 normal");
	ok(mel_f16_value(0x0001) == 0x1p-24f &&
		mel_f16_value(0x03ff) == 0x3ffp-24f,
	    "f16 subnormal");
	ok(mel_f16_value(0x7c00) == INFINITY &&
		mel_f16_value(0xfc00) == -INFINITY &&
		isnan(mel_f16_value(0x7e01)) && signbit(mel_f16_value(0x8000)),
	    "f16 infinity, NaN, -0");
	ok(mel_bf16_value(0x3fc0) == 1.5f && isnan(mel_bf16_value(0x7fc0)),
	    "bf16");
}

static void
test_types(void)
{
	float f32[] = {1.5f}, back;
	double f64[] = {0.1};
	uint16_t f16[] = {0x3e00}, bf16[] = {0x3fc0};
	int64_t i64[] = {-5}, one = 1;
	int32_t i32[] = {-5};
	int16_t i16[] = {-5};
	uint8_t u8[] = {250};
	const struct {
		enum mel_dtype dtype, wide;
		void *data;
		double value;
	} all[] = {{MEL_F32, MEL_F32, f32, 1.5}, {MEL_F64, MEL_F64, f64, 0.1},
	    {MEL_F16, MEL_F32, f16, 1.5}, {MEL_BF16, MEL_F32, bf16, 1.5},
	    {MEL_I64, MEL_F64, i64, -5}, {MEL_I32, MEL_F64, i32, -5},
	    {MEL_I16, MEL_F32, i16, -5}, {MEL_U8, MEL_F32, u8, 250}};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct mel_tensor t =
		    mel_tensor_view(all[i].dtype, 1, &one, all[i].data);
		struct mel_tensor to = {0};

		ok(mel_tensor_value(&t, 0) == all[i].value &&
			mel_dtype_float(all[i].dtype) == all[i].wide,
		    "value of %s", mel_dtype_name(all[i].dtype));
		ok(!mel_tensor_convert(&to, &t, MEL_F32, NULL), "to f32");
		back = *(float *)to.data;
		ok(to.owned && back == (float)all[i].value, "is %g", back);
		mel_tensor_free(&to);
		ok(!mel_tensor_convert(&to, &t, MEL_F64, NULL) &&
			*(double *)to.data == all[i].value,
		    "to f64");
		mel_tensor_free(&to);
	}
}

/* A signalling NaN would come back quiet if it went through a double. */
static void
test_bits(void)
{
	uint32_t bits = 0x7f800001;
	int64_t one = 1;
	struct mel_tensor t = mel_tensor_view(MEL_F32, 1, &one, &bits);
	struct mel_tensor to = {0};

	ok(!mel_tensor_convert(&to, &t, MEL_F32, NULL) &&
		*(uint32_t *)to.data == bits,
	    "the same type keeps its bits");
	mel_tensor_free(&to);
}

int
main(void)
{
	test_half();
	test_types();
	test_bits();
	return tap_done();
}
