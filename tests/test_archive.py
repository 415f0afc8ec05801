"""PyTorch's file format, both ways: dtypes, views, parameters, optimizers, places; and files that are damaged or hostile."""

import base64
import collections
import io
import os
import pickle
import zipfile
import zlib

import numpy as np
import pytest

import reftorch
from both import both, needs_pytorch, pytorch
from reftorch import archive

DTYPES = "float16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool complex64 complex128".split()

# torch.save({"x": x, "row": x[1], "count": torch.tensor(3)}, file) of PyTorch 2.13 with x = torch.arange(6.).view(2, 3)
OF_PYTORCH = (
    "c-p0v&ui0Q7{}ivZ5lIeyG`vjVIU}UFuSC`=g^HHxkRw52*pdt(%1yEW^ej-Q$Z-"
    "m2J@sxFXGLUXa9~}WCw2^M0W7%(f3W(E=g^x^KIY0G=0C{=ac7sp0uVgF#tFY42?9H0h+6u)~>PA)R30jd1}j25<Cu#9{m!6Y=gprXOPm7gB3Zoi!8gttF"
    "E!twd|&fjCRLy)!jS~>1?)<z?(aGr`9qc<4btib~N<RzsSRwXDGmUgTbr5(}k?UBAD1zfI=(G0pt`$p$_1MLtS@l+t88av^)F*w`sUW^PZ(69`Z|dIECQF"
    "I=tk$xXvC-nmE46m@zYMdXA}0Y{cxtv_kE}=|hu<W)PgM!^@303GH;-2ww4Jr>OUxc56U-)gu*Q2K!M6&SAo(CEsTr!G$`!*3H$F1UGyA-OU?#E19*CInU"
    "r%Kj*n8j=QZPb=Pn^`0iwBHj;X8h{XK!&#$it2AQMH7eM9A{51cnW?QZHw$VniRQQwsq){#sfb~82gT^7~u>jLxeE_ia92pKdE?HVTPu%{nEre`?Fzny?H"
    "qYWH>{x~*xEreK6+xD6{|A8Y+FQpT8~BZ956=%9geddo``bDE!`uX-<uH*bOWD6BVoqI1yw}H{PDlW5Y`hd$8^jybR^_}YDDWim(fih;$>+Za@@EC;-"
    "D<~hEnI;wG}6DS)s&^&KY|FQvM37GQoc|YSIZTllwU21La~h3YF-"
    "q?YO%ChD&$Lqvik94JBvB89wkL!2b{tFOb?MqpMz0#umLk6C8EHnj*glHn`j|qauhTf>fESLuo0$1K6M%lH(*pAtlDHq{)GmS-"
    "id016&Ti<OhhY2wZR%ng|x>3?TFk3k9IM9&oMBe=xPefF8526xiwI7k#&mp*I%)I%dzC23@{1*yZ`i!v%ZG&_WOH(1NcCfQv"
)
# the same with _use_new_zipfile_serialization=False, which is how PyTorch before 1.6 wrote
OF_OLD_PYTORCH = (
    "c-n1{xlY4C5Qc59lfZJ{XF-`XQAi-"
    "*iWDf#a)!nYvVyaUjVy0wy$*+jl!l1#3>1{S8jpZP!8qnBvf4vCJNwQ2f6sWP!RJf;W9$0uY^~Tcj^7FH51{4kSxwVAQYhhy!0B=s`62`z6YME`34Emj?("
    "neXH$yO<Y>Gj3*Wpg&-}4B_1DJU`gTcrXQbC3pHo==8D#$X^HWP*j+mK^s9RJkRF?tKStAupDq7y4Wh^Qm^RqO{XNAWNc(&?5d82P-"
    "NOW>H<Y;z##7g`TQQ(dG%3Z^}cIo8g;WmUJ!rOI~MszPSihuev<kL-zp+&R;j!AKv*7-"
    "4!J#s@A+4!EmOaYRpLi%Z@*^j$@P78)?2V6p*ILyQzRFzsPC9`Qz2oAJ^rv*!pWk1)sdN0=XY31~sVVgr_jF1aE`XO>gcx0oaJ=U2<hAAPr6vG%H^QVCX("
    "t|NU7H53XdbzQ+m12z*+FB4BkeA7pDYVcxWe=^ATnbrP}-T`hkoVa?pUTa^_Ad#^"
)


