// SPDX-License-Identifier: Apache-2.0
// What the benchmarks share: peers, clocks, tables.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'

const peers = new URL('./peers/', import.meta.url)

/** Installs the peers on first use. Answers why that failed, or undefined. */
export function installPeers() {
  if (existsSync(new URL('node_modules/onnxruntime-web', peers))) return undefined
  console.log('installing the peers into bench/peers')
  try {
    execFileSync('npm', ['install', '--no-package-lock', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: peers,
      stdio: 'inherit',
    })
    return undefined
  } catch (error) {
    return `the peers cannot be installed: ${error.message}`
  }
}

export const machine = () => ({ cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, node: process.version })

export const summary = (times) => {
  const sorted = [...times].sort((a, b) => a - b)
  return { median: round(sorted[sorted.length >> 1]), best: round(sorted[0]) }
}

export const round = (value) => Math.round(value * 1000) / 1000

/** Runs the sides in turn, so that whatever else the machine does hits all of them alike. */
export async function alternate(sides, { warmup, repeats }) {
  const times = sides.map(() => [])
  for (let i = -warmup; i < repeats; i++) {
    for (const [k, side] of sides.entries()) {
      const start = performance.now()
      await side()
      if (i >= 0) times[k].push(performance.now() - start)
    }
  }
  return times.map(summary)
}

/** The largest difference of two results, as a share of the largest value. */
export function largestDifference(a, b) {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY
  let difference = 0
  let size = 0
  for (let i = 0; i < a.length; i++) {
    difference = Math.max(difference, Math.abs(a[i] - b[i]))
    size = Math.max(size, Math.abs(b[i]))
  }
  return difference / size
}

export function save(name, results) {
  const folder = new URL('./results/', import.meta.url)
  mkdirSync(folder, { recursive: true })
  const file = new URL(`${name}.json`, folder)
  writeFileSync(file, `${JSON.stringify({ machine: machine(), ...results }, undefined, 2)}\n`)
  console.log(`written to bench/results/${name}.json`)
}

function cell(value) {
  if (typeof value !== 'number') return value ?? ''
  return value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential(1) : String(round(value))
}

export function table(rows) {
  const titles = Object.keys(rows[0] ?? {})
  const lines = [titles, ...rows.map((row) => titles.map((title) => cell(row[title])))]
  const widths = titles.map((_, k) => Math.max(...lines.map((line) => line[k].length)))
  for (const line of lines)
    console.log(line.map((text, k) => (k ? text.padStart(widths[k]) : text.padEnd(widths[k]))).join('  '))
}
