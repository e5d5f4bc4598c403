# What there is to do with e2erun; `make` alone lists it. Each target does the set-up that it needs.

CARGO ?= cargo
# What is handed on to the program or to the tests: `make run ARGS='--tags quick'`, `make test ARGS=log_assert`.
ARGS ?=

.PHONY: help setup run test engines bench lint

help: ## lists the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1	\2/p' $(MAKEFILE_LIST) | expand -t 14

setup: ## sees to docker compose and to the base images of the fixtures; quick when they are there
	@fixtures/setup/compose
	@fixtures/setup/images

run: setup ## builds e2erun and runs all of scenarios/ on the local Docker engine
	@echo 'run: building e2erun'
	@$(CARGO) build --release
	@echo 'run: e2erun scenarios/ $(ARGS)'
	@target/release/e2erun scenarios/ $(ARGS)

test: setup ## runs every test, those on the real engine and those in the documentation included
	@fixtures/setup/xmllint
	@fixtures/setup/sshd
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
		echo 'test: all tests, by cargo nextest'; $(CARGO) nextest run --no-fail-fast $(ARGS); nextest=$$?; \
		echo 'test: the examples in the documentation'; $(CARGO) test --doc $(ARGS) && exit $$nextest; \
	else \
		echo 'test: all tests, by cargo test (cargo-nextest would be quicker)'; $(CARGO) test --no-fail-fast $(ARGS); \
	fi

# Pairs of an engine and a compose tool, as `make engines PAIRS='20.10/2.40 28.5/1.29'`; all if none.
PAIRS ?=

engines: setup ## runs scenarios/ on Docker 20.10, 26.1 and 28.5, each with compose 1.29, 2.26 and 2.40
	@echo 'engines: building e2erun'
	@$(CARGO) build
	@fixtures/setup/engines $(PAIRS) $(if $(ARGS),-- $(ARGS))

bench: setup ## measures e2erun against the bare Engine API and against a script on docker compose
	@echo 'bench: comparing'
	@$(CARGO) bench --bench compare $(ARGS)

lint: ## checks the format, clippy and the documentation; no warning passes
	@echo 'lint: format'
	@$(CARGO) fmt --all --check
	@echo 'lint: clippy'
	@$(CARGO) clippy --all-targets -- -D warnings
	@echo 'lint: documentation'
	@RUSTDOCFLAGS='-D warnings' $(CARGO) doc --no-deps --document-private-items
