"""What is accepted as an array, in which precision it is computed with, and what is refused."""

from __future__ import annotations

import array
import ctypes
import importlib
import math
import mmap
import re
import sys
import tracemalloc
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import fastloss as fl
from fastloss import _arrays

Y = [1, 0, 3, 2]
P = [2, 0, 1, 2]
REAL = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", REAL)
def test_every_real_type(isa: str, kind: str, order: str) -> None:
    """Both as labels and as predictions, in both byte orders: the numbers are the same."""
    values = np.arange(301) % 2 if kind == "?" else np.arange(301) % 101
    numbers = values.astype(order + kind)
    other = np.linspace(-3, 3, 301)
    exact = numbers.astype(np.float64)
    np.testing.assert_array_equal(fl.mse(numbers, other, reduction="none"), (other - exact) ** 2)
    gradient = fl.mse.gradient(other, numbers, reduction="sum")
    expected_dtype = np.dtype(kind) if kind[0] == "f" else np.dtype(np.float64)
    assert gradient.dtype == expected_dtype
    compute = np.float32 if kind in ("f2", "f4") else np.float64
    expected = (2 * (exact.astype(compute) - other.astype(compute))).astype(expected_dtype)
    np.testing.assert_array_equal(gradient, expected)


def test_predictions_decide_the_precision() -> None:
    p = np.array([0.1, 0.2], dtype=np.float32)
    y = np.array([0.3, 0.4])
    single = fl.mse(y, p, reduction="none")
    assert single.dtype == np.float32
    np.testing.assert_array_equal(single, (p - y.astype(np.float32)) ** 2)
    assert fl.mse(p, y, reduction="none").dtype == np.float64
    half = fl.mse(y, p.astype(np.float16), reduction="none")
    assert half.dtype == np.float16


def test_every_half_precision_number() -> None:
    """All 65 536: read exactly, and written as NumPy rounds them."""
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    zero = np.zeros(every.size, dtype=np.float32)
    wide = np.empty(every.size, dtype=np.float32)
    with np.errstate(invalid="ignore"):
        fl.half_squared_error.gradient(zero, every, reduction="sum", out=wide)
        np.testing.assert_array_equal(wide, every.astype(np.float32))
        back = fl.half_squared_error.gradient(zero, every, reduction="sum")
        np.testing.assert_array_equal(back, every)


@settings(max_examples=300, deadline=None)
@given(hnp.arrays(np.float64, 8, elements=st.floats(-1e5, 1e5)))
def test_rounding_to_half_precision_happens_once(x: np.ndarray) -> None:
    """From double and from float: as NumPy does it, not by way of the other."""
    zero, out = np.zeros(8), np.empty(8, dtype=np.float16)
    with np.errstate(over="ignore", under="ignore"):
        fl.half_squared_error.gradient(zero, x, reduction="sum", out=out)
        np.testing.assert_array_equal(out, x.astype(np.float16))
        single = x.astype(np.float32)
        fl.half_squared_error.gradient(zero, single, reduction="sum", out=out)
        np.testing.assert_array_equal(out, single.astype(np.float16))


def test_bfloat16() -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    every = np.arange(1 << 16, dtype=np.uint16).view(ml_dtypes.bfloat16)
    finite = every[np.isfinite(every.astype(np.float32))]
    zero = np.zeros(finite.size, dtype=np.float32)
    gradient = fl.half_squared_error.gradient(zero, finite, reduction="sum")
    assert gradient.dtype == ml_dtypes.bfloat16
    np.testing.assert_array_equal(gradient.view(np.uint16), finite.view(np.uint16))
    x = np.random.default_rng(0).standard_normal(1000) * 1e3
    out = np.empty(1000, dtype=ml_dtypes.bfloat16)
    for data in (x, x.astype(np.float32)):
        fl.half_squared_error.gradient(np.zeros(1000), data, reduction="sum", out=out)
        np.testing.assert_array_equal(out.astype(np.float32), data.astype(ml_dtypes.bfloat16).astype(np.float32))
    assert fl.mse(finite[:100], finite[:100]) == 0


