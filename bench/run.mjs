// SPDX-License-Identifier: Apache-2.0
// `make bench`: all benchmarks, each in a process of its own; what they measured is kept in bench/results/, with the
// machine, the engines and the day. `make bench ARGS="--only peers"` for one; other options go to the benchmarks.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { engineNames, findEngines } from './engines.mjs'
import { list, say, table } from './kit.mjs'

const known = ['peers', 'products', 'training', 'growth', 'cold', 'sizes', 'int8']
const folder = 'bench/results'

const usage = `node bench/run.mjs [--only ${known.join()}] [--quick] [--no-peers]
  --only      these and no others
  --quick     few repetitions: shows that it works, not how fast; nothing is kept
  --no-peers  leaves all others out`

const { values: args } = parseArgs({
  allowNegative: true,
  options: {
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    peers: { type: 'boolean', default: true },
    help: { type: 'boolean', default: false },
  },
})

function machine() {
  const all = cpus()
  return { cpu: all[0]?.model ?? 'unknown', cores: all.length, memory_gb: Math.round(totalmem() / 2 ** 30) }
}

function commit() {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' }).trim()
  } catch {
    return 'unknown'
  }
}

/** The rows of a benchmark, or undefined when it failed. */
function rowsOf(name) {
  const options = [...(args.quick ? ['--quick'] : []), ...(args.peers ? [] : ['--no-peers'])]
  const argv = [`bench/${name}.mjs`, '--json', ...options]
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.on('data', (data) => (text += data))
  return new Promise((resolve) => child.on('close', (code) => resolve(code === 0 ? JSON.parse(text) : undefined)))
}

async function main() {
  const names = args.only ? list(args.only) : known.filter((name) => existsSync(`bench/${name}.mjs`))
  const unknown = names.find((name) => !known.includes(name))
  if (unknown) throw new Error(`there is no benchmark "${unknown}"; there are ${known.join(', ')}`)
  const { engines } = await findEngines(engineNames)
  const versions = Object.fromEntries(engines.map(({ label, version }) => [label, version]))
  for (const name of names) {
    const [load] = loadavg()
    const start = performance.now()
    const rows = await rowsOf(name)
    const seconds = Math.round((performance.now() - start) / 1000)
    if (!rows) {
      say(`${name} failed`)
      process.exitCode = 1
      continue
    }
    console.log(`\n${name}, ${seconds} s`)
    table(rows)
    if (args.quick) continue
    const about = {
      date: new Date().toISOString().slice(0, 10),
      commit: commit(),
      machine: machine(),
      engines: versions,
    }
    mkdirSync(folder, { recursive: true })
    const file = `${folder}/${name}.json`
    writeFileSync(file, `${JSON.stringify({ ...about, load_before: load, seconds, rows }, undefined, 2)}\n`)
    console.log(`kept in ${file}`)
  }
}

if (args.help) console.log(usage)
else await main()
