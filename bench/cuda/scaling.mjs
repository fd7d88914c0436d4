// SPDX-License-Identifier: Apache-2.0
// How training of ResNet-50 scales over the GPUs of a host, ours and PyTorch's in the same run:
// node bench/cuda/scaling.mjs [--gpus 1,2] [--rows tf32:128,fp16:256,fp32:128] [--mpirun] [--no-torch] [--data DATABASE]
// [--steps N] [--out FILE] [--cpu]. One process with all GPUs; with --mpirun also a process for each; PyTorch's
// DistributedDataParallel where python3 has torch. Efficiency is against one GPU of the same kind of row and the same run.
// --cpu: replicas on the CPU and small pictures, which shows that it works.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { shutdown } from 'portafilter'
import { measureScaling } from 'portafilter/train'

const script = fileURLToPath(import.meta.url)
const ddp = fileURLToPath(new URL('ddp_resnet50.py', import.meta.url))
const kSeconds = 240 // of one measurement at most
const { values: flags } = parseArgs({
  allowNegative: true,
  options: {
    gpus: { type: 'string', default: '1,2' },
    rows: { type: 'string' },
    mpirun: { type: 'boolean', default: false },
    torch: { type: 'boolean', default: true },
    data: { type: 'string' },
    steps: { type: 'string' },
    out: { type: 'string' },
    cpu: { type: 'boolean', default: false },
    measure: { type: 'string' }, // what a process that this one starts does
  },
})

/** A measurement in a process of its own, which gives all memory of the GPUs back: its last line of JSON, or why not. */
function run(command, args) {
  const { error, status, signal, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    timeout: kSeconds * 1000,
    maxBuffer: 1 << 26,
  })
  const line = stdout?.trim().split('\n').at(-1) ?? ''
  if (status === 0 && line.startsWith('{')) return JSON.parse(line)
  const last = stderr?.trim().split('\n').at(-1)
  return { missing: error?.message ?? `${command} ended with ${signal ?? status}: ${last || line}` }
}

const ours = (spec) => [script, '--measure', JSON.stringify(spec)]
const processes = (n) => ['--allow-run-as-root', '--oversubscribe', '-np', String(n)]

/** Each answers {machine, images per second, times} or {missing}. */
const kinds = {
  'one process': (n, spec) => of(run(process.execPath, ours({ ...spec, counts: [n] }))),
  // On the CPU a count is that of each process, and a batch that of all.
  mpirun: (n, spec) => {
    const all = spec.onCpu ? { ...spec, counts: [1], batch: spec.batch * n } : { ...spec, counts: [n] }
    return of(run('mpirun', [...processes(n), process.execPath, ...ours(all)]))
  },
  PyTorch: (n, { precision, batch }) =>
    run('python3', [
      '-m',
      'torch.distributed.run',
      '--standalone',
      `--nproc-per-node=${n}`,
      ddp,
      precision,
      String(batch),
    ]),
}

function of({ missing, machine, rows }) {
  if (missing !== undefined) return { missing }
  const { imagesPerSecond, msPerStep, times } = rows[0]
  return { machine, imagesPerSecond, msPerStep, times }
}

async function measureOnce(spec) {
  const { rank, ...result } = await measureScaling(spec)
  if (rank === 0) console.log(JSON.stringify(result))
  await shutdown()
}

const share = (value) => (value === undefined ? '' : `${(100 * value).toFixed(1)} %`)

function tell({ kind, precision, batch, gpus, imagesPerSecond, efficiency, times, missing }) {
  const name = `${kind}, ${precision} ${batch} each`.padEnd(32) + String(gpus).padStart(3)
  if (missing !== undefined) return console.log(`${name}  ${missing}`)
  const parts = times
    ? `  all-reduce ${share(times.allReduce / times.step)}, idle ${share(times.idle / times.step)}`
    : ''
  console.log(`${name}${imagesPerSecond.toFixed(1).padStart(10)} img/s${share(efficiency).padStart(9)}${parts}`)
}

function measureAll() {
  const counts = flags.gpus.split(',').map(Number)
  const rows = (flags.rows ?? (flags.cpu ? 'fp32:2' : 'tf32:128,fp16:256,fp32:128')).split(',')
  const chosen = ['one process', ...(flags.mpirun ? ['mpirun'] : []), ...(flags.torch && !flags.cpu ? ['PyTorch'] : [])]
  const results = []
  for (const row of rows) {
    const [precision, batch] = [row.split(':')[0], Number(row.split(':')[1])]
    const setting = { precision, batch, onCpu: flags.cpu, imageSize: flags.cpu ? 64 : 224 }
    const given = { ...(flags.data && { data: flags.data }), ...(flags.steps && { steps: Number(flags.steps) }) }
    for (const kind of chosen) {
      let one
      for (const gpus of counts) {
        const found = kinds[kind](gpus, { ...setting, ...given })
        if (gpus === 1) one = found.imagesPerSecond
        const efficiency = one && found.imagesPerSecond && found.imagesPerSecond / gpus / one
        results.push({ kind, precision, batch, gpus, ...found, ...(efficiency && { efficiency }) })
        tell(results.at(-1))
      }
    }
  }
  if (!flags.out) return
  const what = 'training of ResNet-50 on several GPUs'
  const written = { what, date: new Date().toISOString(), data: flags.data ?? 'synthetic', rows: results }
  writeFileSync(flags.out, `${JSON.stringify(written, undefined, 2)}\n`)
}

if (!flags.measure) measureAll()
else {
  await measureOnce(JSON.parse(flags.measure)).catch(({ code, message }) => {
    console.error(`[${code}] ${message}`)
    process.exit(1)
  })
}
