// SPDX-License-Identifier: Apache-2.0
// What must hold of the WebAssembly files themselves.
import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

// Node 20's baseline compiler spoils the stack pointer where memory.atomic.wait32 stands in a loop with live locals
// (see cpp/core/parallel.cc): it must stay in the one function that does nothing else. The linker's own, at a constant
// address, is in no loop.
for (const file of readdirSync('dist').filter((name) => /^pf-.*-mt\.wasm$/.test(name))) {
  test(`${file} waits in one place only`, () => {
    const options = { encoding: 'utf8', maxBuffer: 1 << 28 } as const
    const text = execFileSync('node_modules/.bin/wasm-dis', ['--all-features', `dist/${file}`], options)
    assert.is(text.match(/\(memory\.atomic\.wait32(?!\s+\(i32\.const)/g)?.length, 1)
  })
}

test.run()
