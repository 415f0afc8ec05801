r"""Interpolation: sequences, images or volumes become larger or smaller, by one of several rules.

This function serves all modes. It computes the size of the result and the distance between its pixels, checks both, and calls the
component of the chosen mode.

Use it when a feature map must have another size, as in the decoder of a segmentation network; `conv_transpose2d` learns how to
enlarge, `grid_sample` reads at any places.

## Forward

Each output is a weighted sum of the inputs around its place. Along one dimension:

$$y[w_{out}] = \sum_{w_{in}} k(w_{out}, w_{in}) \, x[w_{in}]$$

The mode decides which weights $k$ are not 0:

| mode | input | weights | component |
|---|---|---|---|
| nearest | 3-D to 5-D | 1 for the pixel under the output pixel's upper left corner | `upsample_nearest` |
| nearest-exact | 3-D to 5-D | 1 for the pixel under the output pixel's centre | `upsample_nearest` |
| linear | 3-D | 2 elements | `upsample_linear1d` |
| bilinear | 4-D | 2 by 2 pixels | `upsample_bilinear2d` |
| trilinear | 5-D | 2 by 2 by 2 voxels | `upsample_trilinear3d` |
| bicubic | 4-D | 4 by 4 pixels | `upsample_bicubic2d` |
| bilinear, bicubic, lanczos with `antialias` | 4-D | all pixels under a stretched curve | `upsample_antialias2d` |
| area | 3-D to 5-D | equal weights in a window | `adaptive_avg_pool1d` to `3d` |

## Output size

It is the argument `size`, or it follows from the factor $f$, `scale_factor`:

$$W_{out} = \lfloor f \, W_{in} \rfloor$$

The distance $r$ between neighbouring outputs, in pixels of the input, is $1 / f$ for a factor, and $W_{in} / W_{out}$ for a size or with
`recompute_scale_factor=True`. The two differ where the size was rounded. With `align_corners=True` the distance is
$(W_{in} - 1) / (W_{out} - 1)$.

## Worked example

Two pixels become four, in three ways:

>>> import reftorch as torch
>>> from reftorch import nn
>>> x = torch.tensor([[[[0., 8], [0, 8]]]])
>>> nn.Upsample(size=(1, 4), mode="nearest")(x)
tensor([[[[0., 0., 8., 8.]]]])
>>> nn.Upsample(size=(1, 4), mode="bilinear")(x)
tensor([[[[0., 2., 6., 8.]]]])
>>> nn.Upsample(size=(1, 4), mode="bilinear", align_corners=True)(x)
tensor([[[[0.0000, 2.6667, 5.3333, 8.0000]]]])

## Questions

**Which mode is right for a map of class numbers?**

"nearest" or "nearest-exact". All others would mix the numbers 1 and 3 into 2, which is another class.

**Should corners be aligned?**

Not if the pixels are squares that cover the image, as in photographs: the part of the image that the result shows would depend on
its size. Yes if they are samples at points, such as the nodes of a grid.

**How large is an image of 5 by 5 pixels after `scale_factor=1.5`?**

7 by 7, since 7.5 is rounded down.

>>> nn.functional.interpolate(torch.zeros(1, 1, 5, 5), scale_factor=1.5).shape
torch.Size([1, 1, 7, 7])
"""

from __future__ import annotations

import math
import warnings

from reftorch.nn.module import Module
from reftorch.nn.vision.upsample_antialias2d import upsample_antialias2d
from reftorch.nn.vision.upsample_bicubic2d import upsample_bicubic2d
from reftorch.nn.vision.upsample_bilinear2d import upsample_bilinear2d
from reftorch.nn.vision.upsample_linear1d import upsample_linear1d
from reftorch.nn.vision.upsample_nearest import upsample_nearest_nd
from reftorch.nn.vision.upsample_trilinear3d import upsample_trilinear3d
from reftorch.tensor import Tensor
from reftorch.types import float32, float64, uint8

DIMS = {"linear": 3, "bilinear": 4, "bicubic": 4, "lanczos": 4, "trilinear": 5}
ANY = ("nearest", "nearest-exact", "area")


