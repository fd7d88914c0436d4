// SPDX-License-Identifier: Apache-2.0
// The nets that Caffe2's users published, without weights: each is given random ones of shapes that suit, runs operator by
// operator, and planned as a whole.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Backend } from '../../src/backend/backend.ts'
import { argument, encodeNetDef, type NetDef } from '../../src/net/net-def.ts'
import { readNetDef } from '../../src/net/read-net.ts'
import { platform } from '../../src/platform/index.ts'
import { testBackend } from '../kit/backend.ts'
import { settings, skip } from '../kit/settings.ts'
import { giveWeights } from './random-weights.ts'

const folder = `${settings.data}data/models/caffe2-netdefs/`
const weights = `${settings.data}data/models/caffe2-maskrcnn2go-int8/model_init.pb`

const test = suite('published nets')
const backend = testBackend(test)

async function runs(b: Backend, net: NetDef): Promise<void> {
  const ws = await b.openWorkspace(1n)
  try {
    const init = await readNetDef(await platform.read(weights))
    const made = new Set(['data', 'im_info', ...[...init.op, ...net.op].flatMap(({ output }) => output)])
    // Its own weights, where they are those that there are.
    if (net.op.every(({ input }) => input.every((name) => made.has(name)))) {
      await b.runNet(await b.createNet(ws, encodeNetDef(init)))
    }
    await giveWeights(b, ws, net)
    for (const planned of [0, 1]) {
      const name = `${net.name}_${planned}`
      const handle = await b.createNet(ws, encodeNetDef({ ...net, name, arg: [argument('pf.optimize', planned)] }))
      await b.runNet(handle)
      await b.closeNet(handle)
      for (const output of net.externalOutput) {
        const { kind } = await b.blobInfo(ws, output)
        assert.ok(kind !== 'empty' || output === 'mask_fcn_probs', `${output} is empty`)
      }
    }
  } finally {
    await b.closeWorkspace(ws)
  }
}

if (settings.data === undefined || !(await platform.exists(folder))) skip('no shared test data')
else {
  for (const file of (await platform.list(folder)).sort()) {
    if (!/\.pb/.test(file)) continue
    test(file, async () => runs(await backend(), await readNetDef(await platform.read(`${folder}${file}`))))
  }
}

test.run()
