// SPDX-License-Identifier: Apache-2.0
// A core with the operators of one net alone: which files it takes, and SqueezeNet's, which runs and is small.
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openBackend } from '../../src/backend/backend.ts'
import { tensor } from '../../src/core/tensor.ts'
import { encodeNetDef, netDef, operatorDef } from '../../src/net/net-def.ts'
import { throwsPf } from '../kit/throws.ts'

const run = promisify(execFile)

// What build/selection.mjs answers, asked as a script: it is no part of the bundles.
async function select(types: string[], files: Record<string, string>) {
  const script = `import { select } from './build/selection.mjs'
    const files = ${JSON.stringify(files)}
    console.log(JSON.stringify(select(${JSON.stringify(types)}, Object.keys(files), (name) => files[name])))`
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script])
  return JSON.parse(stdout)
}

const files = {
  'relu.cc': 'PF_OP(Relu)\n PF_OP(ReluGradient)',
  'fill.cc': 'PF_OP(GivenTensorFill) PF_OP(ConstantFill)',
  'control.cc': '#include "core/subnets.h"\nPF_OP(If)',
}

test('an operator brings its file, and what every build has', async () => {
  assert.equal(await select(['Relu', 'Relu'], files), { files: ['fill.cc', 'relu.cc'], full: false })
  assert.equal(await select(['If'], files), { files: ['control.cc', 'fill.cc'], full: true })
})

test('an operator that no file has is named', async () => {
  try {
    await select(['Relu', 'Reloo'], files)
    assert.unreachable()
  } catch (error) {
    assert.match(String(error), /there is no operator "Reloo"/)
  }
})

const squeezenet = ['Conv', 'Relu', 'MaxPool', 'Concat', 'Dropout', 'AveragePool', 'Softmax']

// Objects of an earlier build are used again; from nothing it would take minutes.
if (existsSync('dist/.obj/simd')) {
  test('SqueezeNet alone takes 90 KB at most', async () => {
    const out = mkdtempSync(join(tmpdir(), 'portafilter-pruned-'))
    try {
      await run(process.execPath, ['build/wasm.mjs', '--for', squeezenet.join(','), '--out', out, '--only', 'simd'])
      const wasm = readFileSync(join(out, 'pf-simd.wasm'))
      const size = gzipSync(wasm, { level: 9 }).length
      assert.ok(size <= 90 * 1024, `${size} bytes gzipped`)
      const backend = await openBackend({ backend: 'wasm', wasm: new Uint8Array(wasm), threads: 1 })
      const ws = await backend.openWorkspace()
      await backend.feed(ws, 'x', tensor([[-1, 2]]))
      const op = [operatorDef('Relu', 'x', 'y'), operatorDef('Softmax', 'y', 'z')]
      await backend.runNet(await backend.createNet(ws, encodeNetDef(netDef({ op }))))
      const { data } = await backend.fetch(ws, 'z')
      assert.ok(Math.abs(Number(data[1]) - 1 / (1 + Math.exp(-2))) < 1e-6)
      const tanh = encodeNetDef(netDef({ op: [operatorDef('Tanh', 'x', 't')] }))
      await throwsPf(() => backend.createNet(ws, tanh), 'no_operator', /Tanh/)
      await backend.close()
    } finally {
      rmSync(out, { recursive: true, force: true })
    }
  })
}

test.run()