def interpolate(
    input,
    size=None,
    scale_factor=None,
    mode="nearest",
    align_corners=None,
    recompute_scale_factor=None,
    antialias=False,
):
    """The input at another size.

    Shapes: `input` (N, C, W), (N, C, H, W) or (N, C, D, H, W); the result has the same number of dimensions. N may be 0.

    Args:
        input: float32 or float64; uint8 too, for the nearest modes.
        size: the new size, an int or one for each dimension after the channels.
        scale_factor: how many times larger, a number or one for each of these dimensions; either this or `size`.
        mode: "nearest", "nearest-exact", "linear", "bilinear", "trilinear", "bicubic", "lanczos" or "area".
        align_corners: whether the centres of the corner pixels stay in place; only for the linear and cubic modes.
        recompute_scale_factor: whether the distance between outputs is that of the rounded size, not that of the factor.
        antialias: whether a smaller image is the mean of all its pixels; only for "bilinear" and "bicubic"; "lanczos" needs it.

    Raises:
        ValueError: both or neither of `size` and `scale_factor`, another number of them than dimensions, or an option that the
            mode does not have.
        NotImplementedError: the mode does not exist, or not for this number of dimensions or this dtype.
        RuntimeError: an extent is 0.
        TypeError: the input is not a tensor, or a size is not an int.
    """
    if not isinstance(input, Tensor):
        raise TypeError(f"interpolate(): argument 'input' must be Tensor, not {type(input).__name__}")
    if align_corners is not None and mode in ANY:
        raise ValueError(
            "align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic | trilinear; "
            f"found align_corners={align_corners} with mode='{mode}'"
        )
    recompute = bool(recompute_scale_factor) or mode == "area"
    size_out, factors = _size_and_factors(input, size, scale_factor, recompute_scale_factor, recompute)
    if antialias and not (mode in ("bilinear", "bicubic", "lanczos") and input.ndim == 4):
        raise ValueError(
            "Anti-alias option is restricted to bilinear, bicubic, and lanczos modes and requires a 4-D tensor as input; found "
            f"mode='{mode}' and {input.ndim} dimensions"
        )
    if mode == "lanczos" and input.ndim == 4 and (align_corners or not antialias):
        wrong = "does not support align_corners=True" if align_corners else "requires antialias=True"
        raise ValueError(f"Lanczos mode {wrong}: it is a mean of many pixels, for images that become smaller")
    _check_mode(input, mode)
    if mode == "area":
        return _area(input, size_out)
    _check_extents(input, size_out)
    return _weighted(input, size_out, factors, mode, bool(align_corners), antialias)


def _weighted(input, size_out, factors, mode, align_corners, antialias):
    """Call the component of the mode."""
    if mode == "nearest" and input.ndim > 3:
        # As in PyTorch, the factor does not count for an extent that stays equal or is exactly doubled.
        factors = [None if m in (n, 2 * n) else f for n, m, f in zip(input.shape[2:], size_out, factors)]
    scales = [_scale(n, m, f, align_corners) for n, m, f in zip(input.shape[2:], size_out, factors, strict=True)]
    if mode in ANY:
        exact = mode == "nearest-exact"
        if input.dtype is uint8:  # 0 to 255 are exact in float32
            return upsample_nearest_nd(input.float(), size_out, scales, exact).to(uint8)
        return upsample_nearest_nd(input, size_out, scales, exact)
    if antialias:
        return upsample_antialias2d(input, size_out, scales, mode)
    if mode == "linear":
        return upsample_linear1d(input, size_out, scales, align_corners)
    if mode == "bilinear":
        return upsample_bilinear2d(input, size_out, scales, align_corners)
    if mode == "trilinear":
        return upsample_trilinear3d(input, size_out, scales, align_corners)
    return upsample_bicubic2d(input, size_out, scales, align_corners)


def _size_and_factors(input, size, scale_factor, recompute_scale_factor, recompute):
    """The size of the result, and the factors that give the distance of its pixels; None where the sizes give it."""
    if (size is None) == (scale_factor is None):
        both = "only one of size or scale_factor should be defined"
        raise ValueError(both if size is not None else "either size or scale_factor should be defined")
    name, given = ("size", size) if scale_factor is None else ("scale_factor", scale_factor)
    extents = input.shape[2:]
    if isinstance(given, (tuple, list)) and len(given) != len(extents):
        raise ValueError(
            f"Input and {name} must have the same number of spatial dimensions, but got input with spatial dimensions of "
            f"{list(extents)} and {name}={tuple(given)}: batch and channels come first and have no {name}"
        )
    given = list(given) if isinstance(given, (tuple, list)) else [given] * len(extents)
    if scale_factor is not None:
        if not all(map(math.isfinite, given)):
            raise RuntimeError(
                f"interpolate: found scale_factor={scale_factor}, wanted numbers that are neither NaN nor infinite: the output has "
                "the size of the input times this factor; was the factor computed by a division by 0?"
            )
        size_out = [math.floor(extent * factor) for extent, factor in zip(extents, given)]
        return size_out, [None] * len(extents) if recompute else given
    if recompute_scale_factor:
        raise ValueError("recompute_scale_factor is not meaningful with an explicit size: it belongs to scale_factor.")
    if any(isinstance(each, bool) or not hasattr(each, "__index__") for each in given):
        raise TypeError(
            "expected size to be one of int or Tuple[int] or Tuple[int, int] or Tuple[int, int, int], but got size with types "
            f"{[type(each).__name__ for each in given]}: a size that was divided needs // instead of /"
        )
    return [int(each) for each in given], [None] * len(extents)


