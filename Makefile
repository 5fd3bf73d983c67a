# make test        what continuous integration runs; installs what it needs on Debian
# make test-long   the same without any shortening, and ten minutes of each fuzzer
# make bench       benchmarks beside an emulator with the latency of a real network
# make bench-peer  the same work done by davdisk and by rclone serve webdav

.SHELLFLAGS := -eu -c
GO ?= go

# Where apt-get can bring the real clients, a missing one is a failure.
ifneq ($(shell command -v apt-get),)
export DAVDISK_TEST_TOOLS ?= require
endif

# A race-built process waits a second before it ends, and the tests end many.
export GORACE ?= atexit_sleep_ms=0

.PHONY: build test test-long bench bench-peer check tools fuzz

build:
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/ ./cmd/davdisk

test: tools check
	$(GO) test -race -timeout 12m ./...
	./scripts/fuzz 10s

test-long: export DAVDISK_LONG = 1
test-long: tools_for = long
test-long: tools check
	$(GO) test -race -timeout 60m ./...
	cd conformance/internal/matrix && $(GO) test -short ./...
	./scripts/fuzz 10m

tools:
	./scripts/test-tools $(tools_for)

check:
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "gofmt wants: $$unformatted"; exit 1; }
	$(GO) vet ./...
	GOOS=windows $(GO) vet ./...
	GOOS=darwin $(GO) vet ./...
	GOOS=windows CGO_ENABLED=0 $(GO) build -o /dev/null ./cmd/davdisk
	GOOS=darwin CGO_ENABLED=0 $(GO) build -o /dev/null ./cmd/davdisk

bench:
	$(GO) test -run '^$$' -bench . -benchtime 1x ./...

bench-peer:
	$(GO) test -run '^$$' -bench Peer -benchtime 5x ./internal/e2e
