# SPDX-License-Identifier: Apache-2.0
# The one door: `make help` lists what it opens. Every product has one script in build/ and is made again only when
# something it is made of has changed. What a missing tool keeps from being made is tried again the next time.
SHELL := /bin/bash
MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:

cpp := $(shell find cpp -name '*.cc' -o -name '*.cu' -o -name '*.h')
src := $(shell find src -name '*.ts')
assembly := $(shell find assembly -name '*.ts' -not -path '*/node_modules/*')
setup := node_modules/.setup
wasm := dist/.wasm
native := dist/.native
operators := dist/.assembly
js := dist/.js

all: $(wasm) $(native) $(operators) $(js) ## build all that this machine can build (the default)

setup: ## the toolchain from the distribution and the npm packages
	@build/setup.sh && touch $(setup)

$(setup): build/setup.sh package.json package-lock.json tests/runtimes/package.json
	@build/setup.sh && touch $@

wasm: $(wasm) ## the core as WebAssembly
$(wasm): $(cpp) build/wasm.mjs | $(setup)
	node build/wasm.mjs
	@[ ! -e dist/pf-simd.wasm ] || touch $@

native: $(native) ## the core as a native addon
$(native): $(cpp) build/native.mjs | $(setup)
	node build/native.mjs
	@[ ! -e dist/pf.node ] || touch $@

addon: | $(setup) ## the native addon with CUDA kernels, where nvcc is; later builds keep them
	node build/native.mjs --cuda

assembly: $(operators) ## the user operators that come along, from AssemblyScript
$(operators): $(assembly) build/assembly.mjs | $(setup)
	node build/assembly.mjs
	@touch $@

js: $(js) ## the TypeScript side: bundles, types, sizes
$(js): $(src) $(wasm) build/js.mjs build/bundle.mjs build/budgets.json tsconfig.json package.json | $(setup)
	node build/js.mjs
	@touch $@

demo: all ## the main job: trains LeNet on handwritten digits, saves it, reads five digits with it
	node build/example.mjs 02-train-digits dist/digits-model

test: all ## all tests on every runtime; OP=Softmax: one operator's only; ARGS="--runtime deno --only net": fewer
	node tests/run.mjs $(if $(OP),--op $(OP)) $(ARGS)

gen: $(native) ## what follows from pf.h, proto/ and the operators' schemas: types, tables, docs/operators.md
	node build/proto.mjs
	node build/gen.mjs

format: | $(setup) ## every file the way `make check` wants it
	node_modules/.bin/biome check --write
	node build/check.mjs --write format

check: all ## formats, lint, types, import rules, generated files up to date
	node build/check.mjs

fixtures: all ## tests/fixtures/golden again from the shared data, after an operator was added
	node tests/kit/make-golden.mjs

cuda-check: | $(setup) ## do the CUDA kernels compile?
	node build/native.mjs --cuda-check

bench: all ## speed of nets, products and training against peers, kept in bench/results; ARGS="--quick", "--only peers"
	node bench/run.mjs $(ARGS)
	node build/gen-performance.mjs

docs: gen ## docs/operators.md from the schemas, docs/performance.md from bench/results, and links checked
	node build/gen-performance.mjs
	node build/check.mjs links

new: ## OP=Swish: the two files of a new operator
	@node build/new-op.mjs $(OP)

clean: ## remove what was built (not what was installed)
	rm -rf dist

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

.PHONY: all format setup wasm native addon assembly js demo test gen check fixtures cuda-check bench docs new clean help
