"""The kernels beside Python's functions: the header, the table, and the examples of the guide, all compiled and run."""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import math
import os
import platform
import re
import subprocess
import sys
import sysconfig
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import build
import fastloss as fl
from benchmarks import cases
from build import ROOT, run, tool
from fastloss import _core, bench, native

EXAMPLES = ROOT / "docs" / "embedding"
HEADER = ROOT / "src_c" / "fastloss.h"
STRICT = ["-Wall", "-Wextra", "-Werror"]
# What modules may count on while FL_ABI stays: so many declarations in fl_table, and the digest of all up to the last of these.
LAYOUTS = {1: (18, "665e53dcd62dd870")}


def without_comments(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL))


def test_a_change_of_the_header_raises_its_number() -> None:
    text = HEADER.read_text()
    abi = int(re.findall(r"#define FL_ABI (\d+)", text)[0])
    declared = without_comments(text[text.index("enum { FL_F32") : text.index("} fl_table;")])
    before, start, table = declared.partition("typedef struct { int32_t abi")
    count, digest = LAYOUTS.get(abi, (0, ""))
    known = before + start + ";".join(table.split(";")[:count])
    assert hashlib.sha256(known.encode()).hexdigest()[:16] == digest, (
        "fastloss.h has another layout than modules count on that were compiled for its FL_ABI. Raise that, if a version with "
        f"it is released, and write down above what the number stands for now, with {table.count(';')} declarations"
    )


def compiled(*command: str | Path) -> None:
    """Compile with Python's headers, or skip where there are none."""
    headers = sysconfig.get_paths()["include"]
    command = (*command, f"-I{fl.get_include()}", "-isystem", headers)
    built = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if "Python.h: No such" in built.stderr or "cannot find -lpython" in built.stderr:
        pytest.skip("Python's headers or library are not here")
    assert built.returncode == 0, built.stderr