def contents(torch):
    """One of everything that may stand in a checkpoint."""
    x = torch.arange(6.0).view(2, 3)
    parameter = torch.nn.Parameter(torch.ones(2))
    parameter.tag = 3
    labelled = torch.ones(2)
    labelled.label = "red"
    found = {
        "tensor": x,
        "row": x[0],
        "columns": x[:, 1:],
        "turned": x.t(),
        "expanded": torch.ones(3).expand(2, 3),
        "empty": torch.zeros(0, 3),
        "number": torch.tensor(3),
        "leaf": torch.ones(1, requires_grad=True),
        "parameter": torch.nn.Parameter(torch.ones(2)),
        "frozen": torch.nn.Parameter(torch.ones(2), requires_grad=False),
        "parameter with an attribute": parameter,
        "buffer": torch.nn.Buffer(torch.ones(1)),
        "attribute": labelled,
        "dtype": torch.float64,
        "devices": [torch.device("cuda", 1), torch.device("cpu")],
        "size": torch.Size([2, 3]),
        "bytes": b"a\xffb",
        "set": {1},
        "numbers": (1.5, 1 + 2j, 2**70, None, True, "text"),
        "ordered": collections.OrderedDict(b=1, a=[]),
    }
    return found | {name: torch.tensor([0, 1, 2]).to(getattr(torch, name)) for name in DTYPES}


def same(ours, theirs, at=""):
    """Fail unless two objects, of two libraries or of one, say the same."""
    if hasattr(theirs, "requires_grad"):
        assert hasattr(ours, "requires_grad"), at
        for fact in ("dtype", "shape", "requires_grad", "__dict__"):
            assert repr(visible(ours, fact)) == repr(visible(theirs, fact)), (at, fact)
        assert kind(ours) == kind(theirs), at
        assert not theirs.numel() or ours.stride() == theirs.stride(), at
        np.testing.assert_array_equal(ours.detach().numpy(), theirs.detach().numpy(), err_msg=at)
    elif isinstance(theirs, dict):
        assert type(ours) is type(theirs) and list(ours) == list(theirs), at
        for key in theirs:
            same(ours[key], theirs[key], f"{at}[{key!r}]")
    elif type(theirs) in (list, tuple):
        assert type(ours) is type(theirs) and len(ours) == len(theirs), at
        for i, part in enumerate(theirs):
            same(ours[i], part, f"{at}[{i}]")
    else:
        assert repr(ours) == repr(theirs), at


def kind(x):
    library = reftorch if isinstance(x, reftorch.Tensor) else pytorch
    return [name for name in ("Parameter", "Buffer") if isinstance(x, getattr(library.nn, name))]


def visible(x, fact):
    if fact != "__dict__":
        return getattr(x, fact)
    return {k: v for k, v in vars(x).items() if not k.startswith("_") and k not in ("array", "dtype", "device")}


def written(library, obj, **options):
    file = io.BytesIO()
    library.save(obj, file, **options)
    file.seek(0)
    return file


def share(state):
    state["row"][0] = 9
    return state["tensor"][0, 0].item() == 9 and state["turned"][0, 0].item() == 9


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_ours_comes_back(protocol):
    again = reftorch.load(written(reftorch, contents(reftorch), pickle_protocol=protocol))
    same(again, contents(reftorch))
    assert share(again)


@needs_pytorch
def test_theirs_loads_here():
    again = reftorch.load(written(pytorch, contents(pytorch)))
    same(again, contents(pytorch))
    assert share(again)


