"""How many threads, and what a process may do to them: fork, signals, scarce threads, many callers, exit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import fastloss as fl
from fastloss import _core, _threads

pytestmark = [pytest.mark.usefixtures("layer"), pytest.mark.slow]

# Every script ends in seconds, unless it hangs.
WATCHDOG = 300


def run_script(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python code in a process of its own, warnings being errors."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("OMP_", "FASTLOSS_", "GOMP_"))}
    inherited["FASTLOSS_THREADING_LAYER"] = _core.active_layer()
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script)],
        env={**inherited, "OPENBLAS_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        timeout=WATCHDOG,
        check=False,
    )


def succeed(script: str, **environment: str) -> str:
    done = run_script(script, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


DATA = """
import numpy as np, fastloss as fl
y, p = np.random.default_rng(0).standard_normal((2, 1_500_000)).astype(np.float32)
expected = fl.log_cosh(y, p)
"""


# ---- how many --------------------------------------------------------------------------------------------------------


def test_set_and_get() -> None:
    before = fl.get_num_threads()
    try:
        fl.set_num_threads(3)
        assert fl.get_num_threads() == 3
        with fl.num_threads(5):
            assert fl.get_num_threads() == 5
            with fl.num_threads(1):
                assert fl.get_num_threads() == 1
            assert fl.get_num_threads() == 5
            with ThreadPoolExecutor(1) as pool:
                assert pool.submit(fl.get_num_threads).result() == 3, "the setting of one Python thread only"
        assert fl.get_num_threads() == 3
        fl.set_num_threads(-1)
        assert fl.get_num_threads() == len(os.sched_getaffinity(0))
        fl.set_num_threads(-10_000)
        assert fl.get_num_threads() == 1
        fl.set_num_threads(10_000)
        assert fl.get_num_threads() == 256
    finally:
        fl.set_num_threads(None)
    assert fl.get_num_threads() == before


def test_num_threads_ends_with_an_error_inside() -> None:
    before = fl.get_num_threads()
    with pytest.raises(KeyError), fl.num_threads(7):
        raise KeyError
    assert fl.get_num_threads() == before


def test_bad_numbers() -> None:
    for set_it in (fl.set_num_threads, fl.num_threads):
        with pytest.raises(ValueError, match="must be at least 1, or negative to count down from all CPUs; got 0"):
            set_it(0)
        for bad in (1.5, "2", True):
            with pytest.raises(TypeError, match="the number of threads must be an integer"):
                set_it(bad)
    fl.set_num_threads(np.int64(2))
    fl.set_num_threads(None)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "cpus"),
        ({"OMP_NUM_THREADS": "1"}, "1"),
        ({"OMP_NUM_THREADS": "99999"}, "cpus"),
        ({"OMP_NUM_THREADS": "1", "FASTLOSS_NUM_THREADS": "3"}, "3"),
        ({"FASTLOSS_NUM_THREADS": "-1"}, "cpus"),
        ({"FASTLOSS_NUM_THREADS": ""}, "cpus"),
        # nonsense that OpenMP complains about on its own, or not
        *[({"OMP_NUM_THREADS": bad}, "cpus") for bad in ("0", "-3", "abc", "1e9", "2,2", "")],
        *[({name: "nonsense"}, "cpus") for name in ("OMP_PROC_BIND", "OMP_SCHEDULE", "OMP_STACKSIZE", "OMP_WAIT_POLICY")],
        ({"OMP_STACKSIZE": "1k", "OMP_DYNAMIC": "true", "OMP_THREAD_LIMIT": "1"}, "any"),
    ],
)
def test_environment(environment: dict[str, str], expected: str) -> None:
    output = succeed(DATA + "assert fl.log_cosh(y, p) == expected\nprint(fl.get_num_threads())", **environment)
    cpus = len(os.sched_getaffinity(0))
    if expected != "any" and environment.get("OMP_NUM_THREADS") != "2,2":
        assert int(output) == (cpus if expected == "cpus" else int(expected))


@pytest.mark.parametrize("bad", ["0", "many", "1.5"])
def test_bad_environment_of_our_own(bad: str) -> None:
    done = run_script("import fastloss", FASTLOSS_NUM_THREADS=bad)
    assert done.returncode == 1
    assert f"FASTLOSS_NUM_THREADS must be an integer of 32 bits other than 0; got '{bad}'" in done.stderr


@pytest.mark.parametrize("name", _core.available_isas())
def test_the_instruction_set_can_be_forced(name: str) -> None:
    assert succeed("import fastloss as fl; print(fl.config()['isa_active'])", FASTLOSS_ISA=name).strip() == name


def test_an_unknown_instruction_set_is_an_error() -> None:
    done = run_script("import fastloss", FASTLOSS_ISA="avx3")
    assert done.returncode == 1
    assert f"FASTLOSS_ISA must be one of {', '.join(_core.available_isas())} on this machine; got 'avx3'" in done.stderr


def test_the_threading_layer_can_be_chosen(layer: str) -> None:
    """A process on OpenMP works on the pool after a fork, which OpenMP may not survive."""
    script = """