def output_of(*command: str | Path, **environment: str) -> str:
    paths = os.pathsep.join([environment.pop("PYTHONPATH", ""), str(ROOT), *filter(None, sys.path)])
    whole = {**os.environ, "PYTHONPATH": paths, **environment}
    done = subprocess.run(list(map(str, command)), env=whole, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("compiler", [("gcc", "-std=c11"), ("g++", "-std=c++11", "-x", "c++")], ids=["c11", "c++11"])
@pytest.mark.parametrize("first", ["Python.h", "stddef.h"])
def test_the_header_compiles(compiler: tuple[str, ...], first: str) -> None:
    flags = [*STRICT, "-Wpedantic", "-Wconversion", "-fsyntax-only", "-include", first, "-include", "fastloss.h"]
    compiled(tool(compiler[0]), *compiler[1:], *flags, "/dev/null")


def test_cython_is_told_all_there_is() -> None:
    """The names that the header declares stand in the file for Cython, too, and structs have the same members in that order."""
    header = without_comments(HEADER.read_text().replace("#define FL_ABI 1", "FL_ABI;"))
    header = header[header.index("FL_ABI;") : header.index("#ifdef Py_PYTHON_H")]
    cython = (Path(fl.__file__).parent / "__init__.pxd").read_text()
    assert not {*re.findall(r"\b(?:FL|fl)_\w+", header)} - {*re.findall(r"\w+", cython)}

    def names(rows: list[str]) -> list[str]:
        found = [re.findall(r"\(\*(\w+)|(\w+)(?:\[\w+\])?$", row.strip()) for row in rows if row.strip()]
        return ["".join(pairs[0]) for pairs in found]

    for body, name in re.findall(r"typedef struct { ([^{}]*)} (\w+);", header):
        rows = re.sub(r"(\(\*\w+(?:\[\w+\])?\))\([^;]*\)", r"\1", body).replace(";", ",").split(",")
        (told,) = re.findall(rf"ctypedef struct {name}:\n((?: {{8}}.*\n)+)", cython)
        assert names(rows) == names(told.splitlines()), name


MODULE = r"""
#include <Python.h>
#include <fastloss.h>

static PyObject *isa(PyObject *self, PyObject *none)
{
    const fl_table *table = fl_import();
    (void)self, (void)none;
    return table ? PyUnicode_FromString(table->isa) : NULL;
}

static PyObject *has(PyObject *self, PyObject *name)
{
    (void)self;
    return PyBool_FromLong(fl_find(fl_import(), PyBytes_AsString(name)) != NULL);
}

/* The numbers in turns into two sums, of which one takes up the other, times 2^-1. */
static PyObject *half(PyObject *self, PyObject *bytes)
{
    const fl_table *table = fl_import();
    fl_sum sums[2];
    (void)self;
    table->sum_clear(&sums[0]);
    table->sum_clear(&sums[1]);
    for (Py_ssize_t i = 0; i < PyBytes_Size(bytes) / 8; i++) {
        double x;
        memcpy(&x, PyBytes_AsString(bytes) + 8 * i, sizeof x);
        table->sum_deposit(&sums[i % 2], x);
    }
    table->sum_merge(&sums[0], &sums[1]);
    table->sum_settle(&sums[0]);
    return PyFloat_FromDouble(table->sum_round(&sums[0], 1));
}

static PyMethodDef methods[] = {
    {"isa", isa, METH_NOARGS, NULL}, {"has", has, METH_O, NULL}, {"half", half, METH_O, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "user", NULL, -1, methods, NULL, NULL, NULL, NULL};
PyMODINIT_FUNC PyInit_user(void)
{
    PyObject *module = PyModule_Create(&definition);
#ifdef Py_GIL_DISABLED
    if (module)
        PyUnstable_Module_SetGIL(module, Py_MOD_GIL_NOT_USED);
#endif
    return module;
}
"""


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """Make a module that was compiled against the header."""
    folder = tmp_path_factory.mktemp("user")
    source, module = folder / "user.c", folder / f"user{sysconfig.get_config_var('EXT_SUFFIX')}"
    source.write_text(MODULE)
    compiled(tool("gcc"), *STRICT, "-shared", "-fPIC", source, "-o", module)
    spec = importlib.util.spec_from_file_location("user", module)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def test_the_table_is_imported(user: ModuleType) -> None:
    assert user.isa() in _core.available_isas()
    assert user.has(b"huber")
    assert not user.has(b"hubber")


@pytest.mark.parametrize("n", [0, 1, 2, 1000])
def test_the_sums_of_the_table(user: ModuleType, n: int) -> None:
    rng = np.random.default_rng(n)
    x = rng.standard_normal(n) * 10.0 ** rng.integers(-20, 20, n)
    assert user.half(x.tobytes()) == math.fsum(x) / 2


OF_TABLE = b"fastloss._core.table"
HEAD = ("abi", "table_size", "block_size", "kernel_size", "sum_size")
OLDER = "it is older than the fastloss.h this module was compiled with. Upgrade fastloss, or build the module anew"
OTHER = "its structs are not those of the fastloss.h this module was compiled with. Build the module anew"


@pytest.mark.parametrize(
    ("field", "more", "message"),
    [
        ("abi", -1, OLDER),
        ("table_size", -8, OLDER),
        ("table_size", 8, None),
        ("abi", 1, OTHER),
        ("block_size", 8, OTHER),
        ("kernel_size", -8, OTHER),
        ("sum_size", 8, OTHER),
    ],
)
def test_another_table_is_refused(
    user: ModuleType, monkeypatch: pytest.MonkeyPatch, field: str, more: int, message: str | None
) -> None:
    api = ctypes.pythonapi
    address_of = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(("PyCapsule_GetPointer", api))
    capsule_of = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)(("PyCapsule_New", api))
    address = address_of(_core.table, OF_TABLE)
    size = ctypes.c_int32.from_address(address + 4).value
    other = ctypes.create_string_buffer(ctypes.string_at(address, size), size)
    ctypes.c_int32.from_buffer(other, 4 * HEAD.index(field)).value += more
    monkeypatch.setattr(_core, "table", capsule_of(ctypes.addressof(other), OF_TABLE, None))
    if message is None:
        assert user.isa()
        return
    with pytest.raises(ImportError, match=re.escape(message)) as caught:
        user.isa()
    assert str(caught.value).startswith("the installed fastloss does not fit: ")


