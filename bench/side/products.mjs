// SPDX-License-Identifier: Apache-2.0
// Portafilter as a side that multiplies matrices (through nets of one operator, as users have them), and measures beside
// that what the registers allow and what a fork and join costs.
import { netDef, operatorDef, Workspace } from 'portafilter'
import { openOurs } from './ours.mjs'
import { registerPeak } from './peak.mjs'

const values = (n, seed) => new Float32Array(n).map((_, i) => Math.sin(i * 0.37 + seed))

export async function open({ simd, threads }) {
  const backend = await openOurs({ simd, threads })
  const workspace = await Workspace.open(backend, { seed: 1 })
  const peak = simd === 'native' ? undefined : registerPeak(simd === 'relaxed')
  const nets = new Set()

  async function net(name, type, inputs) {
    if (nets.has(name)) return name
    const op = [operatorDef(type, inputs, [`${name}_out`])]
    await workspace.createNet(netDef({ name, op, externalInput: inputs, externalOutput: [`${name}_out`] }))
    nets.add(name)
    return name
  }

  async function timed(name, iterations) {
    const start = performance.now()
    await workspace.runNet(name, iterations)
    return (performance.now() - start) / iterations
  }

  /** Milliseconds and GFLOP/s of n x n matrices: FC packs its weights once, MatMul both sides each time. */
  async function product({ type, n }) {
    const name = await net(`${type}${n}`, type, type === 'FC' ? [`a${n}`, `b${n}`, `c${n}`] : [`a${n}`, `b${n}`])
    const iterations = Math.max(1, Math.round(2 ** 28 / n ** 3))
    const ms = await timed(name, iterations)
    return { ms, gflops: (2 * n ** 3) / ms / 1e6 }
  }

  async function feed({ sizes }) {
    for (const n of sizes) {
      await workspace.feedBlob(`a${n}`, { dtype: 'float32', shape: [n, n], data: values(n * n, 0) })
      await workspace.feedBlob(`b${n}`, { dtype: 'float32', shape: [n, n], data: values(n * n, 1) })
      await workspace.feedBlob(`c${n}`, { dtype: 'float32', shape: [n], data: values(n, 2) })
    }
  }

  /**
   * Microseconds of a Relu over one grain of work, which no thread is woken for, and over two grains, of which each thread
   * takes one. What the second takes longer is the fork and join. 5000 in a row, so that the threads stay awake.
   */
  async function forkJoin({ grain }) {
    const times = []
    for (const n of [grain, 2 * grain]) {
      if (!nets.has(`relu${n}`)) {
        await workspace.feedBlob(`x${n}`, { dtype: 'float32', shape: [n], data: values(n, 0) })
        await net(`relu${n}`, 'Relu', [`x${n}`])
        await workspace.runNet(`relu${n}`, 2000)
      }
      times.push(1000 * (await timed(`relu${n}`, 5000)))
    }
    return { alone: times[0], both: times[1] }
  }

  const { build, version } = await backend.info()
  return { info: { build, version }, product, feed, forkJoin, peak: () => peak?.() }
}