import os, warnings, fastloss as fl
warnings.simplefilter("ignore")
print(fl.config()["threading_layer"], flush=True)
pid = os.fork()
if not pid:
    os._exit(fl.config()["threading_layer"] != "pool")
assert os.waitpid(pid, 0)[1] == 0
fl.show_config()
"""
    first, *rest = succeed(script).splitlines()
    assert first == layer
    assert any(line.split() == ["threading_layer", layer] for line in rest), rest
    assert (
        succeed("import fastloss as fl; print(fl.config()['threading_layer'])", FASTLOSS_THREADING_LAYER=" ").strip() == "pool"
    )


@pytest.mark.parametrize("bad", ["tbb", "OPENMP", "pool,openmp"])
def test_an_unknown_threading_layer_is_an_error(bad: str) -> None:
    done = run_script("import fastloss", FASTLOSS_THREADING_LAYER=bad)
    assert done.returncode == 1
    assert f"FASTLOSS_THREADING_LAYER must be pool or openmp; got '{bad}'" in done.stderr


@pytest.mark.parametrize("how", ["-m", "script", "-m another"])
@pytest.mark.parametrize(
    ("variable", "value"), [("FASTLOSS_ISA", "avx3"), ("FASTLOSS_NUM_THREADS", "many"), ("FASTLOSS_THREADING_LAYER", "tbb")]
)
def test_the_command_says_so_in_one_line(tmp_path: Path, how: str, variable: str, value: str) -> None:
    """The console script is a file called like the command that imports it; anything else gets the error itself."""
    script, another = tmp_path / "bin" / "fastloss", tmp_path / "another.py"
    script.parent.mkdir()
    script.write_text("import sys; from fastloss.cli import main; sys.exit(main())")
    another.write_text("import fastloss")
    arguments = {"-m": ["-m", "fastloss", "info"], "script": [str(script), "info"], "-m another": ["-m", "another"]}[how]
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        env={**os.environ, "PYTHONPATH": str(Path(fl.__file__).parents[1]), variable: value},
        capture_output=True,
        text=True,
        timeout=WATCHDOG,
        check=False,
        cwd=tmp_path,
    )
    assert done.stdout == ""
    if "another" in how:
        assert done.returncode == 1
        assert f"ValueError: {variable} must be" in done.stderr
        return
    assert done.returncode == 2
    assert done.stderr.startswith(f"fastloss: error: {variable} must be")
    assert done.stderr.count("\n") == 1
    assert repr(value) in done.stderr


def test_affinity_is_honoured() -> None:
    script = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\nimport fastloss as fl; print(fl.get_num_threads())"
    )
    assert succeed(script).strip() == "1"


def test_threadpoolctl_is_honoured() -> None:
    pytest.importorskip("threadpoolctl")
    script = "import fastloss as fl, threadpoolctl\nwith threadpoolctl.threadpool_limits(1): print(fl.get_num_threads())"
    assert succeed(script).strip() == "1"


@pytest.mark.parametrize(
    ("files", "groups", "expected"),
    [
        ({"cpu.max": "150000 100000"}, "0::/", 2),
        ({"cpu.max": "max 100000"}, "0::/", 0),
        ({"a/cpu.max": "max 100000", "a/b/cpu.max": "50000 100000"}, "0::/a/b", 1),
        ({"a/cpu.max": "300000 100000", "a/b/cpu.max": "max 100000"}, "0::/a/b", 3),
        ({"cpu/a/cpu.cfs_quota_us": "250000", "cpu/a/cpu.cfs_period_us": "100000"}, "4:cpu,cpuacct:/a", 3),
        ({"cpu/a/cpu.cfs_quota_us": "-1", "cpu/a/cpu.cfs_period_us": "100000"}, "4:cpu,cpuacct:/a", 0),
        ({"cpu.max": "nonsense"}, "0::/", 0),
        ({}, "nonsense", 0),
    ],
)
def test_container_quota(tmp_path: Path, files: dict[str, str], groups: str, expected: int) -> None:
    for name, text in files.items():
        path = tmp_path / "cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    (tmp_path / "self").write_text(groups + "\n")
    assert _threads._container_quota(tmp_path / "cgroup", tmp_path / "self") == expected
    assert _threads._container_quota(tmp_path / "cgroup", tmp_path / "missing") == 0


# ---- what may happen ------------------------------------------------------------------------------------------------


def test_fork_after_use() -> None:
    """The child works, with threads; so does its own child, and the parent afterwards."""
    script = (
        DATA
        + """
