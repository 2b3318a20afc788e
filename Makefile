# Knutepunkt's targets. Each installs what it needs from Debian's archive and PyPI when it is missing, and says what
# (Deploy/requirements.sh); each can be repeated. `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

# Where `make install` puts things. DESTDIR goes in front of everything, for packages.
PREFIX ?= /usr
SYSCONFDIR ?= /etc
SYSTEMDDIR ?= $(PREFIX)/lib/systemd
LIBDIR := $(DESTDIR)$(PREFIX)/lib/knutepunkt
SHAREDIR := $(DESTDIR)$(PREFIX)/share
# The release build carries Swift's standard library with it: the machine needs only system libraries.
RELEASE := -c release --static-swift-stdlib --product knutepunkt

.PHONY: help build demo test simulate mutants bluetooth-lab bench bench-cost bench-peers bench-table fuzz soak kills power-cuts years format lint install uninstall clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## the binary, debug: .build/debug/knutepunkt
	@Deploy/requirements.sh build
	swift build --product knutepunkt

demo: ## a street of six homes, live, with a reconciliation at the end (KEEP=1 leaves it running)
	@Deploy/requirements.sh demo
	swift build --product knutepunkt
	@/usr/bin/python3 Deploy/demo/demo.py $(if $(KEEP),--keep) $(DEMO)

test: ## every test: build, format, Swift tests, process tests (PYTEST="-k name" narrows the last)
	@Deploy/test.sh $(PYTEST)

simulate: ## simulated worlds that fail by a seed (SEEDS=100 HOURS=1 HOMES=3 PROFILE=swarm JOBS=, SEED= of an earlier run): docs/simulation.md
	@Deploy/requirements.sh build
	swift build $(RELEASE)
	.build/release/knutepunkt simulate --seed $(or $(SEED),$(shell date +%s)) --seeds $(or $(SEEDS),100) --hours $(or $(HOURS),1) --homes $(or $(HOMES),3) \
		--profile $(or $(PROFILE),swarm) --jobs $(or $(JOBS),$(shell nproc))

mutants: ## a thousand worlds for each defect that is put in on purpose: all must be found (SEEDS=1000): docs/simulation.md
	@Deploy/requirements.sh build
	swift build $(RELEASE)
	.build/release/knutepunkt simulate --mutants --seeds $(or $(SEEDS),1000) --jobs $(or $(JOBS),$(shell nproc))

bluetooth-lab: ## the whole product against real bluetoothd and simulated devices (LAB="first_reading vanish" narrows it)
	@Deploy/requirements.sh test
	swift build --product knutepunkt
	@Tests/BluetoothLab/run.sh $(LAB)

bench: ## the performance table of docs/architecture.md, measured; also written as JSON to .build/bench/results.json
	@Deploy/bench.sh $(BENCH)

bench-cost: ## CPU a message and wake-ups by role, at 200 messages a second and at rest (COST="--only idle --threads")
	@Deploy/requirements.sh bench
	swift build -c release --static-swift-stdlib --product knutepunkt
	@/usr/bin/python3 Deploy/bench/cost.py $(COST)

bench-peers: ## the hub beside thingsboard-gateway, vitalscore, zen-engine and clipspy (PEERS="--only road" narrows it)
	@Deploy/requirements.sh peers
	swift build $(RELEASE)
	@/usr/bin/python3 Deploy/bench/peers.py $(PEERS)

bench-table: ## both, on a quiet machine, some eight minutes: writes the tables of docs/benchmarks.md anew
	@Deploy/requirements.sh peers
	@Deploy/bench.sh --markdown .build/bench/bench.md $(BENCH)
	@/usr/bin/python3 Deploy/bench/peers.py $(PEERS)
	@/usr/bin/python3 Deploy/bench/page.py .build/bench/bench.md .build/bench/peers.md
	@echo "docs/benchmarks.md has the new tables"

soak: ## 500 kills, then HOURS of load with faults, measured each minute: a verdict and a picture (HOURS=8 KILLS=500 SOAK="--seed 7")
	@Deploy/requirements.sh bench
	swift build $(RELEASE)
	@KNUTEPUNKT_BINARY="$$(swift build $(RELEASE) --show-bin-path)/knutepunkt" Deploy/soak.sh $(or $(HOURS),8) $(or $(KILLS),500) $(SOAK)

kills: ## the kill loop alone: ROUNDS with a ledger (ROUNDS=500 KILL="--seed 7 --roles --mixed")
	@Deploy/requirements.sh demo
	swift build --product knutepunkt
	@/usr/bin/python3 -B Deploy/soak/kills.py --rounds $(or $(ROUNDS),500) $(KILL)

power-cuts: ## the hub on a disk that loses what was not flushed, in the lab's kernel (CUTS=100 CUT="--seed 7")
	@Deploy/requirements.sh test
	@Tests/BluetoothLab/prepare.sh
	swift build --product knutepunkt
	@/usr/bin/python3 -B Tests/PowerCut/cuts.py --cuts $(or $(CUTS),100) $(CUT)