def test_without_a_table(user: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(_core, "table")
    with pytest.raises(AttributeError):
        user.isa()


# ---- the examples of the guide ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_c_program_with_python_inside(tmp_path: Path) -> None:
    libraries, version = sysconfig.get_config_var("LIBDIR"), sysconfig.get_config_var("LDVERSION")
    linked = [f"-L{libraries}", f"-Wl,-rpath,{libraries}", f"-lpython{version}", "-lm"]
    # the last: modules find Python's symbols in the program, if the library is a static one
    linked += [flag for name in ("LIBS", "LINKFORSHARED") for flag in (sysconfig.get_config_var(name) or "").split()]
    compiled(tool("gcc"), *STRICT, EXAMPLES / "embed.c", *linked, "-o", tmp_path / "embed")
    assert output_of(tmp_path / "embed", PYTHONHOME=sys.base_prefix).split() == ["0.25", "9", "1", "6", "9.25"]


@pytest.mark.slow
def test_the_c_program_without_python(tmp_path: Path) -> None:
    folder = build.FOLDER / "static"
    with build.alone_in(folder):
        run(tool("env"), "FASTLOSS_BUILD_ISA=baseline", sys.executable, "setup.py", "-q", "build_static", "--build-lib", folder)
        command = [tool("gcc"), "-std=c11", *STRICT, EXAMPLES / "static.c", f"-I{folder}", f"-L{folder}", "-lfastloss", "-lm"]
        run(*command, "-o", tmp_path / "static")
    assert output_of(tmp_path / "static") == "1.04167\n"
    assert "libpython" not in run(tool("ldd"), tmp_path / "static")


@pytest.mark.slow
def test_the_cython_module(tmp_path: Path) -> None:
    pytest.importorskip("Cython")
    source, module = tmp_path / "slopes.c", tmp_path / f"slopes{sysconfig.get_config_var('EXT_SUFFIX')}"
    output_of(sys.executable, "-m", "cython", "-Werror", EXAMPLES / "slopes.pyx", "-o", source)
    compiled(tool("gcc"), "-Wall", "-shared", "-fPIC", "-O2", source, "-o", module)
    code = """
import numpy as np, slopes
x = np.arange(5e3)
slopes.slopes(np.ones(5000), x, out := x * 0)
print(*out[-2:], slopes.total(np.array([1e300, 1.0, -1e300])))
"""
    assert output_of(sys.executable, "-c", code, PYTHONPATH=str(tmp_path)).split() == ["9994.0", "9996.0", "1.0"]


@pytest.mark.slow
def test_the_numba_functions() -> None:
    pytest.importorskip("numba")
    assert output_of(sys.executable, EXAMPLES / "parallel.py").split() == ["-1.5", "0.0", "1.5"]


# ---- fastloss.native ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["fl_block", "fl_classes"])
def test_a_struct_lies_as_in_c(tmp_path: Path, name: str) -> None:
    kind = native.get_struct(name)
    pairs = [(f"offsetof({name}, {field})", f"sizeof ((({name} *)0)->{field})") for field in kind.names]
    pairs.append(("0", f"sizeof({name})"))
    printed = "".join(f'printf("%zu %zu\\n", (size_t){offset}, {size});' for offset, size in pairs)
    source = tmp_path / "offsets.c"
    source.write_text(f"#include <stdio.h>\n#include <fastloss.h>\nint main(void) {{ {printed} }}")
    compiled(tool("gcc"), source, "-o", tmp_path / "offsets")
    known = [(kind.fields[field][1], kind.fields[field][0].itemsize) for field in kind.names] + [(0, kind.itemsize)]
    assert output_of(tmp_path / "offsets").split() == [str(number) for pair in known for number in pair]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_of_classes_by_address(dtype: type) -> None:
    kernel = native.get_kernel("categorical_cross_entropy_from_logits")
    assert kernel.plan == "rows"
    rng = np.random.default_rng(0)
    scores, labels, value = rng.standard_normal((4, 7)).astype(dtype), np.array([0, 6, 3, 3]), np.empty(4, dtype)
    units, scratch = kernel.layout(7)
    assert units >= 4
    classes, block = np.zeros(1, native.get_struct("fl_classes")), np.zeros(1, native.get_struct("fl_block"))
    room = np.empty(scratch, dtype)
    block["units"], block["width"], block["want"], block["divisor"] = 4, 7, 1, 1
    block["input"][0, 1], block["label"], block["value"] = scores.ctypes.data, labels.ctypes.data, value.ctypes.data
    block["scratch"], block["classes"] = room.ctypes.data, classes.ctypes.data
    function = kernel.float32 if dtype is np.float32 else kernel.float64
    assert function(block.ctypes.data) == 0
    np.testing.assert_array_equal(value, fl.CategoricalCrossEntropy(from_logits=True)(labels, scores, reduction="none"))


def test_what_is_not_there() -> None:
    with pytest.raises(ValueError, match="no kernel is called 'hubber'; near it are huber"):
        native.get_kernel("hubber")
    with pytest.raises(ValueError, match=r"no kernel is called 'zzzz'$"):
        native.get_kernel("zzzz")
    with pytest.raises(ValueError, match="get_struct takes one of fl_block, fl_classes; got 'fl_table'"):
        native.get_struct("fl_table")


# Tells what a kernel has met: a subnormal as an operand, or as a result that was rounded.
WATCHED = """
#include <fastloss.h>
#include <immintrin.h>
int meets_subnormals(fl_map map, const fl_block *block)
{
    _mm_setcsr(0x1f80);
    map(block);
    return (_mm_getcsr() & 0x12) != 0;
}
"""


def test_ordinary_numbers_meet_no_subnormals(tmp_path: Path) -> None:
    """They cost as much as the whole kernel, and compilers compute what nothing asks for: both sides of selections."""
    if platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip("looks at a register of x86")
    (tmp_path / "watched.c").write_text(WATCHED)
    library = tmp_path / "watched.so"
    run(tool("cc"), "-O1", "-shared", "-fPIC", f"-I{fl.get_include()}", tmp_path / "watched.c", "-o", library)
    meets = ctypes.CDLL(str(library)).meets_subnormals
    block_type, n, bad, tried = native.get_struct("fl_block"), 1024, [], 0
    for loss in cases.instances():
        if loss.signature.plan != "elements" or loss.inputs != ("y_true", "y_pred"):
            continue
        kernel = native.get_kernel(loss._kernel.name)
        for dtype, function in (("float32", kernel.float32), ("float64", kernel.float64)):
            inputs = [np.asarray(array, dtype) for array in bench.make_inputs(loss, dtype, n)]
            outputs = np.zeros((3, n), dtype)
            values = loss._parameters()
            parameters = np.array([values.get(name, 0.0) for name in kernel.parameters] + [0.0])
            block = np.zeros(1, block_type)
            block["units"], block["width"], block["divisor"] = n, 1, 1.0
            block["input"][0][:2] = [array.ctypes.data for array in inputs]
            block["parameters"] = parameters.ctypes.data
            block["value"], block["gradient"][0][0], block["hessian"][0][0] = (row.ctypes.data for row in outputs)
            for want in (1, 2, 3, 6):
                block["want"] = want
                tried += 1
                if meets(ctypes.cast(function, ctypes.c_void_p), ctypes.c_void_p(block.ctypes.data)):
                    bad.append((kernel.name, dtype, want))
    assert tried > 100
    assert not bad


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_groups_stay_within_their_scratch(dtype: type) -> None:
    """Whatever their lengths: a long one behind many short ones as well."""
    kernel, rng = native.get_kernel("list_net"), np.random.default_rng(0)
    lengths = [
        [1] * 60 + [128],
        [10] * 49 + [128],
        [0] * 40 + [1],
        [128] * 8,
        [0] * 63 + [128],
        [2] * 20 + [100] * 3,
        [700],
        [],
    ]
    for sizes in lengths + [rng.integers(0, most, 40).tolist() for most in (2, 20, 60, 129, 300) for _ in range(20)]:
        starts = np.cumsum([0, *sizes]).astype(np.intp)
        n = int(starts[-1])
        relevance, score, gradient, hessian = rng.random((4, n + 1)).astype(dtype)
        value, temperature = np.zeros(len(sizes) + 1, dtype), np.ones(1)
        scratch = np.full(kernel.layout(n)[1] + 100_000, 0.125, dtype)
        block = np.zeros(1, native.get_struct("fl_block"))
        block["units"], block["want"], block["width"], block["divisor"] = len(sizes), 7, 1, 1.0
        block["input"][0, :2] = relevance.ctypes.data, score.ctypes.data
        block["value"], block["gradient"][0, 0], block["hessian"][0, 0] = (a.ctypes.data for a in (value, gradient, hessian))
        block["parameters"], block["starts"], block["scratch"] = (a.ctypes.data for a in (temperature, starts, scratch))
        assert (kernel.float32 if dtype is np.float32 else kernel.float64)(block.ctypes.data) == 0
        assert (scratch[-100_000:] == 0.125).all(), sizes