import os, warnings
warnings.simplefilter("ignore")
fl.set_num_threads(2)
def threads():
    return len(os.listdir("/proc/self/task"))
assert fl.log_cosh(y, p) == expected and threads() >= 2
def generation(depth):
    pid = os.fork()
    if pid == 0:
        assert threads() == 1
        ok = fl.log_cosh(y, p) == expected and threads() == 2
        os._exit(0 if ok and (depth == 0 or generation(depth - 1)) else 1)
    return os.waitpid(pid, 0)[1] == 0
for _ in range(5):
    assert generation(2)
    assert fl.log_cosh(y, p) == expected
"""
    )
    succeed(script)


def test_fork_while_another_thread_computes() -> None:
    script = (
        DATA
        + """
import os, threading, warnings
warnings.simplefilter("ignore")
fl.set_num_threads(2)
stop = threading.Event()
def compute():
    while not stop.is_set():
        assert fl.log_cosh(y, p) == expected
worker = threading.Thread(target=compute)
worker.start()
for _ in range(30):
    pid = os.fork()
    if pid == 0:
        os._exit(0 if fl.log_cosh(y, p) == expected and fl.log_cosh(y, p) == expected else 1)
    assert os.waitpid(pid, 0)[1] == 0
stop.set()
worker.join()
"""
    )
    succeed(script)


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_multiprocessing(tmp_path: Path, method: str) -> None:
    script = tmp_path / "pool.py"
    script.write_text(
        DATA
        + f"""
import multiprocessing, warnings
warnings.simplefilter("ignore")
def loss(i):
    fl.set_num_threads(2)
    return fl.log_cosh(y, p)
if __name__ == "__main__":
    with multiprocessing.get_context("{method}").Pool(3) as pool:
        assert pool.map(loss, range(6)) == [expected] * 6
"""
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=WATCHDOG, check=False)
    assert done.returncode == 0, done.stderr


def test_many_python_threads(layer: str) -> None:
    """32 at once: right, and, on the pool, not 32 teams of workers. OpenMP makes a team for each thread that calls."""
    script = (
        DATA
        + """
import os, threading
fl.set_num_threads(4)
results, most, before = [], 0, len(os.listdir("/proc/self/task"))
def compute():
    for _ in range(3):
        results.append(fl.log_cosh(y, p) == expected)
threads = [threading.Thread(target=compute) for _ in range(32)]
for t in threads: t.start()
while any(t.is_alive() for t in threads):
    most = max(most, len(os.listdir("/proc/self/task")))
