// SPDX-License-Identifier: Apache-2.0
import type { Precision } from '../../backend/backend.ts'
import { platform } from '../../platform/index.ts'
import type { ScalingResult, ScalingRow } from '../../training/scaling.ts'
import { withContext } from '../../util/error.ts'
import { PfError } from '../../util/error.ts'
import { type Command, type Context, type Given, oneOf, UsageError } from '../arguments.ts'

const precisions: Readonly<Record<string, Precision>> = { float: 'fp32', tf32: 'tf32', float16: 'fp16' }

export const benchResnet50: Command = {
  name: 'bench resnet50',
  describe: 'Measures how training of ResNet-50 scales over GPUs, and where its time goes',
  options: [
    { flag: '--gpus', value: 'N,…', describe: 'Numbers of GPUs to measure with, as in 1,2', otherwise: '1' },
    { flag: '--cpu', describe: 'Replicas on the CPU in place of GPUs, on small pictures' },
    { flag: '--dtype', value: 'TYPE', describe: 'float, tf32 or float16', otherwise: 'tf32' },
    { flag: '--batch-size', value: 'N', describe: 'Pictures of a step for each GPU (default 128, on the CPU 2)' },
    { flag: '--image-size', value: 'N', describe: 'Height and width of pictures (default 224, on the CPU 64)' },
    { flag: '--data', value: 'PATH', describe: 'Database of pictures; synthetic ones without it' },
    { flag: '--db', value: 'TYPE', describe: 'Its type: lmdb or minidb', otherwise: 'lmdb' },
    { flag: '--steps', value: 'N', describe: 'Steps of each of the three rounds (default: about a second)' },
    { flag: '--out', value: 'FILE', describe: 'Writes the results as JSON' },
    { flag: '--chart', value: 'FILE', describe: 'Writes a chart of the scaling as SVG' },
  ],
  examples: ['bench resnet50 --gpus 1,2 --dtype float16 --batch-size 256 --chart scaling.svg'],
  async run(given, context) {
    const { measureScaling } = await import('../../training/scaling.ts')
    const onCpu = given.flag('cpu')
    const dtype = oneOf('dtype', given.optional('dtype') ?? (onCpu ? 'float' : 'tf32'), Object.keys(precisions))
    const data = given.optional('data')
    const setting = {
      batch: given.count('batch-size') ?? (onCpu ? 2 : 128),
      imageSize: given.count('image-size') ?? (onCpu ? 64 : 224),
    }
    const steps = given.count('steps')
    try {
      const result = await measureScaling({
        ...setting,
        counts: countsOf(given),
        onCpu,
        precision: precisions[dtype],
        ...(data !== undefined && { data }),
        ...(steps !== undefined && { steps }),
        dbType: given.optional('db') ?? 'lmdb',
        onProgress: context.progress,
      })
      if (result.rank === 0) await report(result, { ...setting, dtype, data: data ?? 'synthetic' }, given, context)
    } catch (error) {
      if (!(error instanceof PfError) || error.code !== 'backend' || onCpu) throw error
      throw withContext(error, 'bench resnet50 needs GPUs (--cpu measures a small case without)')
    }
  },
}

function countsOf(given: Given): number[] {
  const counts = given.numbers('gpus') ?? [1]
  if (counts.every((count) => Number.isInteger(count) && count > 0)) return counts
  throw new UsageError(`--gpus takes numbers of GPUs, of 1 or more, as in 1,2; found "${given.optional('gpus')}"`)
}

interface Setting {
  batch: number
  imageSize: number
  dtype: string
  data: string
}

async function report(result: ScalingResult, setting: Setting, given: Given, context: Context): Promise<void> {
  const { machine, rows } = result
  const date = new Date().toISOString().slice(0, 10)
  const { batch, imageSize, dtype, data } = setting
  const pictures = data === 'synthetic' ? 'synthetic pictures' : `pictures from ${data}`
  const subtitle = `${machine}, ${dtype}, ${batch} each, ${imageSize} x ${imageSize}, ${pictures}, ${date}`
  context.print(`ResNet-50, training: ${subtitle}`)
  for (const line of table(rows, given.flag('cpu') ? 'replicas' : 'GPUs')) context.print(line)
  const out = given.optional('out')
  const results = { what: 'training of ResNet-50', date, machine, ...setting, rows }
  if (out !== undefined) await platform.write(out, `${JSON.stringify(results, undefined, 2)}\n`)
  const chart = given.optional('chart')
  if (chart === undefined) return
  const { scalingChart } = await import('../../training/scaling-chart.ts')
  const points = rows.map(({ gpus, imagesPerSecond }) => ({ gpus, imagesPerSecond }))
  const unit = given.flag('cpu') ? 'replicas on the CPU' : 'GPUs'
  const series = [{ name: `${dtype}, ${batch} each`, points }]
  await platform.write(chart, scalingChart({ title: 'ResNet-50, training', subtitle, unit, series }))
}

function table(rows: readonly ScalingRow[], unit: string): string[] {
  const columns = ['images/s', 'scaling', 'ms/step', 'input', 'copies', 'compute', 'all-reduce', 'idle']
  const head = unit.padEnd(8) + columns.map((name) => name.padStart(11)).join('')
  const lines = rows.map((row) => {
    const { step, input, copies, compute, allReduce, idle } = row.times
    const shares = [input, copies, compute, allReduce, idle].map((ms) => `${((100 * ms) / step).toFixed(1)} %`)
    const rates = [row.imagesPerSecond.toFixed(1), `${(100 * row.efficiency).toFixed(1)} %`, row.msPerStep.toFixed(2)]
    const broken = row.skipped > 0 ? `  ${row.skipped} broken pictures skipped` : ''
    return String(row.gpus).padEnd(8) + [...rates, ...shares].map((cell) => cell.padStart(11)).join('') + broken
  })
  return [head, ...lines]
}
