"""interpolate against torch: which component it calls, sizes and factors, the layers and old names, and what is refused."""

import pytest

import oracle
import reftorch
import reftorch.nn.functional as F
from oracle import ErrorCase, FunctionCase, ModuleCase, array, distinct, integers

IMAGE = [distinct(1, 2, 3, 4)]
CASES = [
    ModuleCase("Upsample", IMAGE, (5,), id="size"),
    ModuleCase("Upsample", IMAGE, ((5, 2),), dict(mode="bilinear"), id="bilinear"),
    ModuleCase("Upsample", IMAGE, (), dict(scale_factor=(2, 1.5), mode="bicubic", align_corners=True), id="bicubic"),
    ModuleCase("Upsample", [distinct(2, 3, 4)], (), dict(scale_factor=2, mode="linear"), id="linear"),
    ModuleCase("Upsample", [distinct(1, 1, 2, 3, 2)], (), dict(scale_factor=2, mode="trilinear"), id="trilinear"),
    ModuleCase("Upsample", IMAGE, (), dict(scale_factor=1.5, recompute_scale_factor=True, mode="bilinear"), id="again"),
    ModuleCase("UpsamplingNearest2d", IMAGE, (), dict(scale_factor=2)),
    ModuleCase("UpsamplingNearest2d", [distinct(1, 2, 4)], (), dict(scale_factor=2), id="sequence"),
    ModuleCase("UpsamplingBilinear2d", IMAGE, ((4, 7),)),
    *[
        FunctionCase("interpolate", [distinct(*(1, 2, 3, 4, 2)[: n + 2])], (2,), dict(mode="area"), id=f"area {n}d")
        for n in (1, 2, 3)
    ],
    FunctionCase("interpolate", IMAGE, (), dict(scale_factor=(0.7, 1.5), mode="area"), id="area by a factor"),
    FunctionCase("interpolate", [integers(0, 256, 1, 2, 3, 4, dtype="uint8")], (5,), id="uint8"),
    FunctionCase("interpolate", IMAGE, ((3, 4),), dict(mode="bilinear"), id="the same size"),
    FunctionCase("upsample", IMAGE, (), dict(scale_factor=2, mode="bilinear")),
    FunctionCase("upsample_nearest", IMAGE, (5,)),
    FunctionCase("upsample_bilinear", IMAGE, (5,)),
    FunctionCase(
        "interpolate",
        [array([[[float("nan"), 1.0, float("inf")]]])],
        (6,),
        dict(mode="linear"),
        id="NaN",
        gradcheck=False,
    ),
]


def refused(words, shape=(1, 2, 3, 4), id="", **options):
    return ErrorCase(
        lambda torch: torch.nn.functional.interpolate(torch.zeros(shape), **options), words, id=id or str(options)
    )


ERRORS = [
    refused(["either size or scale_factor"]),
    refused(["only one of"], size=2, scale_factor=2),
    refused(["size", "[3, 4]", "(2,)"], size=(2,)),
    refused(["scale_factor", "[3, 4]"], scale_factor=(2, 2, 2)),
    refused(["scale_factor", "nan"], scale_factor=float("nan")),
    refused(["scale_factor", "inf"], scale_factor=(2, float("inf"))),
    refused(["align_corners", "nearest"], size=2, align_corners=False),
    refused(["align_corners", "area"], size=2, mode="area", align_corners=True),
    refused(["recompute_scale_factor"], size=2, recompute_scale_factor=True),
    refused(["types", "float"], size=(2, 2.5)),
    refused(["Got 4D input", "linear mode needs 3D"], size=2, mode="linear"),
    refused(["Got 3D input", "bilinear mode needs 4D"], (1, 2, 3), size=2, mode="bilinear"),
    refused(["Got 4D input", "trilinear mode needs 5D"], size=2, mode="trilinear"),
    refused(["Only 3D, 4D and 5D", "2D"], (2, 3), size=()),
    refused(["cubic"], size=2, mode="cubic"),
    refused(["bicubic"], (1, 2, 3), size=2, mode="bicubic", id="bicubic of a sequence"),
    refused(["anti-alias", "nearest"], size=2, antialias=True),
    refused(["Lanczos", "antialias"], size=2, mode="lanczos"),
    refused(["Lanczos", "align_corners"], size=2, mode="lanczos", align_corners=True, antialias=True),
    refused(["lanczos", "3D"], (1, 2, 3), size=2, mode="lanczos", id="lanczos of a sequence"),
    refused(
        ["Anti-alias", "lanczos"],
        (1, 2, 3),
        size=2,
        mode="lanczos",
        antialias=True,
        id="lanczos of a sequence, antialias",
    ),
    refused(["greater than 0", "[0, 4]"], size=(0, 4)),
    refused(["greater than 0", "[1, 2, 0, 4]"], (1, 2, 0, 4), size=2, id="no pixels"),
    refused(["greater than 0"], (1, 0, 3, 4), size=2, id="no channels"),
    ErrorCase(lambda torch: torch.nn.functional.interpolate([1.0], 2), ["input"], raises=TypeError, id="a list"),
    ErrorCase(
        lambda torch: torch.nn.functional.interpolate(torch.zeros(1, 1, 2, dtype=torch.int64), 4),
        ["int64", "x.float()"],
        id="int64",
    ),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors = oracle.tests_of(__file__, CASES, ERRORS)[:4]


@pytest.mark.parametrize("name", ["upsample", "upsample_nearest", "upsample_bilinear"])
def test_old_names_warn(name):
    with pytest.warns(UserWarning, match=f"{name}` is deprecated"):
        getattr(F, name)(reftorch.zeros(1, 1, 2, 2), 3)


@pytest.mark.parametrize("align_corners", [False, True])
def test_one_and_two_dimensions_agree(align_corners):
    """A sequence is an image of one row; an image is a volume of one plane."""
    reftorch.manual_seed(0)
    x = reftorch.randn(2, 3, 5)
    line = F.interpolate(x, 9, mode="linear", align_corners=align_corners)
    image = F.interpolate(x.unsqueeze(2), (1, 9), mode="bilinear", align_corners=align_corners)
    volume = F.interpolate(x[:, :, None, None], (1, 1, 9), mode="trilinear", align_corners=align_corners)
    assert reftorch.allclose(line, image[:, :, 0]) and reftorch.allclose(line, volume[:, :, 0, 0])