def test_the_buffer_protocol_and_dlpack() -> None:
    expected = fl.mse(Y, P)
    assert fl.mse(array.array("d", Y), memoryview(array.array("f", P))) == expected
    assert fl.mse((ctypes.c_double * 4)(*Y), (ctypes.c_float * 4)(*P)) == expected

    class OnlyDlpack:
        def __init__(self, values: Any) -> None:
            self._array = np.asarray(values, dtype=np.float64)

        def __dlpack__(self, **options: Any) -> Any:
            return self._array.__dlpack__(**options)

        def __dlpack_device__(self) -> Any:
            return self._array.__dlpack_device__()

    assert fl.mse(OnlyDlpack(Y), OnlyDlpack(P)) == expected


def arrow(values: np.ndarray) -> Any:
    return pytest.importorskip("pyarrow").array(values)


def pandas(values: Any, **options: Any) -> Any:
    return pytest.importorskip("pandas").Series(values, **options)


def tensor(values: np.ndarray) -> Any:
    return pytest.importorskip("torch").from_numpy(values.copy())


def frame_of_arrow(values: np.ndarray) -> Any:
    made = pytest.importorskip("pyarrow").table({"a": values})["a"]
    assert made.num_chunks == 1
    return made


# Each makes something of an array of float32, and says where its numbers are.
OTHERS: dict[str, tuple[Callable[[np.ndarray], Any], Callable[[Any], int]]] = {
    "read-only array": (lambda a: np.frombuffer(a.tobytes(), np.float32), lambda a: a.ctypes.data),
    "array.array": (lambda a: array.array("f", a.tobytes()), lambda a: a.buffer_info()[0]),
    "memoryview": (lambda a: memoryview(a.copy()), lambda a: np.asarray(a).ctypes.data),
    "read-only memoryview": (lambda a: memoryview(a.tobytes()).cast("f"), lambda a: np.asarray(a).ctypes.data),
    "pandas.Series": (lambda a: pandas(a.copy()), lambda a: a.array._ndarray.ctypes.data),
    "pandas.DataFrame": (lambda a: pandas(a.copy()).to_frame("a")["a"], lambda a: a.array._ndarray.ctypes.data),
    "pandas nullable": (lambda a: pandas(a).astype("Float32"), lambda a: a.array._data.ctypes.data),
    "pandas of Arrow": (
        lambda a: pandas(pytest.importorskip("pandas").arrays.ArrowExtensionArray(arrow(a))),
        lambda a: a.array._pa_array.chunk(0).buffers()[1].address,
    ),
    "pyarrow.Array": (arrow, lambda a: a.buffers()[1].address),
    "pyarrow.Array, a slice": (
        lambda a: arrow(np.concatenate([a[:7], a]))[7:],
        lambda a: a.buffers()[1].address + 4 * a.offset,
    ),
    "pyarrow.Table": (frame_of_arrow, lambda a: a.chunk(0).buffers()[1].address),
    "polars.Series": (lambda a: pytest.importorskip("polars").Series(a), lambda a: a.to_arrow().buffers()[1].address),
    "polars.DataFrame": (
        lambda a: pytest.importorskip("polars").DataFrame({"a": a})["a"],
        lambda a: a.to_arrow().buffers()[1].address,
    ),
    "xarray.DataArray": (
        lambda a: pytest.importorskip("xarray").DataArray(a.copy(), dims="time"),
        lambda a: a.values.ctypes.data,
    ),
    "JAX": (lambda a: pytest.importorskip("jax").numpy.asarray(a), lambda a: a.unsafe_buffer_pointer()),
    "torch": (tensor, lambda a: a.data_ptr()),
    "torch, differentiated": (lambda a: tensor(a).requires_grad_(), lambda a: a.data_ptr()),
    "torch, a parameter": (lambda a: pytest.importorskip("torch").nn.Parameter(tensor(a)), lambda a: a.data_ptr()),
    "torch, every other": (lambda a: tensor(np.repeat(a, 2))[::2], lambda a: a.data_ptr()),
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*buffer is not writable:UserWarning")
@pytest.mark.parametrize("kind", OTHERS)
def test_other_libraries_are_read_without_a_copy(kind: str) -> None:
    make, address_of = OTHERS[kind]
    rng = np.random.default_rng(0)
    plain = y, p = rng.random(100_003, np.float32), rng.random(100_003, np.float32)
    given = tuple(map(make, plain))
    for one, other in zip(given, plain, strict=True):
        read, _ = _arrays.read(one, "y_true")
        assert read.ctypes.data == address_of(one)
        assert read.dtype == np.float32
        np.testing.assert_array_equal(read, other)
        del read
    out = np.empty_like(p)
    for loss in (fl.mse, fl.BinaryCrossEntropy(from_logits=True), fl.huber):
        value, gradient = loss.value_and_gradient(y, p)
        # the first call may import what a library puts off
        assert loss(*given) == value
        tracemalloc.start()
        found = loss.value_and_gradient(*given, sample_weight=None, out=out)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert found[0] == value
        assert out.tobytes() == gradient.tobytes()
        assert peak < y.nbytes / 4
        derivative = loss.gradient(*given)
        assert type(derivative) is np.ndarray
        assert derivative.tobytes() == gradient.tobytes()
        weighted = loss(y, p, p, "sum")
        assert loss(*given, given[1], "sum") == weighted


@pytest.mark.slow
def test_rows_of_other_libraries() -> None:
    rng = np.random.default_rng(1)
    labels, scores = rng.integers(0, 5, 40), rng.random((40, 5), np.float32)
    loss = fl.CategoricalCrossEntropy(from_logits=True)
    value, gradient = loss.value_and_gradient(labels, scores)
    tables = []
    if library := try_import("pandas"):
        tables += [library.DataFrame(scores), library.DataFrame(dict(enumerate(scores.T)))]
        labels = library.Series(labels)
    if library := try_import("polars"):
        tables.append(library.DataFrame(scores))
    if library := try_import("xarray"):
        tables.append(library.DataArray(scores, dims=("row", "class")))
    if library := try_import("jax"):
        tables.append(library.numpy.asarray(scores))
    if library := try_import("torch"):
        tables += [library.from_numpy(scores), library.from_numpy(scores.T.copy()).t().requires_grad_()]
    for table in (*tables, np.asfortranarray(scores), np.repeat(scores, 2, 1)[:, ::2], scores[::-1, ::-1].copy()[::-1, ::-1]):
        found = loss.value_and_gradient(labels, table)
        assert found[0] == value
        assert type(found[1]) is np.ndarray
        np.testing.assert_array_equal(found[1], gradient)


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_half_precision_of_other_libraries(name: str) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    values = np.arange(-50, 50, dtype=np.float32).astype(np.float16 if name == "float16" else ml_dtypes.bfloat16)
    expected = fl.mse(values[::-1], values), fl.mse.gradient(values[::-1], values).astype(np.float64)
    made = []
    if library := try_import("jax"):
        made.append(library.numpy.asarray(values))
    if library := try_import("torch"):
        type_ = getattr(library, name)
        made.append(library.arange(-50, 50).to(type_))
        made.append(made[-1].clone().requires_grad_())
        made.append(made[-1].repeat_interleave(2)[::2])
    for each in made:
        turned = np.ascontiguousarray(values[::-1])
        assert fl.mse(turned, each) == expected[0]
        # there is no bfloat16 of NumPy's to give back where a library has its own
        np.testing.assert_allclose(fl.mse.gradient(turned, each).astype(np.float64), expected[1], rtol=2**-8)


@pytest.mark.parametrize(
    "layout",
    [
        lambda a: np.asfortranarray(a),
        lambda a: a.T.copy().T,
        lambda a: np.repeat(a, 3, 1)[:, ::3],
        lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
        lambda a: np.frombuffer(a.tobytes()).reshape(a.shape),
        lambda a: a.astype(a.dtype.newbyteorder()),
    ],
    ids=["Fortran", "transposed", "every third", "reversed", "read-only", "other byte order"],
)
def test_layouts_are_read_without_a_copy(layout: Callable[[np.ndarray], np.ndarray]) -> None:
    rng = np.random.default_rng(2)
    y, p = rng.random((300, 501)), rng.random((300, 501))
    expected = fl.mse.value_and_gradient(y, p)
    out, given = np.empty_like(p), (layout(y), layout(p))
    fl.mse(*given)
    tracemalloc.start()
    value, _ = fl.mse.value_and_gradient(*given, out=out)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert value == expected[0]
    np.testing.assert_array_equal(out, expected[1])
    assert peak < y.nbytes / 8


def test_bfloat16_tensors() -> None:
    torch = pytest.importorskip("torch")
    y, p = torch.tensor(Y, dtype=torch.bfloat16), torch.tensor(P, dtype=torch.bfloat16)
    assert fl.mse(y, p) == fl.mse(Y, P)
    assert fl.mse.gradient(y, p).dtype == np.float32


def test_memory_maps(tmp_path: Path) -> None:
    np.save(tmp_path / "y.npy", np.array(Y, dtype=np.float64))
    y = np.load(tmp_path / "y.npy", mmap_mode="r")
    assert fl.mse(y, P) == fl.mse(Y, P)


REAL_NUMBERS = "y_pred must hold real numbers (float, int or bool, up to 64 bits); got dtype"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.array([1j] * 4), f"{REAL_NUMBERS} complex128."),
        (np.array(["a"] * 4), f"{REAL_NUMBERS} <U1."),
        (np.array(["2026-01-01"] * 4, "M8[D]"), f"{REAL_NUMBERS} datetime64[D]."),
        (np.zeros(4, [("a", float)]), f"{REAL_NUMBERS} [('a', '<f8')]."),
        (np.array([1, "x", 2, 3], object), "y_pred must hold real numbers; got an object array with an item of type str at"),
        ([1, 2, 3, Decimal(4)], "y_pred must hold real numbers; got an object array with an item of type Decimal at index 3."),
        ([1, 2, 3, "x"], f"{REAL_NUMBERS} <U21."),
        (np.ma.masked_array(P, [0, 1, 0, 0]), "y_pred is a masked array, and its mask would be lost."),
        (None, "y_pred must hold real numbers; got None."),
        (len, "y_pred must hold real numbers; got the object builtin_function_or_method."),
    ],
)  # fmt: skip
def test_what_is_not_numbers(value: Any, message: str) -> None:
    with pytest.raises(TypeError, match=f"^{re.escape(message)}"):
        fl.mse(Y, value)


