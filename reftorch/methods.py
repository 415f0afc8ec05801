"""The methods of a tensor: each calls the function of the same name in `reftorch.ops`.

The name is looked up at the call and not imported here, since the operations need `Tensor`, which is made of this class.
"""

from __future__ import annotations

import reftorch

from . import types


class TensorMethods:
    """What `Tensor` inherits: `x.add(y)` is `reftorch.ops.add(x, y)`, and `x.add_(y)` lets x become that."""

    # fmt: off
    # ---------------------------------------------------------------------------- two operands
    def add(self, other, *, alpha=1): return reftorch.ops.add(self, other, alpha=alpha)
    def sub(self, other, *, alpha=1): return reftorch.ops.sub(self, other, alpha=alpha)
    def mul(self, other): return reftorch.ops.mul(self, other)
    def div(self, other, *, rounding_mode=None): return reftorch.ops.div(self, other, rounding_mode=rounding_mode)
    def floor_divide(self, other): return reftorch.ops.floor_divide(self, other)
    def remainder(self, other): return reftorch.ops.remainder(self, other)
    def pow(self, exponent): return reftorch.ops.pow(self, exponent)
    def maximum(self, other): return reftorch.ops.maximum(self, other)
    def minimum(self, other): return reftorch.ops.minimum(self, other)
    def where(self, condition, other): return reftorch.ops.where(condition, self, other)
    def eq(self, other): return reftorch.ops.eq(self, other)
    def ne(self, other): return reftorch.ops.ne(self, other)
    def lt(self, other): return reftorch.ops.lt(self, other)
    def le(self, other): return reftorch.ops.le(self, other)
    def gt(self, other): return reftorch.ops.gt(self, other)
    def ge(self, other): return reftorch.ops.ge(self, other)
    def logical_and(self, other): return reftorch.ops.logical_and(self, other)
    def logical_or(self, other): return reftorch.ops.logical_or(self, other)
    def logical_xor(self, other): return reftorch.ops.logical_xor(self, other)
    def bitwise_and(self, other): return reftorch.ops.bitwise_and(self, other)
    def bitwise_or(self, other): return reftorch.ops.bitwise_or(self, other)
    def bitwise_xor(self, other): return reftorch.ops.bitwise_xor(self, other)
    def equal(self, other): return reftorch.ops.equal(self, other)
    def allclose(self, other, rtol=1e-05, atol=1e-08, equal_nan=False): return reftorch.ops.allclose(self, other, rtol, atol, equal_nan)
    def isclose(self, other, rtol=1e-05, atol=1e-08, equal_nan=False): return reftorch.ops.isclose(self, other, rtol, atol, equal_nan)
    subtract, multiply, divide, true_divide = sub, mul, div, div

    # ---------------------------------------------------------------------------- one operand
    def neg(self): return reftorch.ops.neg(self)
    def abs(self): return reftorch.ops.abs(self)
    def sign(self): return reftorch.ops.sign(self)
    def exp(self): return reftorch.ops.exp(self)
    def expm1(self): return reftorch.ops.expm1(self)
    def log(self): return reftorch.ops.log(self)
    def log1p(self): return reftorch.ops.log1p(self)
    def log2(self): return reftorch.ops.log2(self)
    def log10(self): return reftorch.ops.log10(self)
    def sqrt(self): return reftorch.ops.sqrt(self)
    def rsqrt(self): return reftorch.ops.rsqrt(self)
    def square(self): return reftorch.ops.square(self)
    def reciprocal(self): return reftorch.ops.reciprocal(self)
    def sin(self): return reftorch.ops.sin(self)
    def cos(self): return reftorch.ops.cos(self)
    def tan(self): return reftorch.ops.tan(self)
    def atan(self): return reftorch.ops.atan(self)
    def sinh(self): return reftorch.ops.sinh(self)
    def cosh(self): return reftorch.ops.cosh(self)
    def tanh(self): return reftorch.ops.tanh(self)
    def sigmoid(self): return reftorch.ops.sigmoid(self)
    def relu(self): return reftorch.nn.functional.relu(self)
    def round(self, *, decimals=0): return reftorch.ops.round(self, decimals=decimals)
    def floor(self): return reftorch.ops.floor(self)
    def ceil(self): return reftorch.ops.ceil(self)
    def trunc(self): return reftorch.ops.trunc(self)
    def clamp(self, min=None, max=None): return reftorch.ops.clamp(self, min, max)
    def isnan(self): return reftorch.ops.isnan(self)
    def isinf(self): return reftorch.ops.isinf(self)
    def isfinite(self): return reftorch.ops.isfinite(self)
    def logical_not(self): return reftorch.ops.logical_not(self)
    def bitwise_not(self): return reftorch.ops.bitwise_not(self)
    def nan_to_num(self, nan=0.0): return reftorch.ops.where(reftorch.ops.isnan(self), nan, self)
    negative, absolute, clip = neg, abs, clamp

    # ---------------------------------------------------------------------------- in place
    def add_(self, other, *, alpha=1): return reftorch.ops.become(self, reftorch.ops.add, other, alpha=alpha)
    def sub_(self, other, *, alpha=1): return reftorch.ops.become(self, reftorch.ops.sub, other, alpha=alpha)
    def mul_(self, other): return reftorch.ops.become(self, reftorch.ops.mul, other)
    def div_(self, other, *, rounding_mode=None): return reftorch.ops.become(self, reftorch.ops.div, other, rounding_mode=rounding_mode)
    def floor_divide_(self, other): return reftorch.ops.become(self, reftorch.ops.floor_divide, other)
    def remainder_(self, other): return reftorch.ops.become(self, reftorch.ops.remainder, other)
    def pow_(self, exponent): return reftorch.ops.become(self, reftorch.ops.pow, exponent)
    def neg_(self): return reftorch.ops.become(self, reftorch.ops.neg)
    def abs_(self): return reftorch.ops.become(self, reftorch.ops.abs)
    def exp_(self): return reftorch.ops.become(self, reftorch.ops.exp)
    def log_(self): return reftorch.ops.become(self, reftorch.ops.log)
    def sqrt_(self): return reftorch.ops.become(self, reftorch.ops.sqrt)
    def rsqrt_(self): return reftorch.ops.become(self, reftorch.ops.rsqrt)
    def reciprocal_(self): return reftorch.ops.become(self, reftorch.ops.reciprocal)
    def tanh_(self): return reftorch.ops.become(self, reftorch.ops.tanh)
    def sigmoid_(self): return reftorch.ops.become(self, reftorch.ops.sigmoid)
    def relu_(self): return reftorch.nn.functional.relu_(self)
    def floor_(self): return reftorch.ops.become(self, reftorch.ops.floor)
    def ceil_(self): return reftorch.ops.become(self, reftorch.ops.ceil)
    def round_(self): return reftorch.ops.become(self, reftorch.ops.round)
    def sign_(self): return reftorch.ops.become(self, reftorch.ops.sign)
    def clamp_(self, min=None, max=None): return reftorch.ops.become(self, reftorch.ops.clamp, min, max)
    def logical_not_(self): return reftorch.ops.become(self, reftorch.ops.logical_not)
    def addcmul(self, a, b, *, value=1): return self + value * a * b
    def addcdiv(self, a, b, *, value=1): return self + value * (a / b)
    def addcmul_(self, a, b, *, value=1): return self.add_(value * a * b)
    def addcdiv_(self, a, b, *, value=1): return self.add_(value * (a / b))
    def lerp(self, end, weight): return self + weight * (end - self)
    def masked_fill_(self, mask, value): return reftorch.ops.become(self, reftorch.ops.masked_fill, mask, value)
    def scatter_(self, dim, index, src): return reftorch.ops.become(self, reftorch.ops.scatter, dim, index, src)
    def scatter_add_(self, dim, index, src): return reftorch.ops.become(self, reftorch.ops.scatter_add, dim, index, src)
    def index_fill_(self, dim, index, value): self[(slice(None),) * dim + (index,)] = value; return self
    def copy_(self, source, non_blocking=False): return reftorch.ops.copy_(self, source, non_blocking)
    def fill_(self, value): return reftorch.ops.fill_(self, value)
    def zero_(self): return reftorch.ops.zero_(self)
    def fill_diagonal_(self, value): self.diagonal().fill_(value); return self
    def uniform_(self, a=0.0, b=1.0, *, generator=None, **ends): return reftorch.ops.uniform_(self, ends.get("from", a), ends.get("to", b), generator=generator)
    def normal_(self, mean=0.0, std=1.0, *, generator=None): return reftorch.ops.normal_(self, mean, std, generator=generator)
    def bernoulli_(self, p=0.5, *, generator=None): return reftorch.ops.bernoulli_(self, p, generator=generator)
    def exponential_(self, lambd=1.0, *, generator=None): return reftorch.ops.exponential_(self, lambd, generator=generator)
    def random_(self, low=None, high=None, *, generator=None): return reftorch.ops.random_(self, low, high, generator=generator)
    clip_ = clamp_

    # ---------------------------------------------------------------------------- reductions
    def sum(self, dim=None, keepdim=False, *, dtype=None): return reftorch.ops.sum(self, dim, keepdim, dtype=dtype)
    def mean(self, dim=None, keepdim=False, *, dtype=None): return reftorch.ops.mean(self, dim, keepdim, dtype=dtype)
    def prod(self, dim=None, keepdim=False, *, dtype=None): return reftorch.ops.prod(self, dim, keepdim, dtype=dtype)
    def var(self, dim=None, unbiased=True, keepdim=False, *, correction=None): return reftorch.ops.var(self, dim, unbiased, keepdim, correction=correction)
    def std(self, dim=None, unbiased=True, keepdim=False, *, correction=None): return reftorch.ops.std(self, dim, unbiased, keepdim, correction=correction)
    def norm(self, p=2, dim=None, keepdim=False): return reftorch.ops.norm(self, p, dim, keepdim)
    def max(self, dim=None, keepdim=False): return reftorch.ops.max(self, dim, keepdim)
    def min(self, dim=None, keepdim=False): return reftorch.ops.min(self, dim, keepdim)
    def amax(self, dim=None, keepdim=False): return reftorch.ops.amax(self, dim, keepdim)
    def amin(self, dim=None, keepdim=False): return reftorch.ops.amin(self, dim, keepdim)
    def argmax(self, dim=None, keepdim=False): return reftorch.ops.argmax(self, dim, keepdim)
    def argmin(self, dim=None, keepdim=False): return reftorch.ops.argmin(self, dim, keepdim)
    def all(self, dim=None, keepdim=False): return reftorch.ops.all(self, dim, keepdim)
    def any(self, dim=None, keepdim=False): return reftorch.ops.any(self, dim, keepdim)
    def count_nonzero(self, dim=None): return reftorch.ops.count_nonzero(self, dim)
    def cumsum(self, dim, *, dtype=None): return reftorch.ops.cumsum(self, dim, dtype=dtype)
    def logsumexp(self, dim, keepdim=False): return reftorch.ops.logsumexp(self, dim, keepdim)
    def softmax(self, dim=None, dtype=None): return reftorch.ops.softmax(self, dim, dtype)
    def log_softmax(self, dim=None, dtype=None): return reftorch.ops.log_softmax(self, dim, dtype)
    def sum_to_size(self, *size): return reftorch.ops.sum_to_size(self, *size)

    # ---------------------------------------------------------------------------- products
    def matmul(self, other): return reftorch.ops.matmul(self, other)
    def mm(self, other): return reftorch.ops.mm(self, other)
    def mv(self, other): return reftorch.ops.mv(self, other)
    def bmm(self, other): return reftorch.ops.bmm(self, other)
    def dot(self, other): return reftorch.ops.dot(self, other)
    def outer(self, other): return reftorch.ops.outer(self, other)
    def addmm(self, a, b, *, beta=1, alpha=1): return reftorch.ops.addmm(self, a, b, beta=beta, alpha=alpha)
    def tril(self, diagonal=0): return reftorch.ops.tril(self, diagonal)
    def triu(self, diagonal=0): return reftorch.ops.triu(self, diagonal)

    # ---------------------------------------------------------------------------- shape
    def reshape(self, *shape): return reftorch.ops.reshape(self, *shape)
    def view(self, *shape): return reftorch.ops.view(self, *shape)
    def view_as(self, other): return reftorch.ops.view_as(self, other)
    def reshape_as(self, other): return reftorch.ops.reshape(self, other.shape)
    def transpose(self, dim0, dim1): return reftorch.ops.transpose(self, dim0, dim1)
    def t(self): return reftorch.ops.t(self)
    def permute(self, *dims): return reftorch.ops.permute(self, *dims)
    def movedim(self, source, destination): return reftorch.ops.movedim(self, source, destination)
    def unsqueeze(self, dim): return reftorch.ops.unsqueeze(self, dim)
    def squeeze(self, dim=None): return reftorch.ops.squeeze(self, dim)
    def expand(self, *size): return reftorch.ops.expand(self, *size)
    def expand_as(self, other): return reftorch.ops.expand(self, other.shape)
    def broadcast_to(self, size): return reftorch.ops.expand(self, size)
    def flatten(self, start_dim=0, end_dim=-1): return reftorch.ops.flatten(self, start_dim, end_dim)
    def unflatten(self, dim, sizes): return reftorch.ops.unflatten(self, dim, sizes)
    def ravel(self): return reftorch.ops.reshape(self, -1)
    def narrow(self, dim, start, length): return reftorch.ops.narrow(self, dim, start, length)
    def select(self, dim, index): return reftorch.ops.select(self, dim, index)
    def split(self, split_size, dim=0): return reftorch.ops.split(self, split_size, dim)
    def chunk(self, chunks, dim=0): return reftorch.ops.chunk(self, chunks, dim)
    def unbind(self, dim=0): return reftorch.ops.unbind(self, dim)
    def diagonal(self, offset=0, dim1=0, dim2=1): return reftorch.ops.diagonal(self, offset, dim1, dim2)
    def repeat(self, *sizes): return reftorch.ops.repeat(self, *sizes)
    def flip(self, *dims): return reftorch.ops.flip(self, *dims)
    def roll(self, shifts, dims=None): return reftorch.ops.roll(self, shifts, dims)
    swapaxes = swapdims = transpose

    # ---------------------------------------------------------------------------- index
    def gather(self, dim, index): return reftorch.ops.gather(self, dim, index)
    def scatter(self, dim, index, src): return reftorch.ops.scatter(self, dim, index, src)
    def scatter_add(self, dim, index, src): return reftorch.ops.scatter_add(self, dim, index, src)
    def index_select(self, dim, index): return reftorch.ops.index_select(self, dim, index)
    def masked_fill(self, mask, value): return reftorch.ops.masked_fill(self, mask, value)
    def masked_select(self, mask): return reftorch.ops.masked_select(self, mask)
    def nonzero(self, *, as_tuple=False): return reftorch.ops.nonzero(self, as_tuple=as_tuple)
    def sort(self, dim=-1, descending=False): return reftorch.ops.sort(self, dim, descending)
    def argsort(self, dim=-1, descending=False): return reftorch.ops.argsort(self, dim, descending)
    def topk(self, k, dim=-1, largest=True, sorted=True): return reftorch.ops.topk(self, k, dim, largest, sorted)

    # ---------------------------------------------------------------------------- copies and conversions
    def clone(self, *, memory_format=None): return reftorch.ops.clone(self)
    def contiguous(self, memory_format=None): return self if self.is_contiguous() else reftorch.ops.clone(self)
    def to(self, *target, **options): return reftorch.ops.to(self, *target, **options)
    def type(self, dtype=None): return reftorch.ops.type_of(self) if dtype is None else reftorch.ops.to(self, reftorch.ops.parse_type(dtype))
    def type_as(self, other): return reftorch.ops.to(self, other)
    def cpu(self): return reftorch.ops.to(self, types.CPU)
    def cuda(self, device=None, non_blocking=False): return reftorch.ops.to(self, types.device("cuda" if device is None else device))
    def float(self): return reftorch.ops.to(self, types.float32)
    def double(self): return reftorch.ops.to(self, types.float64)
    def half(self): return reftorch.ops.to(self, types.float16)
    def long(self): return reftorch.ops.to(self, types.int64)
    def int(self): return reftorch.ops.to(self, types.int32)
    def bool(self): return reftorch.ops.to(self, types.bool)
    def byte(self): return reftorch.ops.to(self, types.uint8)

    # ---------------------------------------------------------------------------- new tensors of this one's dtype and device
    def new_tensor(self, data, *, dtype=None, device=None, requires_grad=False): return reftorch.ops.tensor(data, dtype=dtype or self.dtype, device=device or self.device, requires_grad=requires_grad)
    def new_empty(self, *size, dtype=None, device=None): return reftorch.ops.empty(*size, dtype=dtype or self.dtype, device=device or self.device)
    def new_zeros(self, *size, dtype=None, device=None): return reftorch.ops.zeros(*size, dtype=dtype or self.dtype, device=device or self.device)
    def new_ones(self, *size, dtype=None, device=None): return reftorch.ops.ones(*size, dtype=dtype or self.dtype, device=device or self.device)
    def new_full(self, size, fill_value, *, dtype=None, device=None): return reftorch.ops.full(size, fill_value, dtype=dtype or self.dtype, device=device or self.device)

    # ---------------------------------------------------------------------------- operators
    def __add__(self, other): return reftorch.ops.add(self, other)
    def __radd__(self, other): return reftorch.ops.add(self, other)
    def __iadd__(self, other): return self.add_(other)
    def __sub__(self, other): return reftorch.ops.sub(self, other)
    def __rsub__(self, other): return reftorch.ops.sub(other, self)
    def __isub__(self, other): return self.sub_(other)
    def __mul__(self, other): return reftorch.ops.mul(self, other)
    def __rmul__(self, other): return reftorch.ops.mul(self, other)
    def __imul__(self, other): return self.mul_(other)
    def __truediv__(self, other): return reftorch.ops.div(self, other)
    def __rtruediv__(self, other): return reftorch.ops.div(other, self)
    def __itruediv__(self, other): return self.div_(other)
    def __floordiv__(self, other): return reftorch.ops.floor_divide(self, other)
    def __rfloordiv__(self, other): return reftorch.ops.floor_divide(other, self)
    def __mod__(self, other): return reftorch.ops.remainder(self, other)
    def __rmod__(self, other): return reftorch.ops.remainder(other, self)
    def __pow__(self, other): return reftorch.ops.pow(self, other)
    def __rpow__(self, other): return reftorch.ops.pow(other, self)
    def __ipow__(self, other): return self.pow_(other)
    def __matmul__(self, other): return reftorch.ops.matmul(self, other)
    def __rmatmul__(self, other): return reftorch.ops.matmul(reftorch.ops.as_tensor(other), self)
    def __neg__(self): return reftorch.ops.neg(self)
    def __pos__(self): return self
    def __abs__(self): return reftorch.ops.abs(self)
    def __invert__(self): return reftorch.ops.bitwise_not(self)
    def __and__(self, other): return reftorch.ops.bitwise_and(self, other)
    def __or__(self, other): return reftorch.ops.bitwise_or(self, other)
    def __xor__(self, other): return reftorch.ops.bitwise_xor(self, other)
    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__
    def __eq__(self, other): return reftorch.ops.equals(self, other)
    def __ne__(self, other): return reftorch.ops.differs(self, other)
    def __lt__(self, other): return reftorch.ops.lt(self, other)
    def __le__(self, other): return reftorch.ops.le(self, other)
    def __gt__(self, other): return reftorch.ops.gt(self, other)
    def __ge__(self, other): return reftorch.ops.ge(self, other)
    def __getitem__(self, key): return reftorch.ops.getitem(self, key)
    def __setitem__(self, key, value): reftorch.ops.setitem(self, key, value)
    __hash__ = object.__hash__

    # ---------------------------------------------------------------------------- properties
    T = property(lambda self: reftorch.ops.t(self) if self.ndim <= 2 else reftorch.ops.permute(self, tuple(range(self.ndim))[::-1]))
    mT = property(lambda self: reftorch.ops.transpose(self, -2, -1))
    is_cuda = property(lambda self: self.device.type == "cuda")
    is_cpu = property(lambda self: self.device.type == "cpu")
    is_sparse = is_quantized = is_meta = property(lambda self: False)
    itemsize = property(lambda self: self.dtype.itemsize)
    nbytes = property(lambda self: self.dtype.itemsize * self.numel())
    layout = property(lambda self: "torch.strided")
    def dim(self): return self.ndim
    def nelement(self): return self.numel()
    def ndimension(self): return self.ndim
    def element_size(self): return self.dtype.itemsize
    def is_floating_point(self): return self.dtype.is_floating_point
    def is_complex(self): return self.dtype.is_complex
    def get_device(self): return -1 if self.device.type == "cpu" else 0
    def is_shared(self): return False
    # fmt: on
