import subprocess
import sys


def said(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.strip()


def test_what_is_left_out_is_as_if_it_were_not_installed() -> None:
    program = "from streams.unneeded import leave_out; leave_out('colorsys'); import wave\ntry: import colorsys"
    assert said(f"{program}\nexcept ImportError as error: print(error.name)") == "colorsys"


def test_a_worker_loads_no_sparse_matrices() -> None:
    assert said("import sys, streams.worker; print('scipy.sparse' in sys.modules)") == "False"


def test_a_worker_does_not_load_pandas_and_others_may() -> None:
    worker = "import runpy, sys\ntry: runpy.run_module('streams.worker', run_name='__main__')"
    environment = "import os; os.environ['TRUSTSCORE_TICK_S'] = 'never'"  # so that it ends at once
    assert (
        said(f"{environment}\n{worker}\nexcept SystemExit as end: print(end.code, 'pandas' in sys.modules)")
        == "2 False"
    )
    assert said("import sys, streams.worker; print('pandas' in sys.modules)") == "True"
