# Tapestry. `make` lists the targets. Needs Linux, Go and GNU make; everything else is optional or fetched.

GO        ?= go
FUZZTIME  ?= 60s
BENCHTIME ?= 1s
COUNT     ?= 6
LAB       ?=

export GO

.DEFAULT_GOAL := help
.PHONY: help need build run test check soak bench fuzz deps docs clean

# `make help` prints the comment after the two hash marks of each target.
help: need ## list the targets
	@echo 'Targets:'
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1|\2/p' $(firstword $(MAKEFILE_LIST)) | \
		while IFS='|' read -r target text; do printf '  %-8s %s\n' "$$target" "$$text"; done

need:
	@scripts/need.sh

build: need ## build bin/tapestry
	$(GO) build -trimpath -buildvcs=$(shell git rev-parse -q --verify HEAD >/dev/null 2>&1 && echo auto || echo false) \
		-o bin/tapestry ./cmd/tapestry

run: build ## run the default lab, or LAB=file.toml, as the user who calls
	bin/tapestry run $(LAB)

test: need ## install what the tests use (as root on Debian), run all tests
	@scripts/test.sh

check: need ## gofmt, vet, staticcheck, presubmit rules, tests with the race detector
	@scripts/check.sh

soak: need ## the long tests (build tag soak): up to an hour
	$(GO) test -tags soak -run Soak -v -count=1 -timeout 60m ./...
	TAPESTRY_VTIME=1 $(GO) run ./stack/stacktest/vtime test -tags soak -run Soak -v -count=1 -timeout 30m ./stack/stacktest/...

fuzz: need ## run each fuzz target for FUZZTIME (60s)
	@FUZZTIME=$(FUZZTIME) scripts/fuzz.sh

bench: need ## benchmarks into bench/results/, on an idle machine (COUNT=6, BENCHTIME=1s)
	@BENCHTIME=$(BENCHTIME) COUNT=$(COUNT) scripts/bench.sh

deps: need ## download the modules; install the Debian packages that tests use (as root)
	$(GO) mod download
	@scripts/deps.sh

docs: need ## generate docs/RFC.md from the citations in comments
	$(GO) run ./internal/tools/rfcdoc -o docs/RFC.md

clean: ## remove what was built
	rm -rf bin
