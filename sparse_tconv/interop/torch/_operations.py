"""Names of ATen operations, by how their derivatives are found; views and their copies are one."""

from __future__ import annotations

# What counts as constant.
CONSTANT = {
    "detach",
    "new_empty",
    "new_zeros",
    "new_ones",
    "new_full",
    "empty_like",
    "zeros_like",
    "ones_like",
    "full_like",
}

# Entries of the results are entries of the arguments, or constants.
COPIES = {
    "view",
    "_unsafe_view",
    "_reshape_alias",
    "permute",
    "transpose",
    "t",
    "expand",
    "slice",
    "select",
    "squeeze",
    "unsqueeze",
    "split",
    "unsafe_split",
    "split_with_sizes",
    "unsafe_split_with_sizes",
    "as_strided",
    "unbind",
    "alias",
    "lift_fresh",
    "flip",
    "roll",
    "gather",
    "index_select",
    "index",
    "index_put",
    "cat",
    "stack",
    "repeat",
    "constant_pad_nd",
    "reflection_pad1d",
    "reflection_pad2d",
    "reflection_pad3d",
    "replication_pad1d",
    "replication_pad2d",
    "replication_pad3d",
    "pixel_shuffle",
    "pixel_unshuffle",
    "channel_shuffle",
    "native_channel_shuffle",
    "im2col",
    "upsample_nearest1d",
    "upsample_nearest2d",
    "upsample_nearest3d",
    "_upsample_nearest_exact1d",
    "_upsample_nearest_exact2d",
    "_upsample_nearest_exact3d",
    "unfold",
    "diagonal",
    "slice_scatter",
    "select_scatter",
    "diagonal_scatter",
    "copy",
    "tril",
    "triu",
    "rot90",
    "take",
}

# Of them, those with arguments of places.
BY_INDICES = {"gather", "index_select", "index", "index_put", "take"}

# Entry by entry, beside those that PyTorch tags so.
ENTRYWISE = {"_to_copy", "hardswish", "_prelu_kernel", "rsub", "where", "clone"}

# Each entry of the argument acts on one entry of the result.
REDUCTIONS = {
    "sum",
    "mean",
    "amax",
    "amin",
    "var",
    "std",
    "var_mean",
    "std_mean",
    "logsumexp",
    "linalg_vector_norm",
    "prod",
}

# Reductions, or choices along an axis where they give places too.
EXTREMES = {"max", "min", "median", "nanmedian"}

# Of two arguments, either of which may depend on the inputs.
MATRIX_PRODUCTS = {"mm", "bmm"}

# Made of simpler operations, whose derivatives are known.
COMPOSED = {
    "native_layer_norm",
    "native_group_norm",
    "native_batch_norm",
    "_native_batch_norm_legit",
    "_native_batch_norm_legit_no_training",
    "_native_batch_norm_legit_functional",
    "_softmax",
    "_log_softmax",
    "_safe_softmax",
    "_scaled_dot_product_flash_attention_for_cpu",
    "addmm",
    "addmv",
    "baddbmm",
    "addcmul",
    "addcdiv",
    "glu",
    "log_sigmoid_forward",
}
