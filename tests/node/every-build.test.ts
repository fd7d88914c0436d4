// SPDX-License-Identifier: Apache-2.0
// What Caffe2 computed, on each build of the WebAssembly core with every operator. The other tests run on the one build
// that their runtime takes of itself, so this file does once, in Node, what verify/ and models/ do everywhere.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Backend } from '../../src/backend/backend.ts'
import { platform } from '../../src/platform/index.ts'
import { gunzip } from '../../src/verify/gunzip.ts'
import { verifyNetCase } from '../../src/verify/net-case.ts'
import type { VerifyReport } from '../../src/verify/report.ts'
import { verifyPath } from '../../src/verify/verify.ts'
import { testBackend } from '../kit/backend.ts'
import { fixture, sharedTest } from '../kit/data.ts'
import { settings, skip } from '../kit/settings.ts'

const builds = ['simd', 'simd-mt', 'relaxed', 'relaxed-mt']

function allPass({ total, passed, failed, unsupported }: VerifyReport): void {
  assert.equal([...failed, ...unsupported], [])
  assert.ok(total > 0)
  assert.is(passed, total)
}

async function nets(backend: Backend): Promise<void> {
  const text = new TextDecoder().decode(await gunzip(await fixture('golden/nets.jsonl.gz')))
  for (const line of text.trimEnd().split('\n')) allPass(await verifyNetCase(backend, line))
}

async function models(backend: Backend): Promise<void> {
  const folder = `${settings.data}golden/models/`
  const names = (await platform.list(folder)).filter((name) => name.endsWith('/'))
  for (const name of names) allPass(await verifyPath(backend, folder + name))
}

if (settings.runtime === 'node') {
  for (const build of builds) {
    const test = suite(build)
    const backend = testBackend(test, { backend: 'wasm', build })
    test('it is the one that was asked for', async () => assert.is((await (await backend()).info()).build, build))
    test('recorded operators', async () =>
      allPass(await verifyPath(await backend(), `${settings.fixtures}golden/operators.jsonl.gz`)))
    test('recorded nets', async () => nets(await backend()))
    sharedTest(test, 'recorded models', async () => models(await backend()))
    test.run()
  }
} else skip('the builds of the WebAssembly core are compared in Node')