@pytest.mark.skipif(np.dtype(np.longdouble).itemsize == 8, reason="long double is double here")
def test_long_double_is_refused() -> None:
    with pytest.raises(TypeError, match=r"got dtype (float|longdouble)"):
        fl.mse(np.ones(2, np.longdouble), np.ones(2))


def test_ragged_lists() -> None:
    with pytest.raises(ValueError, match="y_true cannot be read as an array of numbers"):
        fl.mse([[1, 2], [3]], [[1, 2], [3, 4]])


def test_what_an_object_says_when_it_cannot_be_read() -> None:
    class Elsewhere:
        def __array__(self, *args: Any, **options: Any) -> np.ndarray:
            raise TypeError("this lives on another device")

    with pytest.raises(TypeError, match="y_pred cannot be read as an array of numbers: this lives on another device"):
        fl.mse(Y, Elsewhere())


@pytest.mark.parametrize(
    "error",
    [UnicodeDecodeError("utf8", b"x", 0, 1, "bad"), KeyError("k"), AttributeError("gone"), RuntimeError("lost"), LookupError()],
    ids=lambda error: type(error).__name__,
)
def test_whatever_an_object_raises_is_an_error_of_ours(error: Exception) -> None:
    class Strange:
        def __array__(self, *args: Any, **options: Any) -> np.ndarray:
            raise error

    for call in (fl.mse, fl.mse.gradient, partial(fl.evaluate, [fl.mse])):
        with pytest.raises(ValueError, match=r"cannot be read as an array of numbers: .") as caught:
            call(Y, Strange())
        assert caught.value.__cause__ is error


