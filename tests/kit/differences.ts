// SPDX-License-Identifier: Apache-2.0
// Gradients of whole nets against central differences: the loss of a net is summed in doubles over a run with each number
// of an input a little more and a little less.
import * as assert from 'uvu/assert'
import type { Backend } from '../../src/backend/backend.ts'
import { type Tensor, tensor } from '../../src/core/tensor.ts'
import { addGradientOperators, type BlobGradient, namesOf } from '../../src/net/gradient.ts'
import { Net } from '../../src/net/net.ts'
import { encodeNetDef, netDef, type OperatorDef } from '../../src/net/net-def.ts'

export interface Differences {
  ops: OperatorDef[]
  feed: Record<string, Tensor>
  /** Float blobs of the net whose sum is differentiated, each times 1, 2, … of its elements. */
  loss: string
  /** Inputs whose gradients are compared. */
  of: string[]
  step?: number
  tolerance?: number
}

/** Runs the net with its gradient operators and compares; answers the names of the gradients. */
export async function checkDifferences(backend: Backend, spec: Differences): Promise<Map<string, string>> {
  const { ops, feed, loss, of, step = 1e-2, tolerance = 1e-2 } = spec
  const ws = await backend.openWorkspace()
  try {
    for (const [name, value] of Object.entries(feed)) await backend.feed(ws, name, value)
    const forward = await backend.createNet(ws, encodeNetDef(netDef({ name: 'forward', op: ops })))
    const weighted = async () => {
      await backend.runNet(forward)
      const { data } = await backend.fetch(ws, loss)
      return (data as Float32Array).reduce((sum, x, i) => sum + x * weight(i), 0)
    }
    await weighted()
    const { shape, data } = await backend.fetch(ws, loss)
    await backend.feed(
      ws,
      'loss_given_grad',
      tensor(
        Float32Array.from(data as Float32Array, (_, i) => weight(i)),
        shape,
      ),
    )
    const net = new Net('backward')
    net.addOperators(ops)
    const gradients = await addGradientOperators(net, { [loss]: 'loss_given_grad' }, { backend })
    const both = await backend.createNet(ws, encodeNetDef(net.proto()))
    // Twice: what a run leaves behind must not be in the way of the next.
    for (let i = 0; i < 2; i++) {
      for (const [name, value] of Object.entries(feed)) await backend.feed(ws, name, value)
      await backend.runNet(both)
    }
    const names = new Map<string, string>()
    const found = new Map<string, Float32Array>()
    for (const name of of) {
      const gradient = gradients.get(name)
      if (gradient === undefined) throw new Error(`no gradient of ${name}`)
      names.set(name, namesOf(gradient).join(' '))
      const got = await dense(gradient, feed[name], (blob) => backend.fetch(ws, blob))
      assert.equal([...got.shape], [...feed[name].shape], `shape of the gradient of ${name}`)
      found.set(name, got.data)
    }
    for (const name of of) {
      const x = feed[name]
      for (let i = 0; i < x.data.length; i++) {
        const at = async (moved: number) => {
          const data = Float32Array.from(x.data as Float32Array)
          data[i] += moved
          for (const [other, value] of Object.entries(feed)) await backend.feed(ws, other, value)
          await backend.feed(ws, name, tensor(data, x.shape))
          return await weighted()
        }
        const want = ((await at(step)) - (await at(-step))) / (2 * step)
        const got = (found.get(name) as Float32Array)[i]
        const near = Math.abs(got - want) <= tolerance * (1 + Math.abs(want))
        assert.ok(near, `gradient of ${name}[${i}] is ${got}, differences say ${want}`)
      }
    }
    return names
  } finally {
    await backend.closeWorkspace(ws)
  }
}

/** A gradient by rows is added up in a tensor like what it is the gradient of. */
export async function dense(
  gradient: BlobGradient,
  of: Tensor,
  fetch: (blob: string) => Promise<Tensor>,
): Promise<{ shape: readonly number[]; data: Float32Array }> {
  if (typeof gradient === 'string') {
    const { shape, data } = await fetch(gradient)
    return { shape, data: Float32Array.from(data as Float32Array) }
  }
  const rows = Array.from((await fetch(gradient.indices)).data as Int32Array, Number)
  const values = Float32Array.from((await fetch(gradient.values)).data as Float32Array)
  const width = of.data.length / of.shape[0]
  const data = new Float32Array(of.data.length)
  for (const [k, row] of rows.entries()) for (let j = 0; j < width; j++) data[row * width + j] += values[k * width + j]
  return { shape: of.shape, data }
}

// Not all alike, so that elements cannot be mistaken for one another.
const weight = (i: number) => 1 + (i % 5) / 4
