// SPDX-License-Identifier: Apache-2.0
// What the benchmarks share: the command line, peers, clocks, tables.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { findEngines } from './engines.mjs'

const peers = new URL('./peers/', import.meta.url)

/** Sentences go to standard error; standard output is for results alone. */
export const say = (text) => console.error(text)

/**
 * A benchmark as a command. `measure` gets the options and answers rows, which are printed as a table or as JSON.
 * @param {{about: string, options?: object, usage?: string}} what options beyond those of all benchmarks, for parseArgs
 */
export async function command({ about, options = {}, usage = '' }, measure) {
  const { values } = parseArgs({
    allowNegative: true,
    options: {
      json: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      peers: { type: 'boolean', default: true },
      help: { type: 'boolean', default: false },
      ...options,
    },
  })
  if (values.help) return console.log(`${about}${usage}${common}`)
  const rows = await measure(values)
  if (values.json) console.log(JSON.stringify(rows, undefined, 1))
  else {
    console.log(about)
    table(rows)
  }
  process.exit() // peers' threads would hold the process
}

const common = `
  --quick     few repetitions: shows that it works, not how fast
  --no-peers  leaves all others out
  --json      prints the rows as JSON and nothing else`

export const list = (text) => text.split(',').filter(Boolean)
export const numbers = (text) => list(text).map(Number)

/** The engines named that are here. Of those that are not, it says why. */
export async function enginesOf(text) {
  const { engines, left } = await findEngines(list(text))
  for (const sentence of left) say(sentence)
  return engines
}

/** A side of a comparison that has opened what `spec` and `task` say, or undefined, with a sentence, where it cannot. */
export async function startSide(engine, spec, task = {}) {
  let side
  try {
    side = await engine.start()
    const info = await side.request('open', { ...spec, ...task })
    return { ...side, ...spec, engine, info }
  } catch (error) {
    await side?.close()
    const { runtime, simd, model } = { ...spec, ...task }
    say(`${runtime} (${simd}, ${engine.label}) is left out of ${model}: ${error.message}`)
    return undefined
  }
}

/** Whether a package of bench/peers is here; installs all of them the first time. */
export function hasPeer(name) {
  const folder = new URL(`node_modules/${name}/`, peers)
  if (!existsSync(new URL('node_modules/', peers))) installPeers()
  if (existsSync(folder)) return true
  if (!hasPeer.said?.has(name)) say(`${name} is left out: it cannot be installed into bench/peers`)
  hasPeer.said = new Set(hasPeer.said).add(name)
  return false
}

let tried = false

// Without scripts: what they would fetch is for other devices than processors.
function installPeers() {
  if (tried) return
  tried = true
  say('installing the peers into bench/peers')
  const options = ['--ignore-scripts', '--no-package-lock', '--no-audit', '--no-fund', '--loglevel=error']
  try {
    execFileSync('npm', ['install', ...options], {
      cwd: peers,
      stdio: ['ignore', 'ignore', 'inherit'],
      timeout: 300_000,
    })
  } catch (error) {
    say(`the peers cannot be installed: ${error.message}`)
  }
}

export const round = (value, digits = 3) => Math.round(value * 10 ** digits) / 10 ** digits

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  return (sorted[sorted.length >> 1] + sorted[(sorted.length - 1) >> 1]) / 2
}

export const summary = (times) => ({ ms_median: round(median(times)), ms_min: round(Math.min(...times)) })

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/**
 * Runs sides in turn, so that whatever else the machine does hits all of them alike, and forwards and backwards, so that
 * none always follows the same other. Before each turn there is a pause in which the threads of the last one fall asleep,
 * and short runs are preceded by one that counts not, for the caches. Answers the times of each.
 */
export async function alternate(sides, { seconds, quick }) {
  const turns = []
  for (const side of sides) {
    const [once] = await side.request('run', { warmup: quick ? 0 : 2, count: 1 })
    const count = quick ? 1 : Math.min(8, Math.max(1, Math.round(60 / once)))
    turns.push({
      side,
      options: { warmup: count > 1 ? 1 : 0, count },
      estimate: once * (count > 1 ? count + 1 : 1) + 20,
    })
  }
  const each = turns.reduce((sum, { estimate }) => sum + estimate, 0)
  const rounds = quick ? 2 : Math.min(25, Math.max(5, Math.round((1000 * seconds) / each)))
  const times = new Map(sides.map((side) => [side, []]))
  for (let i = 0; i < rounds; i++) {
    for (const { side, options } of i % 2 ? [...turns].reverse() : turns) {
      await pause(quick ? 0 : 20)
      times.get(side).push(...(await side.request('run', options)))
    }
  }
  return sides.map((side) => times.get(side))
}

/** The largest difference of two results, as a share of the largest value. */
export function largestDifference(a, b) {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY
  let difference = 0
  let size = 0
  for (let i = 0; i < a.length; i++) {
    difference = Math.max(difference, Number.isNaN(a[i]) ? Number.POSITIVE_INFINITY : Math.abs(a[i] - b[i]))
    size = Math.max(size, Math.abs(b[i]))
  }
  return difference / size
}

function cell(value) {
  if (typeof value !== 'number') return value ?? ''
  return value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential(1) : String(round(value))
}

export function table(rows) {
  const titles = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const lines = [titles, ...rows.map((row) => titles.map((title) => cell(row[title])))]
  const widths = titles.map((_, k) => Math.max(...lines.map((line) => line[k].length)))
  for (const line of lines)
    console.log(line.map((text, k) => (k ? text.padStart(widths[k]) : text.padEnd(widths[k]))).join('  '))
}
