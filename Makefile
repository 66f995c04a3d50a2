# The everyday commands. `make demo` and `make test` set up whatever they need (scripts/setup.sh).
#
# There is one cargo profile, dev, for everything: a second one would compile every dependency again. Each recipe is one
# bash script under `set -euo pipefail`, so the first command that fails ends it with that command's exit code.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Nothing may change Cargo.lock in passing; `make build LOCKED=` lets it while dependencies are being changed.
LOCKED ?= --locked

# The binary. `-p chancery` or `--bin chancery` alone would choose other features than the tests do and compile wasmtime
# and the rest twice; an example in the list makes cargo choose the tests' features.
BUILD := cargo build $(LOCKED) --workspace --bin chancery --example offline

# Workspaces beside the root one. They are for wasm32 and built by scripts/contracts.sh.
OTHER_WORKSPACES := $(wildcard contracts/Cargo.toml examples/*/Cargo.toml)

.PHONY: help demo test test-sim test-api test-templates test-web pictures check kill9 fsync fuzz registry verifier offline build setup fmt clippy doc deny bench clean-cache

help: ## lists these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

demo: ## sets up, builds, and runs the walk-through
	@. scripts/phase.sh
	phase "set-up" scripts/setup.sh demo
	. scripts/env.sh
	phase "building chancery" $(BUILD)
	phase "demo" bash scripts/demo.sh
	phases_summary demo

test: ## sets up, compiles the contracts, and runs every test
	@. scripts/phase.sh
	phase "set-up" scripts/setup.sh test
	. scripts/env.sh
	if [[ -e scripts/contracts.sh ]]; then phase "compiling the contracts" bash scripts/contracts.sh; fi
	if command -v cargo-nextest >/dev/null; then
	  phase "compiling the tests" cargo nextest run $(LOCKED) --workspace --no-run
	  phase "running the tests" cargo nextest run $(LOCKED) --workspace
	else
	  phase "compiling the tests" cargo test $(LOCKED) --workspace --lib --bins --tests --no-run
	  phase "running the tests" cargo test $(LOCKED) --workspace --lib --bins --tests --no-fail-fast
	fi
	status=0
	scripts/setup.sh browser || status=$$?
	case "$$status" in
	  0)
	    phase "building chancery and the liar" $(BUILD) --example liar
	    phase "the portal's scripts, and the verifier they load" node --test tests/web/unit/*.test.mjs
	    phase "the portal in a browser, in short" node tests/web/run.mjs --smoke
	    ;;
	  3) echo "==> SKIPPED: the portal in a browser, because there is none here and none can be installed; make test-web runs all of it" ;;
	  *) exit "$$status" ;;
	esac
	phases_summary test

# Chromium, two npm packages and real networks; the whole takes about half an hour on two cores.
WEB_TESTS ?=

test-web: ## the portal in a real browser against real networks and nodes that lie (WEB_TESTS=check for one of them)
	@. scripts/phase.sh
	phase "set-up" scripts/setup.sh web
	. scripts/env.sh
	phase "compiling the contracts" bash scripts/contracts.sh
	phase "building chancery and the liar" $(BUILD) --example liar
	phase "the portal's scripts, and the verifier they load" node --test tests/web/unit/*.test.mjs
	phase "the portal in a browser" node tests/web/run.mjs $(WEB_TESTS)
	phases_summary test-web

pictures: ## takes the portal's pictures in docs/portal anew
	@. scripts/phase.sh
	phase "set-up" scripts/setup.sh web
	. scripts/env.sh
	phase "building chancery" $(BUILD)
	phase "pictures" node tests/web/run.mjs --pictures

test-sim: ## runs 300 seeds of the simulated network (SEEDS=n for others, SEED=n for one)
	@. scripts/phase.sh
	phase "set-up" scripts/setup.sh test
	. scripts/env.sh
	phase "compiling the contracts" bash scripts/contracts.sh
	phase "simulating" env SEEDS="$${SEEDS:-300}" cargo test $(LOCKED) --workspace --lib -- consensus::simulation::no_seed --nocapture
	phase "several chains on each node, and a hostile relay" env SEEDS="$${SEEDS:-300}" cargo test $(LOCKED) --workspace --lib -- consensus::simulation::lanes::no_seed --nocapture
	phase "chains that send each other messages" env SEEDS="$${SEEDS:-300}" cargo test $(LOCKED) --workspace --test chancery -- cross_chain::storm --nocapture
	phases_summary test-sim

test-api: ## checks the OpenAPI document and fuzzes the API by it, CASES an operation (60)
	@. scripts/phase.sh
	phase "building" $(MAKE) build
	phase "compiling the contracts" bash scripts/contracts.sh
	phase "asking the API everything" bash scripts/api_fuzz.sh $${CASES:-60}
	phases_summary test-api

test-templates: ## makes, tests, builds and deploys every template away from this repository, and follows the guide
	@. scripts/phase.sh
	phase "building" $(MAKE) build
	phase "every template" bash scripts/templates.sh
	phase "the guide" bash scripts/guide.sh
	phases_summary test-templates

check: ## the whole ritual before a commit: format, clippy, docs, tests, cargo-deny
	@. scripts/phase.sh
	phase "set-up" scripts/setup.sh check
	. scripts/env.sh
	phase "format" cargo fmt --all --check
	for manifest in $(OTHER_WORKSPACES); do
	  phase "format of $$manifest" cargo fmt --all --check --manifest-path "$$manifest"
	done
	phase "clippy" $(MAKE) clippy
	phase "documentation" $(MAKE) doc
	phase "tests" $(MAKE) test
	phase "documentation's examples" cargo test $(LOCKED) --workspace --doc
	phase "cargo-deny" $(MAKE) deny
	phases_summary check

kill9: ## kills the node 50 times under calls and shows that nothing acknowledged is lost
	@. scripts/phase.sh
	phase "building" $(MAKE) build
	phase "compiling the contracts" bash scripts/contracts.sh
	phase "50 rounds of kill -9" bash scripts/kill9.sh 50
	phases_summary kill9

fsync: ## traces system calls and shows that no acknowledgement leaves before its block's sync
	@. scripts/phase.sh
	phase "set-up" scripts/setup.sh trace
	phase "building" $(MAKE) build
	phase "compiling the contracts" bash scripts/contracts.sh
	phase "acknowledgements after their sync" bash scripts/ack_after_fsync.sh 20
	phases_summary fsync

# SECONDS is make's own affair in a recipe's shell, so the time has another name.
FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?=

fuzz: ## fuzzes decoders, verifier and sandbox, FUZZ_SECONDS each (60), all of them or FUZZ_TARGETS
	@. scripts/phase.sh
	phase "set-up" scripts/setup.sh demo
	phase "fuzzing" bash scripts/fuzz.sh $(FUZZ_SECONDS) $(FUZZ_TARGETS)
	phases_summary fuzz

registry: ## writes contracts/registry/registry.wasm anew, which the binary carries
	@. scripts/phase.sh
	phase "building" $(MAKE) build
	. scripts/env.sh
	phase "the registry" "$$CARGO_TARGET_DIR/debug/chancery" contract build contracts/registry
	cp "$$CARGO_TARGET_DIR/contracts/registry.wasm" contracts/registry/registry.wasm

verifier: ## writes the verifier that browsers load anew, which the binary carries
	@. scripts/phase.sh
	phase "set-up" scripts/setup.sh demo
	phase "the verifier for browsers" bash scripts/verifier.sh
	phases_summary verifier

offline: ## writes the offline checker anew, one file made of the verifier, the portal's scripts, its style and its texts
	@node scripts/offline_page.mjs

build: ## sets up and builds the binary
	@. scripts/phase.sh
	phase "set-up" scripts/setup.sh demo
	. scripts/env.sh
	phase "building chancery" $(BUILD)
	echo "==> $$CARGO_TARGET_DIR/debug/chancery"

setup: ## installs what building and testing takes
	@scripts/setup.sh test

fmt: ## formats the code
	@. scripts/env.sh
	cargo fmt --all
	for manifest in $(OTHER_WORKSPACES); do cargo fmt --all --manifest-path "$$manifest"; done

clippy: ## lints with warnings denied
	@. scripts/env.sh
	cargo clippy $(LOCKED) --workspace --all-targets -- -D warnings

doc: ## builds the documentation with warnings denied
	@. scripts/env.sh
	RUSTDOCFLAGS=-Dwarnings cargo doc $(LOCKED) --workspace --no-deps

# The database of advisories is the one thing here that is not in the crate registry, so it may be out of reach.
deny: ## checks the dependencies: bans, licences, sources, and advisories where their database can be reached
	@. scripts/env.sh
	cargo deny --config deny.toml check bans licenses sources
	# The contracts' workspaces meet none of the exceptions that are granted above.
	for manifest in $(OTHER_WORKSPACES); do
	  echo "cargo-deny: $$manifest"
	  cargo deny --manifest-path "$$manifest" --config deny.toml check -A unmatched-skip -A unmatched-skip-root \
	    -A license-exception-not-encountered bans licenses sources
	done
	if timeout 120 cargo deny --config deny.toml fetch db >/dev/null 2>&1; then
	  cargo deny --config deny.toml check advisories
	else
	  echo "cargo-deny: the database of advisories cannot be reached from here: advisories were NOT checked"
	fi

BENCHES := --bench sandbox --bench prices --bench state --bench store

bench: ## runs the benchmarks, then measures a network of four processes; docs/performance.md says what they show
	@. scripts/phase.sh
	phase "set-up" scripts/setup.sh demo
	. scripts/env.sh
	phase "compiling the contracts" bash scripts/contracts.sh
	phase "building chancery" $(BUILD)
	phase "compiling the benches" cargo bench $(LOCKED) --profile dev --workspace $(BENCHES) --no-run
	phase "benches" cargo bench $(LOCKED) --profile dev --workspace $(BENCHES)
	phase "a network of four processes" bash scripts/bench_network.sh
	phases_summary bench

clean-cache: ## removes what the builds keep outside the clone
	@. scripts/env.sh
	cache="$${CHANCERY_CACHE:-$$HOME/.cache/chancery}"
	echo "removing the target directory, RocksDB and tools from $$cache"
	rm -rf "$$cache"/target "$$cache"/rocksdb-* "$$cache"/libclang "$$cache"/bin "$$cache"/tools "$$cache"/.crates*