def _check_mode(input, mode):
    """Raise NotImplementedError unless the mode exists for this number of dimensions and this dtype."""
    if mode not in DIMS and mode not in ANY or not 3 <= input.ndim <= 5:
        raise NotImplementedError(
            f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {input.ndim}D) for the modes: nearest | linear | "
            f"bilinear | bicubic | trilinear | lanczos | area | nearest-exact (got {mode})"
        )
    if DIMS.get(mode, input.ndim) != input.ndim:
        raise NotImplementedError(
            f"Got {input.ndim}D input, but {mode} mode needs {DIMS[mode]}D input: batch and channels count too"
        )
    if input.dtype not in (float32, float64) and not (input.dtype is uint8 and mode in ("nearest", "nearest-exact")):
        raise NotImplementedError(
            f"interpolate with mode='{mode}' is not implemented for {input.dtype}: convert the input, for example with x.float()"
        )


def _check_extents(input, size_out):
    """Raise RuntimeError if there is nothing to read or to write, except for an empty batch."""
    if min(size_out) <= 0 or 0 in input.shape[1:]:
        raise RuntimeError(
            f"Input and output sizes should be greater than 0, but got input of shape {list(input.shape)} and output size "
            f"{size_out}: only the batch may be empty"
        )


def _scale(extent_in, extent_out, factor, align_corners):
    """The distance between neighbouring outputs, in pixels of the input."""
    if align_corners:
        return (extent_in - 1) / (extent_out - 1) if extent_out > 1 else 0.0
    return 1.0 / factor if factor else extent_in / extent_out


def _area(input, size_out):
    from reftorch.nn import functional

    return getattr(functional, f"adaptive_avg_pool{input.ndim - 2}d")(input, size_out)


def upsample(input, size=None, scale_factor=None, mode="nearest", align_corners=None):
    """The old name of `interpolate`."""
    _deprecated("upsample")
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input, size=None, scale_factor=None):
    """The old name of `interpolate` with `mode="nearest"`."""
    _deprecated("upsample_nearest")
    return interpolate(input, size, scale_factor, mode="nearest")


def upsample_bilinear(input, size=None, scale_factor=None):
    """The old name of `interpolate` with `mode="bilinear"` and aligned corners."""
    _deprecated("upsample_bilinear")
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)


def _deprecated(name):
    warnings.warn(
        f"`nn.functional.{name}` is deprecated. Use `nn.functional.interpolate` instead.", UserWarning, stacklevel=3
    )


class Upsample(Module):
    """`interpolate` as a layer. It has no parameters; in spite of its name it can also make the input smaller.

    Args:
        size: the new size, or
        scale_factor: how many times larger.
        mode, align_corners, recompute_scale_factor: as for `interpolate`.

    Shapes and errors: those of `interpolate`, when the layer is called.
    """

    def __init__(self, size=None, scale_factor=None, mode="nearest", align_corners=None, recompute_scale_factor=None):
        super().__init__()
        self.name = type(self).__name__
        self.size = size
        self.scale_factor: float | tuple[float, ...] | None
        if isinstance(scale_factor, tuple):
            self.scale_factor = tuple(float(factor) for factor in scale_factor)
        else:
            self.scale_factor = float(scale_factor) if scale_factor else None
        self.mode = mode
        self.align_corners = align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input):
        return interpolate(
            input,
            self.size,
            self.scale_factor,
            self.mode,
            self.align_corners,
            recompute_scale_factor=self.recompute_scale_factor,
        )

    def extra_repr(self):
        given = f"size={self.size}" if self.scale_factor is None else f"scale_factor={self.scale_factor}"
        return f"{given}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """`Upsample` with `mode="nearest"`."""

    def __init__(self, size=None, scale_factor=None):
        super().__init__(size, scale_factor, mode="nearest")


class UpsamplingBilinear2d(Upsample):
    """`Upsample` with `mode="bilinear"` and aligned corners."""

    def __init__(self, size=None, scale_factor=None):
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)