def test_what_jax_traces_has_no_numbers() -> None:
    jax = pytest.importorskip("jax")
    for transformed in (jax.grad, jax.jit):
        with pytest.raises(TypeError, match=r"y_pred has no numbers yet: JAX is tracing it.*value_and_gradient"):
            transformed(lambda p: fl.mse(np.array(Y, np.float32), p))(np.array(P, np.float32))


def test_objects_that_are_numbers() -> None:
    values = [1, 2.5, True, np.float32(0.5), np.int64(3), Fraction(1, 4)]
    expected = fl.mse.gradient(np.zeros(6), [1, 2.5, 1, 0.5, 3, 0.25], reduction="none")
    np.testing.assert_array_equal(fl.mse.gradient(np.zeros(6), np.array(values, object), reduction="none"), expected)
    assert fl.mae([[0, 0]], np.array([[-(1 << 70), 0]], object)) == 2.0**69
    assert fl.mae([0.0], [10**400]) == math.inf
    assert fl.mae(0.0, np.array(-3, object)) == 3.0


def test_what_is_missing_is_nan() -> None:
    class NAType:
        """What pandas calls missing."""

    for missing in (None, NAType(), math.nan):
        y = np.array([1, missing, 2, 3], object)
        np.testing.assert_array_equal(fl.mse(y, np.zeros(4), reduction="none"), [1, math.nan, 4, 9])
        assert fl.mse(y, np.zeros(4), [1, 0, 1, 1]) == 14 / 3
        assert math.isnan(fl.evaluate([fl.mse], y, np.zeros(4))["squared_error"])
        with pytest.raises(ValueError, match="sample_weight must be finite and not negative; got nan at index 1"):
            fl.mse(np.zeros(4), np.zeros(4), y)
        with pytest.raises(ValueError, match=r"y_true must hold class indices.*got nan at row 1"):
            fl.sparse_categorical_cross_entropy(y, np.full((4, 4), 0.25))


