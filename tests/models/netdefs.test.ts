// SPDX-License-Identifier: Apache-2.0
// The nets that Caffe2's users published, without weights: each is given random ones of shapes that suit, runs operator by
// operator, and planned as a whole.
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Backend } from '../../src/backend/backend.ts'
import type { Tensor } from '../../src/core/tensor.ts'
import { argument, encodeNetDef, type NetDef } from '../../src/net/net-def.ts'
import { readNetDef } from '../../src/net/read-net.ts'
import { platform } from '../../src/platform/index.ts'
import { testBackend } from '../kit/backend.ts'
import { settings, skip } from '../kit/settings.ts'
import { giveWeights } from './random-weights.ts'

const folder = `${settings.data}data/models/caffe2-netdefs/`
const weights = `${settings.data}data/models/caffe2-maskrcnn2go-int8/model_init.pb`

const kClose = 1e-3 // of an output's root mean square
const kOutliers = 1e-3 // of its elements

const test = suite('published nets')
const backend = testBackend(test)

/** Planned or not, a net answers the same. A box that differs in the last bit may lose or win a sample at the border. */
function agree(found: Tensor, wanted: Tensor | undefined, name: string): void {
  assert.ok(wanted, name)
  assert.equal([...found.shape], [...wanted.shape], `shape of ${name}`)
  const values = Array.from<number | bigint | string, number>(wanted.data, Number)
  const size = Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / Math.max(1, values.length))
  const off = values.filter((x, i) => !(Math.abs(Number(found.data[i]) - x) <= kClose * size)).length
  assert.ok(off <= kOutliers * values.length, `${off} of ${values.length} elements of ${name} differ when planned`)
}

/** What the net answers, and what its last softmax is of: random weights leave few classes above 0. */
function answers(net: NetDef): string[] {
  const last = net.op.at(-1)
  return last?.type === 'Softmax' ? [...net.externalOutput, last.input[0]] : [...net.externalOutput]
}

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
    const plain = new Map<string, Tensor>()
    const externalOutput = answers(net)
    for (const planned of [0, 1]) {
      const name = `${net.name}_${planned}`
      const handle = await b.createNet(
        ws,
        encodeNetDef({ ...net, name, externalOutput, arg: [argument('pf.optimize', planned)] }),
      )
      await b.runNet(handle)
      await b.closeNet(handle)
      for (const output of externalOutput) {
        const { kind } = await b.blobInfo(ws, output)
        assert.ok(kind !== 'empty' || output === 'mask_fcn_probs', `${output} is empty`)
        if (kind !== 'tensor') continue
        const tensor = await b.fetch(ws, output)
        if (planned) agree(tensor, plain.get(output), output)
        else plain.set(output, tensor)
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
