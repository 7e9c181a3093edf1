# An index: one command per target. `cargo build` and `cargo test` need none of it.
.PHONY: help demo test deps test-tools check format lint doc wasm deny msrv run release bench audit fuzz example-config image

help: ## What there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

demo: deps ## Two people, one server, one conversation, and a search of the disk for it (KEEP=1 leaves it running)
	@KEEP='$(KEEP)' bash deploy/demo.sh

test: deps test-tools ## Every test of the project, with a throw-away PostgreSQL
	cargo test --workspace --no-fail-fast

deps: ## Installs what is missing of PostgreSQL, libssl-dev, pkg-config (apt; sudo when not root)
	@bash deploy/deps.sh

test-tools: ## Installs nginx, Caddy and libfaketime, which tests need, and starts none (left out where apt cannot)
	@bash deploy/test-tools.sh

check: format lint doc wasm deny msrv ## What CI asks for beside the tests

format: ## Whether everything is formatted
	cargo fmt --all --check

lint: deps ## Clippy, its warnings refused
	cargo clippy --workspace --all-targets -- -D warnings

doc: deps ## The documentation of the code, its warnings refused
	RUSTDOCFLAGS='-D warnings -A rustdoc::private_intra_doc_links' cargo doc --workspace --no-deps --document-private-items --quiet

wasm: ## Whether what a browser needs compiles for it
	rustup target add wasm32-unknown-unknown
	cargo check -p grove-mls -p grove-core --target wasm32-unknown-unknown

deny: ## Licences, duplicates and sources of dependencies (cargo-deny; left out where it is not installed)
	@if cargo deny --version >/dev/null 2>&1; then cargo deny check bans licenses sources; else \
		echo 'LEFT OUT: cargo-deny is not installed. «cargo install --locked cargo-deny» takes some minutes.'; fi

msrv: ## Whether the oldest Rust that Cargo.toml names compiles it (left out where that is not installed)
	@oldest="$$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)"; \
		if rustup toolchain list 2>/dev/null | grep -q "^$$oldest"; then cargo "+$$oldest" check --workspace --all-targets; else \
		echo "LEFT OUT: Rust $$oldest is not installed."; fi

run: deps ## groved on this machine: plain HTTP on loopback, its data under /var/tmp
	cargo run -p grove-server --bin groved -- serve --set server.domain=localhost --set http.plain_http=true \
		--set server.data_dir=/var/tmp/grove-run-$$(id -u)

# Its flags are parted by a byte that no path has: a path may well have a space.
release: deps ## groved and grove, optimised, with their checksums (RELEASING.md says how a build is reproduced)
	CARGO_ENCODED_RUSTFLAGS="$$(printf '%s\037%s' --remap-path-prefix='$(CURDIR)'=/grove --remap-path-prefix='$(HOME)'/.cargo=/cargo)" \
		cargo build --release --locked -p grove-server --bin groved -p grove-cli --bin grove
	cd "$${CARGO_TARGET_DIR:-target}/release" && sha256sum groved grove | tee SHA256SUMS

bench: deps ## The load program, optimised (docs/benchmarks.md says how to read it)
	cargo build --release -p grove-server -p grove-tests --bin groved --bin grove-load
	cargo run --release -p grove-tests --bin grove-load -- $(BENCH)

audit: ## Known vulnerabilities in our dependencies (cargo-deny; fetches the advisory database)
	cargo deny check advisories

fuzz: ## The decoders on what chance does not find (fuzz/README.md)
	cd fuzz && RUSTC_BOOTSTRAP=1 cargo fuzz run decode -- -max_total_time=300 -rss_limit_mb=512

example-config: ## The effective configuration, with defaults
	cargo run -q -p grove-server --bin groved -- --config deploy/grove.example.toml --set http.plain_http=true config dump

image: ## A container image with groved alone (docs/operations.md)
	docker build --tag groved .
