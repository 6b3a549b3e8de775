# SPDX-License-Identifier: Apache-2.0
# Shortcuts for all tasks. Only `make setup` installs missing tools; the other targets name them.

# What `make setup` installs, see tools/setup.sh. `make setup demo` needs only a part of it.
SETUP = peers $(if $(filter demo,$(MAKECMDGOALS)),,checks counts)
BUILD ?= build
PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
TESTS = OFF

.PHONY: help setup header format format-check clippy docs demo test install autobahn clean configure build tools peers ffi-packages autobahn-suite
.PHONY: test-all instructions bench bench-quick asan tsan msrv deny test-clang test-aarch64 test-i686 test-aws-lc
.NOTPARALLEL:
# Otherwise cargo would look for a job server that it cannot reach.
unexport MAKEFLAGS MFLAGS
# Where tools/setup.sh recommends installing Rust; and ldconfig(8), for root without a login.
export PATH := $(PATH):$(HOME)/.cargo/bin:/usr/sbin:/sbin

help:
	@echo 'make setup      install requirements of demo and test with apt-get, as root or through sudo'
	@echo 'make header     regenerate include/wsline.h from src/ffi'
	@echo 'make format     format all Rust and C'
	@echo 'make demo       build wsline and run a client with an echo server over ws and wss'
	@echo 'make test       the tests for every change'
	@echo 'make format-check, make clippy, make docs, make asan'
	@echo '                parts of make test'
	@echo 'make test-all   make test, and everything from here to make test-aws-lc'
	@echo 'make autobahn   the whole Autobahn test suite'
	@echo 'make instructions'
	@echo '                instructions and system calls per message, against their limits'
	@echo 'make tsan       threads under ThreadSanitizer'
	@echo 'make msrv       check that the Rust version in Cargo.toml suffices'
	@echo 'make test-clang the C and C++ tests, compiled with clang'
	@echo 'make test-aarch64, make test-i686'
	@echo '                the C tests on another architecture'
	@echo 'make test-aws-lc'
	@echo '                the C tests of TLS with AWS-LC'
	@echo 'make deny       licences, sources and known vulnerabilities of all crates; needs cargo-deny'
	@echo 'make bench      compare wsline with other WebSocket clients; takes an hour'
	@echo 'make bench-quick'
	@echo '                the same with a few clients and scenarios, in two minutes'
	@echo 'make install    into PREFIX=$(PREFIX); DESTDIR is honoured'
	@echo 'make clean      remove build results'

setup:
	@sh tools/setup.sh $(SETUP)

header: tools
	WSLINE_HEADER=write cargo build --locked

demo: TOOLS = peers
demo: build peers
	@python3 tests/peers/run.py --need websockets,websockets-tls -- \
		sh examples-c/demo.sh $(BUILD)/examples-c/quickstart

# $(call cargo-component,COMPONENT,ARGUMENTS)
cargo-component = if cargo $(1) --version > /dev/null 2>&1; then cargo $(1) $(2); \
	else echo "skipped: cargo $(1) is not installed"; fi

# include/wsline.h is generated.
C_FILES = find benches examples-c include tests wsdump ! -name wsline.h \( -name '*.[ch]' -o -name '*.[ch]pp' \)
CLANG_FORMAT = target/peers/venv/bin/python -c 'from clang_format import clang_format; clang_format()'

format: peers
	cargo fmt
	$(C_FILES) | xargs $(CLANG_FORMAT) -i

format-check: peers
	@$(call cargo-component,fmt,--check)
	@$(C_FILES) | xargs $(CLANG_FORMAT) --dry-run -Werror

clippy: tools
	@$(call cargo-component,clippy,--locked --all-targets -- -D warnings)

