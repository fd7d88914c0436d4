// SPDX-License-Identifier: Apache-2.0
// Matrix products against what the registers allow, measured in the same process in turn, and what a fork and join costs.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { command, enginesOf, median, numbers, round, say } from './kit.mjs'

const about = 'matrix products, GFLOP/s; peak: running sums in registers, in the same process'
const usage = `
node bench/products.mjs [--engine node,node-26,deno,chromium] [--threads 1,2]`

const allSizes = [512, 1024]
const quickSizes = [256]
const kGrain = 16384 // elements that an elementwise operator gives one thread (cpp/device/cpu.h)

/** GFLOP/s of the native registers by width of vector; undefined where no compiler is. */
function nativePeak() {
  const program = 'dist/bench/peak'
  const source = 'bench/peak.cc'
  try {
    if (!existsSync(program) || statSync(program).mtimeMs < statSync(source).mtimeMs) {
      mkdirSync('dist/bench', { recursive: true })
      execFileSync('c++', ['-std=c++20', '-O2', '-ffp-contract=fast', '-o', program, source])
    }
    return Math.max(...Object.values(JSON.parse(execFileSync(program, { encoding: 'utf8' }))))
  } catch (error) {
    say(`the native peak is left out: ${error.message}`)
    return undefined
  }
}

async function measure(engine, simd, threads, quick) {
  const rounds = quick ? 1 : 21
  const sizes = quick ? quickSizes : allSizes
  const side = await engine.start()
  try {
    await side.request('open', { runtime: 'products', simd, threads })
    const ask = (what, rest) => side.request('ask', { what, ...rest })
    await ask('feed', { sizes })
    const peaks = []
    const products = ['FC', 'MatMul'].flatMap((type) => sizes.map((n) => ({ type, n, gflops: [], ms: [] })))
    const forks = []
    for (let i = -1; i < rounds; i++) {
      const peak = simd === 'native' ? nativePeak() : await ask('peak')
      if (i >= 0 && peak) peaks.push(peak)
      for (const { type, n, gflops, ms } of products) {
        const one = await ask('product', { type, n })
        if (i < 0) continue
        gflops.push(one.gflops)
        ms.push(one.ms)
      }
      if (threads > 1) forks.push(await ask('forkJoin', { grain: kGrain }))
    }
    const common = { engine: engine.label, simd, threads }
    const peak = peaks.length ? { peak: round(Math.max(...peaks), 1) } : {}
    const rows = products.map(({ type, n, gflops, ms }) => {
      const best = Math.max(...gflops)
      const share = peaks.length ? { percent_of_peak: round((100 * best) / (threads * Math.max(...peaks)), 0) } : {}
      const speed = { gflops_median: round(median(gflops), 1), gflops_best: round(best, 1), ...peak, ...share }
      return { ...common, product: type, size: n, ms_median: round(median(ms)), ...speed }
    })
    if (!forks.length) return rows
    const [alone, both] = ['alone', 'both'].map((key) => Math.min(...forks.map((fork) => fork[key])))
    const fork = { us_alone: round(alone, 2), us_both: round(both, 2), us_overhead: round(both - alone, 2) }
    return [...rows, { ...common, product: 'fork and join', ...fork }]
  } finally {
    await side.close()
  }
}

const options = {
  engine: { type: 'string', default: 'node,node-26,deno,chromium' },
  threads: { type: 'string', default: '1,2' },
}

await command({ about, usage, options }, async (args) => {
  const rows = []
  for (const engine of await enginesOf(args.engine)) {
    for (const simd of ['simd', 'relaxed', ...(engine.name === 'node' ? ['native'] : [])]) {
      for (const threads of numbers(args.threads)) {
        say(`products: ${engine.label}, ${simd}, ${threads} threads`)
        try {
          rows.push(...(await measure(engine, simd, threads, args.quick)))
        } catch (error) {
          say(`${simd} in ${engine.label} is left out: ${error.message}`)
        }
      }
    }
  }
  return rows
})
