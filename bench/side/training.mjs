// SPDX-License-Identifier: Apache-2.0
// Portafilter as a side that trains: a run is a step, forward, backward and update.
import { Workspace } from 'portafilter'
import { openOurs } from './ours.mjs'
import { trainedNets } from './trained-nets.mjs'

export async function open({ model, simd, threads }) {
  const { make, batch, shape } = trainedNets[model]
  const backend = await openOurs({ simd, threads })
  const net = await make(backend)
  const workspace = await Workspace.open(backend, { seed: 1 })
  const dims = [batch, ...shape]
  const data = new Float32Array(dims.reduce((a, b) => a * b)).map((_, i) => Math.abs(Math.sin(i)))
  const label = Int32Array.from({ length: batch }, (_, i) => i % 10)
  await workspace.feedBlobs({ data: { dtype: 'float32', shape: dims, data }, label })
  await workspace.runNetOnce(net.model.paramInitNet)
  await workspace.createNet(net.model.net)
  const { build, version } = await backend.info()
  const loss = async () => (await workspace.fetchBlob('loss')).data[0]
  const run = () => workspace.runNet(net.model.net)
  await run()
  const before = await loss()
  return {
    info: { build, version, gflop: (net.flops * batch) / 1e9 },
    run,
    /** The first loss and that of now: training must have learnt something. */
    losses: async () => [before, await loss()],
  }
}