years: ## a journal of ENTRIES over 400 days: upgrade, resize, backup, verify, purge, restore, each under traffic (ENTRIES=10000000 YEARS="--seconds 40")
	@Deploy/requirements.sh bench
	swift build $(RELEASE)
	swift build -c release --static-swift-stdlib --product Benchmarks
	@KNUTEPUNKT_BINARY="$$(swift build $(RELEASE) --show-bin-path)/knutepunkt" /usr/bin/python3 -B Deploy/years/years.py --entries $(or $(ENTRIES),10000000) $(YEARS)

fuzz: ## libFuzzer on every way by which bytes come in, a minute each (SECONDS=600 FUZZ="frame journal" narrows it)
	@Deploy/requirements.sh build
	@Deploy/fuzz.sh $(or $(SECONDS),60) $(FUZZ)

format: ## rewrite every Swift file in the house style
	swift format --in-place --recursive --parallel Package.swift Sources Tests

lint: ## say where a Swift file is not in the house style
	swift format lint --strict --recursive --parallel Package.swift Sources Tests

install: ## binary, profiles, units, example configuration, broker drop-in, completions, below $(DESTDIR)$(PREFIX)
	@Deploy/requirements.sh build
	swift build $(RELEASE)
	@bin="$$(swift build $(RELEASE) --show-bin-path)"; set -x; \
	install -d "$(LIBDIR)" "$(DESTDIR)$(PREFIX)/bin" "$(DESTDIR)$(SYSCONFDIR)/knutepunkt" "$(SHAREDIR)/knutepunkt/DeviceProfiles"; \
	install -m 0755 "$$bin/knutepunkt" "$(LIBDIR)/knutepunkt"; \
	for bundle in "$$bin"/*.resources; do [ ! -e "$$bundle" ] || cp -R "$$bundle" "$(LIBDIR)/"; done; \
	ln -sfn ../lib/knutepunkt/knutepunkt "$(DESTDIR)$(PREFIX)/bin/knutepunkt"; \
	cp -R DeviceProfiles/. "$(SHAREDIR)/knutepunkt/DeviceProfiles/"; \
	install -D -m 0644 Deploy/knutepunkt.example.yaml "$(SHAREDIR)/doc/knutepunkt/knutepunkt.example.yaml"; \
	for page in *.md LICENSE docs/*.md docs/pictures/* Deploy/README.md DeviceProfiles/README.md Tests/BluetoothLab/README.md; do \
	  install -D -m 0644 "$$page" "$(SHAREDIR)/doc/knutepunkt/$$page"; done; \
	install -D -m 0644 Deploy/mosquitto/knutepunkt.conf "$(DESTDIR)$(SYSCONFDIR)/mosquitto/conf.d/knutepunkt.conf.example"; \
	install -D -m 0644 Deploy/mosquitto/knutepunkt.acl "$(DESTDIR)$(SYSCONFDIR)/mosquitto/knutepunkt.acl"; \
	for unit in systemd/*.service systemd/*.target systemd/*.timer; do install -D -m 0644 "$$unit" "$(DESTDIR)$(SYSTEMDDIR)/system/$${unit##*/}"; done; \
	install -D -m 0644 systemd/bluetooth.service.d/50-knutepunkt.conf "$(DESTDIR)$(SYSTEMDDIR)/system/bluetooth.service.d/50-knutepunkt.conf"; \
	install -D -m 0644 systemd/knutepunkt.sysusers "$(DESTDIR)$(PREFIX)/lib/sysusers.d/knutepunkt.conf"; \
	install -D -m 0644 systemd/knutepunkt.tmpfiles "$(DESTDIR)$(PREFIX)/lib/tmpfiles.d/knutepunkt.conf"; \
	install -d "$(SHAREDIR)/bash-completion/completions" "$(SHAREDIR)/zsh/site-functions" "$(SHAREDIR)/fish/vendor_completions.d"; \
	"$(LIBDIR)/knutepunkt" --generate-completion-script bash >"$(SHAREDIR)/bash-completion/completions/knutepunkt"; \
	"$(LIBDIR)/knutepunkt" --generate-completion-script zsh >"$(SHAREDIR)/zsh/site-functions/_knutepunkt"; \
	"$(LIBDIR)/knutepunkt" --generate-completion-script fish >"$(SHAREDIR)/fish/vendor_completions.d/knutepunkt.fish"
	@echo "installed below $(DESTDIR)$(PREFIX); next: systemd-sysusers, systemd-tmpfiles --create, write $(SYSCONFDIR)/knutepunkt/knutepunkt.yaml"

uninstall: ## what install put there, but for the configuration and the state
	rm -rf "$(LIBDIR)" "$(DESTDIR)$(PREFIX)/bin/knutepunkt" "$(SHAREDIR)/knutepunkt" "$(SHAREDIR)/doc/knutepunkt"
	rm -f "$(DESTDIR)$(SYSTEMDDIR)"/system/{knutepunkt*.{service,target,timer},bluetooth.service.d/50-knutepunkt.conf}
	rm -f "$(DESTDIR)$(PREFIX)"/lib/{sysusers,tmpfiles}.d/knutepunkt.conf
	rm -f "$(SHAREDIR)/bash-completion/completions/knutepunkt" "$(SHAREDIR)/zsh/site-functions/_knutepunkt" \
	  "$(SHAREDIR)/fish/vendor_completions.d/knutepunkt.fish"

clean: ## build products and test environments
	rm -rf .build .build-fuzz .build-venv
