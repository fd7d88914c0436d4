// SPDX-License-Identifier: Apache-2.0
// Global pooling of volumes with the channels last. Caffe2 takes X for flat there until the first run has told it how many
// dimensions X has (recorded: AveragePool3D 4); nets that were trained with it count on what it computes.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { tensor } from '../../src/core/tensor.ts'
import { Net } from '../../src/net/net.ts'
import { Workspace } from '../../src/net/workspace.ts'
import { testBackend } from '../kit/backend.ts'

const backend = testBackend(test)

/** What the net makes of two images of three places, in its first and in its second run. */
async function twoRuns(type: string, args: Record<string, number | string | number[]>) {
  const net = new Net('pool')
  net.add(type, ['x'], ['y'], { order: 'NHWC', global_pooling: 1, ...args })
  const workspace = await Workspace.open(await backend())
  await workspace.feedBlob('x', tensor([3, 6, 9, 1, 5, 6], [2, 1, 1, 3, 1]))
  await workspace.createNet(net)
  const results = []
  for (let run = 0; run < 2; run++) {
    await workspace.runNet(net)
    results.push([...(await workspace.fetchBlob('y')).data])
  }
  await workspace.close()
  return results
}

test('without kernels, the first run pools the first places of flat images', async () => {
  assert.equal(await twoRuns('AveragePool', {}), [
    [3, 6],
    [6, 4],
  ])
  assert.equal(await twoRuns('MaxPool3D', {}), [
    [3, 6],
    [9, 6],
  ])
})

test('with a kernel for each dimension every run pools whole images', async () => {
  for (const kernels of [
    [1, 1, 3],
    [2, 2, 2],
  ]) {
    assert.equal(await twoRuns('AveragePool', { kernels }), [
      [6, 4],
      [6, 4],
    ])
  }
})

test.run()