@needs_pytorch
@pytest.mark.parametrize("options", [{}, {"weights_only": False}])
def test_ours_loads_there(options):
    again = pytorch.load(written(reftorch, contents(reftorch)), **options)
    same(contents(reftorch), again)
    assert share(again)


@pytest.mark.parametrize("data", [OF_PYTORCH, OF_OLD_PYTORCH], ids=["now", "before 1.6"])
def test_a_file_of_pytorch(data):
    state = reftorch.load(io.BytesIO(zlib.decompress(base64.b85decode(data))))
    assert state["x"].tolist() == [[0, 1, 2], [3, 4, 5]] and state["count"].shape == ()
    state["row"][0] = 9
    assert state["x"][1, 0].item() == 9


def trained(torch):
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    net(torch.ones(4, 3)).sum().backward()
    optimizer.step()
    return net, optimizer


@needs_pytorch
@pytest.mark.parametrize("there", [True, False], ids=["theirs here", "ours there"])
def test_a_training_goes_on_in_the_other_library(there, tmp_path):
    giver, taker = (pytorch, reftorch) if there else (reftorch, pytorch)
    net, optimizer = trained(giver)
    giver.save({"net": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}, tmp_path / "checkpoint.pt")
    state = taker.load(tmp_path / "checkpoint.pt")
    other, other_optimizer = trained(taker)
    other.load_state_dict(state["net"])
    other_optimizer.load_state_dict(state["optimizer"])
    for mine, its in zip(net.parameters(), other.parameters()):
        np.testing.assert_array_equal(mine.detach().numpy(), its.detach().numpy())
    for mine, its in zip(optimizer.state.values(), other_optimizer.state.values()):
        np.testing.assert_array_equal(mine["momentum_buffer"].numpy(), its["momentum_buffer"].numpy())
    assert state["epoch"] == 3


def test_plain_pickles_of_reftorch_stay_readable():
    state = {"x": reftorch.arange(3), "list": [reftorch.nn.Parameter(reftorch.ones(2))]}
    again = reftorch.load(io.BytesIO(pickle.dumps(state, 4)))
    same(again, state)


@both
def test_every_file_has_the_same_parts(torch):
    names = set(zipfile.ZipFile(written(torch, {"a": torch.ones(2)})).namelist())
    assert {"archive/data.pkl", "archive/data/0", "archive/version", "archive/byteorder"} <= names


def test_storages_begin_at_multiples_of_64_and_files_are_equal():
    file = written(reftorch, {"a": reftorch.ones(2), "b": reftorch.ones(3)})
    for info in zipfile.ZipFile(file).infolist():
        start = info.header_offset
        header = file.getvalue()[start : start + 30]
        assert (
            start + 30 + int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
        ) % 64 == 0
    assert written(reftorch, [1, reftorch.ones(2)]).getvalue() == written(reftorch, [1, reftorch.ones(2)]).getvalue()


def test_only_the_part_of_a_users_array_is_written():
    big = np.zeros((1000, 100), np.float32)
    assert len(written(reftorch, reftorch.from_numpy(big[3])).getvalue()) < 3000


