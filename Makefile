# Everything that people and machines do here. `make` lists it.

SHELL := /bin/bash -o pipefail
.DEFAULT_GOAL := help

# Built tools and clusters live outside the repository, keyed by the versions that made them.
export QUIESCE_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/quiesce
TOOLS := $(QUIESCE_CACHE)/tools/$(shell cat test/tools/go.mod test/tools/go.sum | sha256sum | cut -c1-12)

# Without cgo and the folders of sources, so that the project, its tools, its releases, the cluster's binaries and other clones share
# what the compiler has cached.
export CGO_ENABLED := 0
export GOFLAGS := $(strip $(GOFLAGS) -trimpath)

CLUSTER := go run -C test/cluster .

##@ Start here

.PHONY: help
help: ## List what there is to make.
	@awk 'BEGIN {FS = ":.*## "; printf "make TARGET\n"} \
	  /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z0-9-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(TOOLS)/helm ## Show the main job: a real cluster, a policy, a pod, a Velero backup, a freeze and a thaw.
	HELM=$(TOOLS)/helm go run ./test/demo

.PHONY: demo-down
demo-down: ## Take down what the demo left for exploring: the cluster and the demo's filesystem.
	go run ./test/demo -down

.PHONY: test
test: gcc shells ## Run the unit tests, and the integration tests on a real API server.
	CGO_ENABLED=1 go test -race $$(go list ./... | grep -vE '/test/(chart|integration)$$')
	go test -C test/cluster ./...
	go test -C test/cluster/modules/csi ./driver
	@# Never from Go's cache, which does not know that these tests build and run the programs.
	assets=$$($(CLUSTER) assets) && CGO_ENABLED=1 KUBEBUILDER_ASSETS="$$assets" go test -race -count 1 ./test/integration

.PHONY: e2e
e2e: $(TOOLS)/helm ## Run the demo's path with assertions, on the real one-node cluster with Velero.
	HELM=$(TOOLS)/helm go test -tags e2e -count 1 -timeout 60m -parallel 8 -v ./test/e2e

.PHONY: bench
bench: $(TOOLS)/benchstat ## Measure admission beside controller-runtime's typed defaulter, and with 10,000 policies.
	@results=$$(mktemp) && trap 'rm -f "$$results"' EXIT && \
	  go test ./webhook -run '^$$' -bench . -benchmem -cpu 1 -count 6 >"$$results" && \
	  $(TOOLS)/benchstat -filter '.name:Admission' -col /handler "$$results" && \
	  $(TOOLS)/benchstat -filter '.name:Policies' -row /selector -col /policies "$$results"

.PHONY: bench-scale
bench-scale: $(TOOLS)/helm ## Measure how a change of policy reaches 10,000 pods, on simulated nodes; some 15 minutes.
	HELM=$(TOOLS)/helm go run ./test/bench

.PHONY: bench-sessions
bench-sessions: $(TOOLS)/helm ## Measure sessions beside bare clients on 100 real pods, and on 5,000 simulated ones; some 10 minutes.
	HELM=$(TOOLS)/helm go run ./test/bench/sessions

.PHONY: bench-velero
bench-velero: $(TOOLS)/helm ## Measure backups of 50 real pods by Velero, by hooks of its own beside sessions; some 10 minutes.
	HELM=$(TOOLS)/helm go run ./test/bench/velero

##@ The cluster

.PHONY: cluster-up
cluster-up: ## Bring the one-node cluster up, with Velero.
	$(CLUSTER) up --velero

.PHONY: cluster-down
cluster-down: ## Take the cluster down, and all that it made on this machine.
	$(CLUSTER) down

##@ The plugin of kubectl

# Of a clone that has tags, the latest of them and what has come since.
VERSION ?= $(or $(shell git describe --tags --match 'v*' --dirty 2>/dev/null),v0.0.0-dev)

.PHONY: install-plugin
install-plugin: ## Build kubectl-quiesce into Go's folder of programs, and say where that is.
	go install -ldflags '-X github.com/quiesce-io/quiesce/cmd/kubectl-quiesce/internal/version.release=$(VERSION)' ./cmd/kubectl-quiesce
	@folder=$$(go env GOBIN) && folder=$${folder:-$$(go env GOPATH)/bin} && echo "kubectl-quiesce $(VERSION) is in $$folder" && \
	  case ":$$PATH:" in *":$$folder:"*) ;; *) echo "That is not in PATH, where kubectl looks for it";; esac

.PHONY: release
release: ## Build the plugin's archives for all platforms, their sums and krew's manifest into dist: make release VERSION=v1.2.3
	go run ./cmd/kubectl-quiesce/internal/release -version '$(VERSION)' -o dist

##@ Change the code