assert all(results) and len(results) == 96
print(most - before)
"""
    )
    assert int(succeed(script)) <= (32 + 3 if layer == "pool" else 32 * 4)


def test_no_threads_to_be_had(layer: str) -> None:
    """Where the system grants no thread the work is done without; the process does not end."""
    if layer == "openmp":
        pytest.skip("GNU's OpenMP ends the process, whatever its caller does")
    script = (
        DATA
        + """
import resource
fl.set_num_threads(1)
expected = fl.log_cosh(y, p)
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + (1 << 21), resource.RLIM_INFINITY))
fl.set_num_threads(64)
assert fl.log_cosh(y, p) == expected
print("alive")
"""
    )
    assert succeed(script).strip() == "alive"


@pytest.mark.usefixtures("interruptible")
def test_interrupt() -> None:
    """Ctrl-C ends a long call within 0.2 seconds."""
    n = 1 << 33
    y, p = (np.broadcast_to(np.float32(x), (n,)) for x in (0.5, 1.5))
    pressed: list[float] = []

    def press() -> None:
        pressed.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    for threads in (1, 2):
        timer = threading.Timer(0.3, press)
        with fl.num_threads(threads):
            timer.start()
            with pytest.raises(KeyboardInterrupt):
                fl.log_cosh(y, p)
            assert time.monotonic() - pressed.pop() < 0.2
        timer.join()
    assert fl.log_cosh([0.0], [0.0]) == 0.0


def test_workers_take_no_signals() -> None:
    script = (
        DATA
        + """
import os
fl.set_num_threads(3)
fl.log_cosh(y, p)
workers = set(os.listdir("/proc/self/task")) - {str(os.getpid())}
assert len(workers) == 2
for worker in workers:
    status = open(f"/proc/self/task/{worker}/status").read()
    blocked = int(status.split("SigBlk:")[1].split()[0], 16)
    assert blocked & 1 << 1 and blocked & 1 << 9, hex(blocked)
"""
    )
    succeed(script)


def test_exit_while_a_thread_computes() -> None:
    script = (
        DATA
        + """
import threading, time
fl.set_num_threads(2)
def forever():
    while True: fl.log_cosh(y, p)
threading.Thread(target=forever, daemon=True).start()
time.sleep(0.05)
"""
    )
    for _ in range(10):
        succeed(script)


def test_a_mutated_array_does_no_harm() -> None:
    """Another thread may write while a call reads: a number comes out, and nothing breaks."""
    y, p = np.random.default_rng(0).standard_normal((2, 300_000))
    stop = threading.Event()

    def mutate() -> None:
        while not stop.is_set():
            y[:] = np.random.default_rng().standard_normal(y.size)

    worker = threading.Thread(target=mutate)
    worker.start()
    try:
        for _ in range(100):
            assert fl.poisson(np.abs(y), p) > -1e6
            assert 0 < fl.mse(y, p) < 10
    finally:
        stop.set()
        worker.join()


# ---- the floating-point environment --------------------------------------------------------------------------------


def test_no_floating_point_flag_leaks() -> None:
    """Overflow, division by zero and NaN inside a kernel are no warning in the caller's next operation."""
    y = np.array([0.0, 1.0, 2.0, 5.0])
    p = np.array([1e300, -1e300, np.inf, 710.0])
    with np.errstate(all="raise"):
        for name in ("squared_error", "poisson", "cauchy", "log_cosh", "lp_error"):
            loss = fl.get_loss(name)
            loss(y, p, reduction="none")
            loss.gradient_and_hessian(y, p, reduction="none")
            assert np.add(1.0, 1.0) == 2.0
        fl.log_cosh(np.tile(y, 200_000), np.tile(p, 200_000))
        assert np.multiply(2.0, 2.0) == 4.0


