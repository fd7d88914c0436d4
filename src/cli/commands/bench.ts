// SPDX-License-Identifier: Apache-2.0
import type { Backend, NetInfo } from '../../backend/backend.ts'
import { argument, type NetDef } from '../../net/net-def.ts'
import { pacemaker } from '../../net/run.ts'
import { Workspace } from '../../net/workspace.ts'
import { platform } from '../../platform/index.ts'
import { type Command, type Context, type Given, UsageError } from '../arguments.ts'
import { backendOptions, withBackend } from '../context.ts'
import { inputShape, type Model, readModel } from '../model-folder.ts'
import { sizeOf } from '../picture-options.ts'

export const bench: Command = {
  name: 'bench',
  describe: 'Measures how fast a model runs',
  options: [
    {
      flag: '--model',
      value: 'DIR',
      describe: 'Folder with a Caffe2 or a Caffe pair, or one of its files',
      required: true,
    },
    { flag: '--iterations', value: 'N', describe: 'Runs that are measured, after three that are not', otherwise: 20 },
    { flag: '--batch', value: 'N', describe: 'Pictures in a run', otherwise: 1 },
    { flag: '--size', value: 'H[,W]', describe: 'Height and width of the input, where the model does not say' },
    { flag: '--profile', describe: 'Prints what each operator takes' },
    { flag: '--trace', value: 'FILE', describe: "Writes the operators' times for chrome://tracing" },
    ...backendOptions,
    { flag: '--json', describe: 'Prints JSON' },
  ],
  examples: ['bench --model squeezenet --threads 1', 'bench --model squeezenet --profile --trace trace.json'],
  async run(given, context) {
    const model = await readModel(given.text('model'))
    await withBackend(given, context, (backend) => measure(backend, model, given, context))
  },
}

interface Operator {
  type: string
  name: string
  ms: number
}

async function measure(backend: Backend, model: Model, given: Given, context: Context): Promise<void> {
  const iterations = given.count('iterations') ?? 20
  const profile = given.flag('profile') || given.has('trace')
  const workspace = await Workspace.open(backend, { seed: 1n })
  try {
    await workspace.runNetOnce(model.init)
    const shape = await feedInput(workspace, model, given)
    const net = await workspace.createNet(planned(model.predict, profile))
    await workspace.runNet(net, 3, { signal: context.signal })
    const before = await workspace.netInfo(net)
    const times: number[] = []
    const pause = pacemaker()
    for (let i = 0; i < iterations; i++) {
      context.progress(`run ${i + 1} of ${iterations}`)
      const start = platform.now()
      await workspace.runNet(net, 1, { signal: context.signal })
      times.push(platform.now() - start)
      await pause()
    }
    const operators = profile ? perRun(before, await workspace.netInfo(net), iterations) : undefined
    const trace = given.optional('trace')
    if (trace !== undefined) await platform.write(trace, chromeTrace(operators ?? []))
    const { backend: name, build, threads, memory } = await backend.info()
    print({ shape, times, backend: name, build, threads, peak: memory.peak }, operators, given, context)
  } finally {
    await workspace.close()
  }
}

async function feedInput(workspace: Workspace, model: Model, given: Given): Promise<number[]> {
  const present = new Set(await workspace.blobs())
  const { predict, preprocessing } = model
  const input =
    preprocessing.input ?? predict.externalInput.find((blob) => model.shapes.has(blob) || !present.has(blob))
  if (input === undefined)
    throw new UsageError('the model does not say which blob is its input: put it into model.json')
  const { channels, size: told } = inputShape(model, input)
  const [height, width] = sizeOf(given) ?? told ?? [227, 227]
  const shape = [given.count('batch') ?? 1, channels, height, width]
  const data = new Float32Array(shape.reduce((a, b) => a * b)).map((_, i) => Math.sin(i))
  await workspace.feedBlob(input, { dtype: 'float32', shape, data })
  return shape
}

function planned(net: NetDef, profile: boolean): NetDef {
  const options = [argument('pf.optimize', 1), argument('pf.create_inputs', 1), argument('pf.profile', profile)]
  return { ...net, name: net.name || 'predict', arg: [...net.arg, ...options] }
}

function perRun(before: NetInfo, after: NetInfo, runs: number): Operator[] {
  return after.ops.map(({ type, name, outputs, ms }, i) => {
    return { type, name: name || outputs[0] || '', ms: (ms - (before.ops[i]?.ms ?? 0)) / runs }
  })
}

// https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU: complete events, in microseconds.
function chromeTrace(operators: readonly Operator[]): string {
  let at = 0
  const traceEvents = operators.map(({ type, name, ms }) => {
    const event = {
      ph: 'X',
      pid: 1,
      tid: 1,
      name: type,
      cat: 'operator',
      ts: at,
      dur: ms * 1000,
      args: { output: name },
    }
    at += ms * 1000
    return event
  })
  return JSON.stringify({ displayTimeUnit: 'ms', traceEvents }, undefined, 1)
}

interface Measured {
  shape: readonly number[]
  times: readonly number[]
  backend: string
  build: string
  threads: number
  peak: number
}

function print(measured: Measured, operators: readonly Operator[] | undefined, given: Given, context: Context): void {
  const sorted = [...measured.times].sort((a, b) => a - b)
  const best = sorted[0]
  const median = sorted[sorted.length >> 1]
  const { shape, backend, build, threads, peak } = measured
  if (given.flag('json')) {
    const ms = { median, best }
    context.print(JSON.stringify({ shape, backend, build, threads, iterations: sorted.length, ms, peak, operators }))
    return
  }
  const images = ((1000 * shape[0]) / median).toFixed(1)
  context.print(`input [${shape.join(', ')}], ${backend} (${build}), ${threads} threads`)
  context.print(`median ${median.toFixed(2)} ms, best ${best.toFixed(2)} ms, ${images} pictures a second`)
  if (given.flag('profile')) printProfile(operators ?? [], context)
}

function printProfile(operators: readonly Operator[], { print }: Context): void {
  const total = operators.reduce((sum, { ms }) => sum + ms, 0)
  print('')
  for (const { type, name, ms } of [...operators].sort((a, b) => b.ms - a.ms)) {
    const share = total === 0 ? 0 : (100 * ms) / total
    print(`${ms.toFixed(3).padStart(9)} ms ${share.toFixed(1).padStart(5)} %  ${type.padEnd(20)} ${name}`)
  }
}