.PHONY: generate
generate: $(TOOLS)/controller-gen ## Generate deepcopy, CRDs, RBAC, the webhook's manifests, the chart's copies, and docs/cli.md.
	$(TOOLS)/controller-gen object paths=./hooks/v1alpha1
	$(TOOLS)/controller-gen crd paths=./hooks/v1alpha1 output:crd:dir=config/crd
	$(TOOLS)/controller-gen rbac:roleName=quiesce-webhook paths=./webhook paths=./hooks/policies \
	  output:rbac:dir=config/rbac/webhook
	$(TOOLS)/controller-gen rbac:roleName=quiesce-controller paths=./hooks/policies paths=./hooks/status \
	  paths=./hooks/stamp/keeper paths=./hooks/usage/librarian paths=./hooks/action paths=./hooks/session/... paths=./hooks/delivery paths=./hooks/signal/... paths=./hooks/sweep paths=./webhook/certificates paths=./cmd/quiesce-controller \
	  output:rbac:dir=config/rbac/controller
	$(TOOLS)/controller-gen webhook paths=./webhook paths=./webhook/authoring output:webhook:dir=config/webhook
	rm -rf charts/quiesce/generated
	mkdir -p charts/quiesce/generated
	cp -r config/crd config/rbac config/webhook charts/quiesce/generated/
	go run ./cmd/kubectl-quiesce/internal/reference docs/cli.md

.PHONY: record
record: $(TOOLS)/helm ## Record anew, on the real cluster, what docs/cli.md shows of commands.
	HELM=$(TOOLS)/helm go test -tags e2e -count 1 -timeout 20m -v -run '^TestTheConsolesOfTheDocsShowWhatCommandsPrint$$' ./test/e2e -update
	go run ./cmd/kubectl-quiesce/internal/reference docs/cli.md

.PHONY: format
format: $(TOOLS)/golangci-lint ## Format the Go code.
	$(TOOLS)/golangci-lint fmt

.PHONY: lint
lint: $(TOOLS)/golangci-lint ## Look for mistakes in the Go code.
	$(TOOLS)/golangci-lint run --build-tags e2e ./...
	cd test/cluster && $(TOOLS)/golangci-lint run --config ../../.golangci.yml ./...
	cd test/cluster/modules/csi && $(TOOLS)/golangci-lint run --config ../../../../.golangci.yml ./driver/...

.PHONY: verify
verify: verify-generated verify-modules verify-format lint verify-chart ## Check all that no test runs: generated files, formatting, lint, the chart.

.PHONY: verify-generated
verify-generated: ## Check that the generated files are what the generators make.
	@before=$$(mktemp -d) && trap 'rm -rf "$$before"' EXIT && \
	  cp -r config charts/quiesce/generated hooks/v1alpha1 docs/cli.md "$$before" && \
	  $(MAKE) --no-print-directory generate && \
	  for pair in config:config generated:charts/quiesce/generated v1alpha1:hooks/v1alpha1 cli.md:docs/cli.md; do \
	    diff -r "$$before/$${pair%%:*}" "$${pair#*:}" || { echo "Generated files were out of date: commit what 'make generate' made" >&2; exit 1; }; \
	  done

.PHONY: verify-modules
verify-modules: ## Check that go.mod and go.sum are tidy.
	go mod tidy -diff
	go -C test/cluster mod tidy -diff
	go -C test/tools/krew mod tidy -diff

.PHONY: verify-format
verify-format: $(TOOLS)/golangci-lint ## Check that the Go code is formatted.
	$(TOOLS)/golangci-lint fmt --diff

.PHONY: verify-chart
verify-chart: $(TOOLS)/helm ## Lint the chart, render it with many values, and check all it renders with a real API server.
	$(TOOLS)/helm lint --strict charts/quiesce
	assets=$$($(CLUSTER) assets) && HELM=$(TOOLS)/helm KUBEBUILDER_ASSETS="$$assets" go test ./test/chart

##@ What the rest needs

# Each tool is pinned in test/tools/go.mod and built once for a version.
TOOL_PACKAGES := \
  sigs.k8s.io/controller-tools/cmd/controller-gen \
  github.com/golangci/golangci-lint/v2/cmd/golangci-lint \
  helm.sh/helm/v4/cmd/helm \
  golang.org/x/perf/cmd/benchstat

.PHONY: tools
tools: $(addprefix $(TOOLS)/,$(notdir $(TOOL_PACKAGES))) ## Build the tools: controller-gen, golangci-lint, helm, benchstat.

$(TOOLS)/%:
	@echo "Building $* (once for this version; minutes from a cold cache)"
	@go build -C test/tools -ldflags '-s -w' -o $@ $(filter %/$*,$(TOOL_PACKAGES))

.PHONY: shells
shells: # Scripts are tested under three shells, by other interpreters, requests in a network of their own, and completion in bash.
	@for program in dash bash busybox/busybox-static perl awk/mawk ip/iproute2; do \
	  command -v $${program%%/*} >/dev/null || missing="$$missing $${program##*/}"; done; \
	  [ -e /usr/share/bash-completion/bash_completion ] || missing="$$missing bash-completion"; \
	  [ -z "$$missing" ] || { echo "Installing$$missing for the tests" && apt-get update -qq && apt-get install -y -qq $$missing; }

.PHONY: gcc
gcc: # The race detector needs a C compiler.
	@command -v gcc >/dev/null || { echo "Installing gcc for the race detector" && apt-get update -qq && apt-get install -y -qq gcc libc6-dev; }