def nulls() -> list[Any]:
    found = []
    if pandas := try_import("pandas"):
        found += [pandas.Series([1, None], dtype=kind) for kind in ("Int64", "Float64", "boolean", "object")]
    if arrow := try_import("pyarrow"):
        found += [
            arrow.array([1, None]),
            arrow.array([1.0, None]),
            arrow.array([True, None]),
            arrow.chunked_array([[1], [None]]),
        ]
    if polars := try_import("polars"):
        found += [polars.Series([1, None]), polars.Series([1.0, None]), polars.Series([True, None])]
    return found


def try_import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


@pytest.mark.slow
def test_nulls_of_all_libraries_are_nan() -> None:
    for y in nulls():
        np.testing.assert_array_equal(fl.mse(y, np.zeros(2), reduction="none"), [1, math.nan])


def test_named_axes_in_another_order() -> None:
    class Named:
        """As much of a DataArray of xarray as is read."""

        def __init__(self, *dims: str) -> None:
            self.dims = dims

        def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
            return np.eye(2)

    wrong, right = (Named("time", "place"), Named("place", "time")), (Named("time", "place"), Named("time", "place"))
    message = re.escape("got dims ('time', 'place') and ('place', 'time'). Take .transpose('time', 'place') of y_pred.")
    for call in (fl.mse, fl.mse.gradient, fl.kl_divergence, fl.dice):
        with pytest.raises(ValueError, match=message):
            call(*wrong)
        call(*right)
    with pytest.raises(ValueError, match="must have their axes in one order"):
        fl.evaluate([fl.mse], *wrong)
    assert fl.mse(Named("row", "column"), Named("time", "place")) == 0.0


