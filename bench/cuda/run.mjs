// SPDX-License-Identifier: Apache-2.0
// ResNet-50 on a GPU, ours and PyTorch's in the same run: node bench/cuda/run.mjs [--rows a,b] [--profile] [--out FILE].
// PyTorch's rows come from the scripts that are named in PORTAFILTER_TORCH (a folder), where python3 has torch.
import { execFileSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { openBackend, tensor, Workspace } from 'portafilter'
import { inferenceNets, trainingNets } from './resnet50.mjs'

const size = 224
// Ours, and what PyTorch is asked to run beside it: eager and at its strongest.
const rows = [
  ['train', 'tf32', 128, 'train:tf32:nhwc:128', 'train:tf32:compile+graph:128'],
  ['train', 'fp16', 256, 'train:fp16:nhwc:256', 'train:fp16:compile+graph:256'],
  ['infer', 'tf32', 128, 'infer:tf32:nhwc:128', 'infer:tf32:compile+graph:128'],
  ['infer', 'fp16', 128, 'infer:fp16:nhwc:128', 'infer:fp16:compile+graph:128'],
  ['infer', 'tf32', 32, 'infer:tf32:nhwc:32', 'infer:tf32:compile+graph:32'],
  ['infer', 'tf32', 1, 'infer:tf32:nhwc:1', 'infer:tf32:compile+graph:1'],
  ['infer', 'fp16', 1, 'infer:fp16:nhwc:1', 'infer:fp16:compile+graph:1'],
  ['train', 'fp32', 128, 'train:fp32:nchw:128', undefined],
  ['infer', 'fp32', 1, 'infer:fp32:nchw:1', undefined],
]

function randomData(count) {
  const data = new Float32Array(count)
  let state = 1
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    data[i] = state / 2 ** 31 - 1
  }
  return data
}

const median = (times) => [...times].sort((a, b) => a - b)[times.length >> 1]

/** Milliseconds of a step: the median of three, each of as many steps as take about a second. */
async function measure(workspace, net) {
  const run = async (steps) => {
    await workspace.finish()
    const start = performance.now()
    await workspace.runNet(net, steps)
    await workspace.finish()
    return (performance.now() - start) / steps
  }
  for (let i = 0; i < 5; i++) await run(1)
  const estimate = await run(5)
  const steps = Math.max(5, Math.min(400, Math.round(600 / estimate)))
  return median([await run(steps), await run(steps), await run(steps)])
}

async function ours([kind, precision, batch], profile) {
  const backend = await openBackend({ backend: 'cuda', precision })
  const workspace = await Workspace.open(backend, { seed: 1 })
  const nets = kind === 'train' ? await trainingNets() : inferenceNets()
  await workspace.runNetOnce(nets.init)
  await workspace.feedBlobs({ data: tensor(randomData(batch * 3 * size * size), [batch, 3, size, size]) })
  if (kind === 'train') {
    const label = Int32Array.from({ length: batch }, (_, i) => (i * 37) % 1000)
    await workspace.feedBlobs({ label: tensor(label, [batch]) })
  }
  const name = await workspace.createNet(nets.net)
  const start = performance.now()
  await workspace.runNet(name)
  await workspace.finish()
  const first = performance.now() - start
  const ms = await measure(workspace, name)
  const value = (await workspace.fetchBlob(nets.output)).data[0]
  const { recorded, ops } = await workspace.netInfo(name)
  const { cuda } = await backend.info()
  const peak = Math.max(...(cuda.pools ?? []).map((pool) => pool.peak))
  const where = profile ? await profiled(workspace, name) : undefined
  await workspace.close()
  await backend.close()
  return {
    kind,
    precision,
    batch,
    ms,
    imagesPerSecond: (batch / ms) * 1000,
    value,
    first,
    ops: ops.length,
    recorded,
    peak,
    cuda,
    where,
  }
}

// Operator by operator, which adds launch gaps; says where the time goes.
async function profiled(workspace, net) {
  const all = await workspace.profile(net, { warmup: 2, iterations: 5 })
  const byType = {}
  for (const { type, ms } of all) byType[type] = (byType[type] ?? 0) + ms
  const slowest = [...all].sort((a, b) => b.ms - a.ms).slice(0, 12)
  return { byType, slowest: slowest.map(({ name, type, ms, outputs }) => ({ type, ms, name: name || outputs?.[0] })) }
}

/** Milliseconds by spec, as the script's lines say them; what it had said when its time was over counts too. */
function torch(script, specs, seconds) {
  const folder = process.env.PORTAFILTER_TORCH
  if (!folder || !existsSync(`${folder}/${script}`) || specs.length === 0) return {}
  let out = ''
  try {
    const stdio = ['ignore', 'pipe', 'inherit']
    const limits = { encoding: 'utf8', timeout: seconds * 1000, stdio }
    out = execFileSync('python3', ['-u', `${folder}/${script}`, specs.join(',')], limits)
  } catch (error) {
    console.log(`PyTorch: ${error.message.split('\n')[0]}`)
    out = error.stdout ?? ''
  }
  const found = {}
  for (const line of out.split('\n')) {
    const spec = specs.find((s) => line.includes(`${s}:`))
    const ms = /: ([\d.]+) ms/.exec(line)?.[1]
    if (spec && ms) found[spec] = Number(ms)
    else if (line) console.log(line)
  }
  return found
}

const argument = (flag) => (process.argv.includes(flag) ? process.argv[process.argv.indexOf(flag) + 1] : undefined)
const wanted = argument('--rows')?.split(',')
const chosen = rows.filter(([kind, precision, batch]) => !wanted || wanted.includes(`${kind}:${precision}:${batch}`))
const results = []
let gpu
for (const row of chosen) {
  try {
    const result = await ours(row, process.argv.includes('--profile'))
    results.push(result)
    const { where, cuda, ...line } = result
    gpu ??= { name: cuda.devices[0].name, driver: cuda.driver }
    console.log(JSON.stringify(line))
    if (where) console.log(JSON.stringify(where))
  } catch (error) {
    console.log(`${row.slice(0, 3).join(' ')}: ${error.code ?? ''} ${error.message}`)
  }
}
const eager = torch('gpu_resnet50.py', chosen.map((row) => row[3]).filter(Boolean), 140)
const strongest = torch('gpu_resnet50_compiled.py', chosen.map((row) => row[4]).filter(Boolean), 220)
const table = results.map((r) => {
  const [, , , plain, compiled] = rows.find(
    ([kind, precision, batch]) => kind === r.kind && precision === r.precision && batch === r.batch,
  )
  const { cuda: _, where: __, ...line } = r
  return { ...line, torchEager: eager[plain], torchCompiled: strongest[compiled] }
})
console.log('net          ours ms   img/s   eager ms  compiled ms   x eager  x compiled')
for (const r of table) {
  const times = (peer) => (peer ? (peer / r.ms).toFixed(2) : '-').padStart(8)
  console.log(
    `${`${r.kind} ${r.precision} ${r.batch}`.padEnd(15)}${r.ms.toFixed(3).padStart(8)}${Math.round(r.imagesPerSecond).toString().padStart(8)}` +
      `${(r.torchEager ?? 0).toFixed(2).padStart(9)}${(r.torchCompiled ?? 0).toFixed(3).padStart(11)}${times(r.torchEager)}${times(r.torchCompiled)}`,
  )
}
const out = argument('--out')
if (out) writeFileSync(out, `${JSON.stringify({ date: new Date().toISOString(), gpu, rows: table }, undefined, 2)}\n`)
