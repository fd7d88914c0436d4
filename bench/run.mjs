// SPDX-License-Identifier: Apache-2.0
// `make bench`: all benchmarks one after the other, each in a process of its own; `make bench ARGS="--only nets"` for one.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const usage = `node bench/run.mjs [--only nets,int8,training,cold,sizes] [--net squeezenet11] [--threads 1,2] [--quick] [--no-peers]
  --quick     few repetitions: shows that it works, not how fast
  --no-peers  leaves onnxruntime-web out`

const { values: args } = parseArgs({
  allowNegative: true,
  options: {
    only: { type: 'string', default: 'nets,int8,training,cold,sizes' },
    net: { type: 'string' },
    threads: { type: 'string', default: '1,2' },
    quick: { type: 'boolean', default: false },
    peers: { type: 'boolean', default: true },
    one: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

const repeats = args.quick ? 3 : 25

const benchmarks = {
  nets: async (options) => (await import('./nets.mjs')).nets(options),
  int8: async (options) => (await import('./int8.mjs')).int8(options),
  training: async (options) => (await import('./training.mjs')).training(options),
  cold: async (options) => (await import('./cold.mjs')).cold({ ...options, repeats: args.quick ? 1 : 7 }),
  sizes: async (options) => (await import('./sizes.mjs')).sizes(options),
}

/** A benchmark in a process of its own: what one has loaded must not slow the next. */
function separate(name, threads) {
  const self = fileURLToPath(import.meta.url)
  const rest = ['--threads', threads, ...(args.net ? ['--net', args.net] : []), ...(args.quick ? ['--quick'] : [])]
  const argv = [self, '--one', name, ...rest, ...(args.peers ? [] : ['--no-peers'])]
  const { status } = spawnSync(process.execPath, argv, { stdio: 'inherit' })
  console.log('')
  return status === 0
}

function all() {
  let fine = true
  for (const name of args.only.split(',')) {
    if (!benchmarks[name])
      throw new Error(`there is no benchmark "${name}"; there are ${Object.keys(benchmarks).join(', ')}`)
    // Training is compared on one thread, the others do not depend on a number.
    const counts = name === 'nets' || name === 'int8' ? args.threads.split(',') : ['1']
    for (const threads of counts) fine = separate(name, threads) && fine
  }
  process.exitCode = fine ? 0 : 1
}

if (args.help) console.log(usage)
else if (args.one) {
  await benchmarks[args.one]({ threads: Number(args.threads), repeats, only: args.net, peers: args.peers })
  process.exit(0)
} else all()