def test_subclasses_are_read_as_arrays() -> None:
    class Tagged(np.ndarray):
        pass

    assert fl.mse(np.array(Y).view(Tagged), np.array(P).view(Tagged)) == fl.mse(Y, P)
    assert type(fl.mse.gradient(np.array(Y, float), np.array(P, float).view(Tagged))) is np.ndarray


def guarded(values: np.ndarray, at_the_end: bool) -> tuple[np.ndarray, mmap.mmap]:
    """A copy of an array whose first or last byte touches a page that must not be read."""
    page = mmap.PAGESIZE
    pages = values.nbytes // page + 3
    memory = mmap.mmap(-1, pages * page)
    base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    libc = ctypes.CDLL(None, use_errno=True)
    for start in (base, base + (pages - 1) * page):
        assert libc.mprotect(ctypes.c_void_p(start), ctypes.c_size_t(page), 0) == 0
    offset = (pages - 1) * page - values.nbytes if at_the_end else page
    copy = np.frombuffer(memory, np.uint8, values.nbytes, offset).view(values.dtype)
    copy[:] = values
    return copy, memory


@pytest.mark.skipif(sys.platform != "linux", reason="needs mprotect")
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int8, np.float16])
def test_nothing_is_read_or_written_outside_the_arrays(isa: str, dtype: Any) -> None:
    rng = np.random.default_rng(0)
    kept = []
    for n in [*range(1, 40), 63, 64, 65, 130, 1023, 1025]:
        values = rng.integers(-5, 5, n).astype(dtype)
        for at_the_end in (False, True):
            y, first = guarded(values, at_the_end)
            p, second = guarded(values[::-1].copy(), at_the_end)
            expected = fl.log_cosh.value_and_gradient(values, values[::-1], reduction="sum")
            out_type = expected[1].dtype
            out, third = guarded(np.zeros(n, out_type), at_the_end)
            value, gradient = fl.log_cosh.value_and_gradient(y, p, reduction="sum", out=out)
            assert value == expected[0]
            np.testing.assert_array_equal(gradient, expected[1])
            kept += [first, second, third]


def test_huge_sizes_are_counted_in_64_bits() -> None:
    """More than 2**32 elements, without the memory: views that repeat one number."""
    n = (1 << 32) + 5
    wide = np.broadcast_to(np.float32(3), (n,))
    with pytest.raises(ValueError, match=re.escape(f"got ({n},) and (4,)")):
        fl.mse(wide, np.ones(4, np.float32))
    assert _arrays.read(wide, "y_true")[0].size == n


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_view_of_any_array(data: st.DataObject) -> None:
    """Slices, steps, reversals and transpositions give what a contiguous copy gives."""
    shape = data.draw(hnp.array_shapes(max_dims=4, max_side=6))
    dtype = data.draw(st.sampled_from([np.float64, np.float32, np.int16]))
    base = [np.arange(np.prod(shape)).reshape(shape).astype(dtype) * k for k in (1, 2)]
    index = data.draw(hnp.basic_indices(shape, allow_ellipsis=False))
    axes = None
    views = []
    for b in base:
        view = b[index]
        axes = data.draw(st.permutations(range(np.ndim(view)))) if axes is None else axes
        views.append(np.transpose(view, axes))
    y, p = views
    if p.size == 0:
        return
    gradient = np.empty_like(np.asarray(p), dtype=np.float64)
    got = fl.huber.value_and_gradient(y, p, reduction="sum", out=gradient)
    copies = [np.ascontiguousarray(v).reshape(np.shape(v)) for v in views]
    expected = fl.huber.value_and_gradient(*copies, reduction="sum")
    assert got[0] == expected[0]
    np.testing.assert_array_equal(gradient, expected[1])
