/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MEL_NET_OPS_H
#define MEL_NET_OPS_H

struct mel_op;

/*
 * The families of operators. Each is an array that ends with NULL, at the end
 * of its file op_NAME.c; net/optable.c searches them.
 */
extern const struct mel_op *const mel_ops_arith[];   /* Add, Mul, Pow ... */
extern const struct mel_op *const mel_ops_unary[];   /* Exp, Neg, Round ... */
extern const struct mel_op *const mel_ops_act[];     /* Relu, Gelu, Clip ... */
extern const struct mel_op *const mel_ops_logic[];   /* Less, And, Where ... */
extern const struct mel_op *const mel_ops_cast[];    /* Cast, CastLike */
extern const struct mel_op *const mel_ops_shape[];   /* Shape, Reshape ... */
extern const struct mel_op *const mel_ops_move[];    /* Transpose, Tile ... */
extern const struct mel_op *const mel_ops_slice[];   /* Slice, Concat, Split */
extern const struct mel_op *const mel_ops_pad[];     /* Pad */
extern const struct mel_op *const mel_ops_gather[];  /* Gather, GatherND ... */
extern const struct mel_op *const mel_ops_scatter[]; /* ScatterND ... */
extern const struct mel_op *const mel_ops_select[];  /* ArgMax, TopK ... */
extern const struct mel_op *const mel_ops_reduce[];  /* ReduceMean ... */
extern const struct mel_op *const mel_ops_fill[];    /* Range ... */
extern const struct mel_op *const mel_ops_scan[];    /* CumSum */
extern const struct mel_op *const mel_ops_conv[];    /* Conv */
extern const struct mel_op *const mel_ops_rows[];    /* (conv) ... */
extern const struct mel_op *const mel_ops_matmul[];  /* MatMul, Gemm */
extern const struct mel_op *const mel_ops_norm[]; /* LayerNormalization ... */
extern const struct mel_op *const mel_ops_softmax[];  /* Softmax, LogSoftmax */
extern const struct mel_op *const mel_ops_pool[];     /* MaxPool ... */
extern const struct mel_op *const mel_ops_convtr[];   /* ConvTranspose */
extern const struct mel_op *const mel_ops_rnn[];      /* LSTM, GRU, RNN */
extern const struct mel_op *const mel_ops_resize[];   /* Resize */
extern const struct mel_op *const mel_ops_einsum[];   /* Einsum */
extern const struct mel_op *const mel_ops_spectral[]; /* DFT, STFT */
extern const struct mel_op *const mel_ops_random[];   /* RandomNormal ... */
extern const struct mel_op *const mel_ops_group[]; /* GroupNormalization ... */
extern const struct mel_op *const mel_ops_index[]; /* OneHot, Compress ... */
extern const struct mel_op *const mel_ops_control[];  /* If, Loop, Scan */
extern const struct mel_op *const mel_ops_sequence[]; /* SequenceAt ... */

#endif