ENVIRONMENT = """
import ctypes, ctypes.util, numpy as np, fastloss as fl
m = ctypes.CDLL(ctypes.util.find_library("m"))
c = ctypes.CDLL(None)
y, p = np.random.default_rng(0).standard_normal((2, 300_001)) * 1e-3
tiny, small, positive = np.full(1000, 3e-310), np.full(1000, 7e-310), np.abs(y) + 1
def everything():
    return (fl.log_cosh(y, p), fl.lp_error(y, p), fl.mae(tiny, small, reduction="sum"),
            fl.gamma.gradient(positive, p, reduction="none").tobytes())
expected = everything()
"""


def test_rounding_mode() -> None:
    """A caller that rounds upward gets the same bits, and keeps its mode."""
    succeed(
        ENVIRONMENT
        + """
assert m.fegetround() == 0
for mode in (0x800, 0x400, 0xc00):
    assert m.fesetround(mode) == 0
    got = everything()
    assert m.fegetround() == mode
    m.fesetround(0)
    assert got == expected
"""
    ) if os.uname().machine == "x86_64" else pytest.skip("the numbers of rounding modes are those of x86")


def test_flush_to_zero() -> None:
    """A caller that flushes subnormals (another library's -ffast-math) gets the same bits, and keeps its mode."""
    if os.uname().machine != "x86_64":
        pytest.skip("MXCSR is a register of x86")
    succeed(
        ENVIRONMENT
        + """
class Environment(ctypes.Structure):  # glibc's fenv_t on x86-64
    _fields_ = [("x87", ctypes.c_uint8 * 28), ("mxcsr", ctypes.c_uint32)]
saved = Environment()
m.fegetenv(ctypes.byref(saved))
changed = Environment.from_buffer_copy(saved)
changed.mxcsr |= 0x8040
m.fesetenv(ctypes.byref(changed))
got = everything()
after = Environment()
m.fegetenv(ctypes.byref(after))
m.fesetenv(ctypes.byref(saved))
assert after.mxcsr & 0x8040 == 0x8040
assert got == expected
"""
    )


def test_errno_is_kept() -> None:
    succeed(
        ENVIRONMENT
        + """
c.__errno_location.restype = ctypes.POINTER(ctypes.c_int)
errno = c.__errno_location()
errno[0] = 123
fl.log_cosh(y, p)
fl.lp_error.gradient_and_hessian(y, p * 1e300)
assert errno[0] == 123
"""
    ) if sys.platform == "linux" else pytest.skip("errno lies elsewhere")


def test_importing_does_not_flush_to_zero() -> None:
    succeed("import numpy as np, fastloss\nassert np.float64(5e-324) * 1 != 0 and np.float32(1e-45) * np.float32(1) != 0")


def test_no_memory_is_lost() -> None:
    """Thousands of calls, failing ones included, leave the process as large as it was."""
    script = (
        DATA
        + """
import gc, resource
small, bad = np.ones(50), -np.ones(50)
def calls(k):
    for _ in range(k):
        fl.log_cosh.gradient_and_hessian(small, small, bad + 2, "none")
        try: fl.poisson(bad, small)
        except ValueError: pass
        try: fl.mse(small, bad[:3])
        except ValueError: pass
        fl.Huber(delta=2.0)(small, small)
calls(2000)
fl.log_cosh(y, p)
gc.collect()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
calls(30_000)
for _ in range(50): fl.log_cosh(y, p)
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
assert grown < 1500, grown
"""
    )
    succeed(script)


def test_no_full_size_temporary() -> None:
    """Strided input and output of a hundred megabytes each: the process grows by less than 10."""
    script = """
import numpy as np, resource, fastloss as fl
n = 20_000_000
y, p = (np.zeros((n, 2), np.float32)[:, 0] for _ in range(2))
g = np.zeros((n, 2), np.float32)[:, 1]
y[:], p[:], g[:] = 1, 3, 0
fl.mse(y[:10], p[:10])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
value, out = fl.mse.value_and_gradient(y, p, out=g)
assert value == 4 and out is g and (g[::1000] == np.float32(4) / np.float32(n)).all()
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
assert grown < 10_000, grown
"""
    succeed(script)
