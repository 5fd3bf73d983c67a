# make test        what every change must pass; installs what it needs on Debian, and says first how much
# make test-more   what drives desktop programs, or needs packages of hundreds of megabytes; the fuzzers,
#                  ten seconds each; the code for other systems
# make test-long   everything, nothing shortened, and ten minutes of each fuzzer; with PART=NAME one part:
#                  vfs, yandex, webdav, cmd, conformance, e2e, cluster, faults or fuzz; cluster is two half
#                  hours of several gateways that fail; faults is the part of e2e in which each call of each
#                  scenario fails in each way, without the race detector
# make dist        a release of the commit in dist/: binaries for all systems, packages, checksums; built twice
# make lint        golangci-lint with .golangci.yml, for people
# make bench       benchmarks beside an emulator 0, 30 and 100 ms away, in the form that benchstat reads;
#                  COUNT=N repeats each
# make bench-peer  the same work done by davdisk and by other servers; writes docs/performance.md. It takes
#                  more than an hour of a machine that does nothing else. PEERS='-only local -rounds 5': see
#                  internal/peers

.SHELLFLAGS := -eu -c
GO ?= go

# Where apt-get can bring the real clients, a missing one is a failure.
ifneq ($(shell command -v apt-get),)
export DAVDISK_TEST_TOOLS ?= require
endif

# A race-built process waits a second before it ends, and the tests end many.
export GORACE ?= atexit_sleep_ms=0

.PHONY: build dist test test-more test-long lint bench bench-peer check check-foreign tools

build:
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/ ./cmd/davdisk

# A tag of the release, such as TAG=v1.2.3, is compared with what the binaries say.
dist:
	$(GO) run ./internal/dist -tag '$(TAG)'

run_tests = $(GO) run ./internal/testrun -race

test: tools check
	$(run_tests) -timeout 40m ./...
	cd backend/example && $(GO) vet ./... && $(GO) test ./...

test-more: level = more
test-more: tools check-foreign
	list=$$(bash ./scripts/more-tests); \
	DAVDISK_TEST=more $(run_tests) -timeout 40m -run "^($$(echo "$$list" | cut -d' ' -f2 | paste -sd'|'))\$$" \
		$$(echo "$$list" | cut -d' ' -f1 | sort -u)
	bash ./scripts/fuzz 10s

# What each part of test-long tests. A new package belongs to one of them by its path.
parts = vfs yandex webdav cmd conformance e2e cluster fuzz faults
packages_vfs = $$($(GO) list ./vfs/... ./backend/... | grep -v /backend/yandex)
packages_yandex = ./backend/yandex/...
packages_webdav = ./webdav/...
packages_cmd = ./cmd/...
packages_conformance = ./conformance/...
packages_e2e = ./internal/...

# What is a part of its own.
flags_e2e = -skip '^Test(EveryFault.*|LiesUnderLoad|GatewaysUnderLoad)$$'

PART ?= $(parts)
test-long: level = long
test-long: tools check check-foreign $(addprefix long-,$(PART))

long-%:
	DAVDISK_TEST=long $(run_tests) -timeout 60m $(flags_$*) $(or $(packages_$*),$(error there is no PART=$*; there are $(parts)))
long-conformance-matrix:
	cd conformance/internal/matrix && $(GO) test -short ./...
long-conformance: long-conformance-matrix
long-yandex: long-yandex-lies
long-yandex-lies:
	DAVDISK_TEST=long $(run_tests) -timeout 60m -run '^TestLiesUnderLoad$$' ./internal/e2e
long-cluster:
	DAVDISK_TEST=long $(GO) test -race -v -timeout 80m -run '^TestGatewaysUnderLoad$$' ./internal/e2e
long-faults:
	DAVDISK_TEST=long $(GO) test -v -timeout 10h -run '^TestEveryFault' ./internal/e2e
long-fuzz:
	bash ./scripts/fuzz 10m

# By bash, because make for Windows does not understand the first line of a script.
tools:
	bash ./scripts/test-tools $(level)

check:
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "gofmt wants: $$unformatted"; exit 1; }
	$(GO) vet ./...

# What the host does not compile.
check-foreign:
	GOOS=windows $(GO) vet ./...
	GOOS=darwin $(GO) vet ./...
	GOOS=windows CGO_ENABLED=0 $(GO) build -o /dev/null ./cmd/davdisk
	GOOS=darwin CGO_ENABLED=0 $(GO) build -o /dev/null ./cmd/davdisk

lint:
	$(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 run

COUNT ?= 1
bench:
	$(GO) test -run '^$$' -bench . -benchmem -benchtime 1x -count $(COUNT) ./...

bench-peer: level = peers
bench-peer: tools
	$(GO) run ./internal/peers $(PEERS)
