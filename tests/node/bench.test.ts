// SPDX-License-Identifier: Apache-2.0
// The benchmarks run and measure what they say; how fast is not the question here. Without peers, which need a network.
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { settings, skip } from '../kit/settings.ts'

const run = promisify(execFile)

type Row = Record<string, number | string>

async function rows(name: string, ...args: string[]): Promise<Row[]> {
  const argv = [`bench/${name}.mjs`, '--json', '--quick', '--no-peers', ...args]
  const { stdout } = await run(process.execPath, argv, { timeout: 60_000 })
  return JSON.parse(stdout)
}

const positive = (row: Row, ...keys: string[]) => {
  for (const key of keys) assert.ok(Number(row[key]) > 0, `${key} of ${JSON.stringify(row)}`)
}

// Each starts engines by itself, so one runtime is enough.
if (settings.runtime !== 'node') skip('benchmarks are tried from one runtime')
else {
  const tiny = ['--net', 'squeezenet11', '--engine', 'node', '--threads', '1', '--size', '64']
  const nets = rows('peers', ...tiny, '--batch', '2')

  test('peers: each side of ours is measured and agrees', async () => {
    const measured = await nets
    const plain = measured.find(({ simd }) => simd === 'simd')
    assert.equal(Object.keys(plain ?? {}).slice(0, 8), [
      ...['model', 'runtime', 'engine', 'simd', 'threads', 'batch', 'ms_median', 'ms_min'],
    ])
    for (const row of measured) {
      positive(row, 'ms_median', 'ms_min')
      assert.ok(Number(row.difference) < 1e-3)
      assert.is(row.runtime, 'portafilter')
    }
  })

  test('peers: the tables of the page follow from what is kept', async () => {
    const measured = await nets
    const folder = mkdtempSync(join(tmpdir(), 'pf-bench-'))
    try {
      for (const name of ['bench/results', 'docs']) mkdirSync(join(folder, name), { recursive: true })
      const page = join(folder, 'docs/performance.md')
      const kept = { date: '2000-01-01', commit: 'abc', machine: { cpu: 'x', cores: 1 }, engines: {}, rows: measured }
      writeFileSync(join(folder, 'bench/results/peers.json'), JSON.stringify(kept))
      writeFileSync(page, 'before\n<!-- table: native -->\n<!-- end -->\n')
      await run(process.execPath, [resolve('build/gen-performance.mjs')], { cwd: folder })
      const text = readFileSync(page, 'utf8')
      if (measured.some(({ simd }) => simd === 'native'))
        assert.match(text, /\| squeezenet11, batch 2 \| 1 \| [\d.]+ \|/)
      assert.match(text, /2000-01-01, x, 1 cores/)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('products: they stay below the peak, and a fork costs something finite', async () => {
    const measured = await rows('products', '--engine', 'node', '--threads', '2')
    for (const row of measured.filter(({ size }) => size)) positive(row, 'gflops_median', 'gflops_best')
    const forks = measured.filter(({ product }) => product === 'fork and join')
    assert.ok(forks.length > 0)
    for (const row of forks) positive(row, 'us_alone', 'us_both')
  })

  test('training: both nets learn', async () => {
    const measured = await rows('training', '--engine', 'node', '--threads', '1')
    assert.equal([...new Set(measured.map(({ model }) => model))], ['lenet', 'resnet20'])
    for (const row of measured) positive(row, 'ms_median', 'gflops')
  })

  test('growth: runs take no memory, and closing gives all back', async () => {
    const measured = await rows('growth', ...tiny, '--batch', '1,3')
    assert.is(measured.length, 2)
    for (const row of measured) {
      positive(row, 'ms_per_picture', 'arena', 'peak')
      assert.is(row.grown, 0)
      assert.is(row.left, 0)
    }
  })

  test('cold start: its phases add up', async () => {
    for (const row of await rows('cold')) {
      const phases = ['ms_start', 'ms_import', 'ms_open', 'ms_load', 'ms_first'].map((key) => Number(row[key]))
      const sum = phases.reduce((a, b) => a + b)
      assert.ok(Math.abs(sum - Number(row.ms_median)) < 1, JSON.stringify(row))
    }
  })

  test('sizes', async () => {
    const measured = await rows('sizes')
    assert.ok(measured.length > 0)
    for (const row of measured) assert.ok(Number(row.gzipped) < Number(row.bytes))
  })
}

test.run()