# Warnings of rustdoc, the form of the header's comments, and the programs in them and in the
# README.
docs: TOOLS = peers checks
docs: tools
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps --document-private-items
	python3 tests/border/doc_form.py include/wsline.h
	python3 tests/border/code_blocks.py include README.md docs/*.md include/wsline.h \
		include/wsline.hpp include/wsline/options.hpp

# Each suite runs even if another one failed, and all failures are listed at the end.
SUITES = \
	format 'make --no-print-directory format-check' -- \
	clippy 'make --no-print-directory clippy' -- \
	docs 'make --no-print-directory docs' -- \
	rust 'cargo test --locked --no-fail-fast --features test-panic' -- \
	loom 'cargo test --locked --no-fail-fast --release --manifest-path tests/loom/Cargo.toml \
		--target-dir target/loom' -- \
	ctest 'ctest --test-dir $(BUILD) --parallel 2 --output-on-failure' -- \
	autobahn "$(AUTOBAHN) --cases '$(CASES)' -- $(AUTOBAHN_DRIVER)"

test autobahn: TESTS = ON
test autobahn: TOOLS = peers checks
test: build peers ffi-packages autobahn-suite
	@python3 tests/run.py $(SUITES)

autobahn: build autobahn-suite
	$(AUTOBAHN) -- $(AUTOBAHN_DRIVER)

# The driver takes the server's URL as its last argument.
AUTOBAHN = python3 tests/autobahn/run.py
AUTOBAHN_DRIVER = $(BUILD)/autobahn_driver
CASES = 1.* 2.* 3.* 4.* 5.* 6.* 7.* 10.* $(COMPRESSION)
# One of each kind of data and each set of parameters out of 216 cases, because the server
# compresses in Python.
COMPRESSION = 12.1.1 12.1.10 12.1.16 12.2.10 12.5.10 13.1.1 13.2.10 13.3.10 13.4.10 13.5.10 13.6.10 13.7.10

test-all:
	@python3 tests/run.py $(foreach target,test instructions autobahn tsan msrv test-clang test-aarch64 test-i686 test-aws-lc, \
		$(target) 'make --no-print-directory $(target)' --)

instructions: TOOLS = counts
instructions: build
	@python3 tests/run.py instructions '$(COUNTS)' -- system-calls '$(COUNTS) --system-calls'

COUNTS = python3 benches/instructions/run.py --build $(BUILD)

bench bench-quick: TOOLS = peers counts bench
bench: TOOLS += aws-lc
bench: build
	python3 benches/compare/run.py --build $(BUILD) > /dev/null
	python3 benches/compare/run.py --build $(BUILD) --counts --add-to target/bench/results.json \
		--svg target/bench/results.svg > target/bench/results.md
	@cat target/bench/results.md

bench-quick: build
	python3 benches/compare/run.py --build $(BUILD) --quick

# For targets that would test nothing if all of their tests are skipped.
CTEST = python3 tests/ctest.py

# ASan is a part of `make test`; this target runs it alone.
asan tsan: TOOLS = peers checks
asan tsan: TESTS = ON
asan: configure peers
	$(CTEST) $(BUILD) -L '^asan$$' --output-on-failure

tsan: configure peers
	$(CTEST) $(BUILD) -C tsan -L '^tsan$$' --output-on-failure

msrv: tools
	@sh tests/rust/setup.sh minimum
	target/rust/minimum/cargo check --locked --all-targets --features test-panic --target-dir target/msrv
	target/rust/minimum/cargo check --locked --all-targets --manifest-path tests/loom/Cargo.toml \
		--target-dir target/msrv

# Not in test-all, because it downloads the known vulnerabilities (advisories).
deny: tools
	cargo deny --locked check

test-aarch64 test-i686: test-%: peers
	@sh tools/setup.sh --check $*
	sh tests/cross/run.sh $* $(BUILD)/$*

# CMake reads CC and CXX only when it first creates a build directory.
test-clang: TOOLS = peers checks
test-clang: peers
	@CC=clang CXX=clang++ cmake -S . -B $(BUILD)/clang -DCMAKE_BUILD_TYPE=Release \
		-DWSLINE_BUILD_TESTS=ON > /dev/null
	@env -u MAKELEVEL cmake --build $(BUILD)/clang --parallel $(JOBS)
	$(CTEST) $(BUILD)/clang -L '^(c|cpp|border)$$' --parallel 2 --output-on-failure

# Tests of TLS, and of linking by other projects.
AWS_LC_TESTS = c_tls|c_proxy|c_library|package_(find_package|moved|pkg_config|static)
test-aws-lc: TOOLS = peers checks aws-lc
test-aws-lc: peers
	@cmake -S . -B $(BUILD)/aws-lc -DCMAKE_BUILD_TYPE=Release -DWSLINE_TLS=aws-lc -DWSLINE_BUILD_TESTS=ON > /dev/null
	@env -u MAKELEVEL cmake --build $(BUILD)/aws-lc --parallel $(JOBS)
	$(CTEST) $(BUILD)/aws-lc -R '^($(AWS_LC_TESTS))' --parallel 2 --output-on-failure

# What a build reads; the folders, because a file may have been removed from one.
SOURCES = $(shell find Cargo.toml Cargo.lock build.rs CMakeLists.txt cbindgen.toml cmake examples-c include src wsdump)

# If nothing has changed since the last build, nothing is built: sudo(8) neither finds the user's
# cargo nor should it leave files of root in the build tree. Another PREFIX needs only CMake.
install: $(BUILD)/built
	@grep -qx 'CMAKE_INSTALL_PREFIX:PATH=$(PREFIX)' $(BUILD)/CMakeCache.txt || \
		cmake -S . -B $(BUILD) -DCMAKE_INSTALL_PREFIX=$(PREFIX) > /dev/null
	cmake --install $(BUILD)
	@test -n '$(DESTDIR)' || test "$$(id -u)" != 0 || ldconfig

configure: tools
	@cmake -S . -B $(BUILD) -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=$(PREFIX) \
		-DWSLINE_BUILD_TESTS=$(TESTS) > /dev/null

# Without MAKELEVEL, because the inner make would announce every directory.
build: configure
	@env -u MAKELEVEL cmake --build $(BUILD) --parallel $(JOBS)
	@touch $(BUILD)/built

$(BUILD)/built: $(SOURCES)
	@echo 'building first: $(BUILD) is not up to date'
	@$(MAKE) --no-print-directory build

tools:
	@sh tools/setup.sh --check $(TOOLS)

peers: tools
	@sh tests/peers/setup.sh

ffi-packages: tools
	@sh tests/npm_install.sh tests/ffi target/ffi

autobahn-suite: tools
	@bash tests/autobahn/setup.sh

clean:
	rm -rf $(BUILD) target