# ------------------------------------------------------------------------------------------------ places
def on_cuda_1(**options):
    """A file whose tensor says that it was on another CUDA device."""
    file = written(reftorch, {"a": reftorch.ones(2)})
    parts = {info.filename: zipfile.ZipFile(file).read(info) for info in zipfile.ZipFile(file).infolist()}
    pickled = parts["archive/data.pkl"].replace(b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:1")
    changed = io.BytesIO()
    with zipfile.ZipFile(changed, "w") as out:
        for name, data in parts.items():
            out.writestr(name, pickled if name.endswith("data.pkl") else data)
    changed.seek(0)
    return changed


@both
@pytest.mark.parametrize(
    "place", ["cpu", {"cuda:1": "cpu"}, lambda storage, location: storage, lambda storage, location: storage.cpu()]
)
def test_cuda_tensors_go_where_map_location_says(torch, place):
    assert torch.load(on_cuda_1(), map_location=place)["a"].tolist() == [1, 1]
    assert torch.load(on_cuda_1(), map_location=torch.device("cpu"))["a"].device == torch.device("cpu")


@both
@pytest.mark.parametrize("place", [None, {"cuda:0": "cpu"}, lambda storage, location: None])
def test_without_cuda_the_error_says_what_to_write(torch, place, monkeypatch):
    if torch is reftorch:
        monkeypatch.setattr("reftorch.cuda.is_available", lambda: False)
    with pytest.raises(RuntimeError, match=r"map_location=torch.device\('cpu'\)"):
        torch.load(on_cuda_1(), map_location=place)


# ------------------------------------------------------------------------------------------------ damaged and hostile files
@both
def test_damaged_archives(torch):
    whole = written(torch, {"a": torch.ones(100)}).getvalue()
    for data in (b"PK\x03\x04more", whole[:-30], whole[: len(whole) // 2]):
        with pytest.raises(RuntimeError, match="PytorchStreamReader failed"):
            torch.load(io.BytesIO(data))
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as out:
        out.writestr("archive/readme.txt", "hello")
    other.seek(0)
    with pytest.raises(RuntimeError):
        torch.load(other)


def test_flipped_bits_are_noticed():
    data = bytearray(written(reftorch, {"a": reftorch.full((8,), 7.0)}).getvalue())
    data[data.index(np.float32(7).tobytes() * 8) + 1] ^= 1
    with pytest.raises(RuntimeError, match="failed reading file data/0"):
        reftorch.load(io.BytesIO(bytes(data)))


def archive_of(reduced):
    """An archive whose pickle says what a hostile one might: `reduced` is a function's name and its arguments."""

    class Harmful:
        def __reduce__(self):
            return reduced

    return written(reftorch, Harmful(), pickle_protocol=2)


def storage(count=4):
    return archive._Written(0, reftorch.float32, "cpu", count * 4)


@pytest.mark.parametrize(
    "offset, size, stride",
    [(0, (5,), (1,)), (3, (2,), (1,)), (0, (2,), (4,)), (0, (2,), (-1,)), (-1, (2,), (1,)), (0, ("a",), (1,))],
)
def test_tensors_beyond_their_storage_are_refused(offset, size, stride):
    file = written(reftorch, {"a": reftorch.ones(4)})
    data = zipfile.ZipFile(file).read("archive/data/0")
    out = archive_of((archive.TENSOR, (storage(), offset, size, stride, False, collections.OrderedDict())))
    with zipfile.ZipFile(out, "a") as more:
        more.writestr("archive/data/0", data)
    out.seek(0)
    with pytest.raises(pickle.UnpicklingError, match="not within its storage"):
        reftorch.load(out)


@pytest.mark.parametrize("options", [{}, {"weights_only": True}, {"weights_only": None}])
def test_calls_are_refused(options):
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed: the file names posix.system|nt.system"):
        reftorch.load(archive_of((os.system, ("echo harm",))), **options)


@pytest.mark.parametrize("safe", [True, False])
def test_modules_of_pytorch_are_refused(safe):
    with pytest.raises(pickle.UnpicklingError, match="torch.nn.modules.linear.Linear, which reftorch does not rebuild"):
        reftorch.load(archive_of((archive.Named("torch.nn.modules.linear", "Linear"), ())), weights_only=safe)


def test_attributes_cannot_replace_the_parts_of_a_tensor():
    x = reftorch.ones(2)
    x.__setstate__({"array": None, "dtype": None, "_grad": 5, "label": "red"})
    assert x.tolist() == [1, 1] and x.grad is None and x.label == "red"


@both
def test_a_missing_folder(torch, tmp_path):
    with pytest.raises(RuntimeError, match="Parent directory .* does not exist"):
        torch.save({}, tmp_path / "none" / "file.pt")
