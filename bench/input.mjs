// SPDX-License-Identifier: Apache-2.0
// How fast pictures for training are read, decoded and cut: node bench/input.mjs DATABASE [--threads 1,2,4] [--seconds 2]
// [--jitter]. The database is LMDB, as `portafilter make-image-db` makes it.
import { availableParallelism } from 'node:os'
import { ModelHelper, openBackend, PfError, Workspace } from 'portafilter'
import { imageInput, openDatabase } from 'portafilter/train'

const argument = (flag, otherwise) =>
  process.argv.includes(flag) ? process.argv[process.argv.indexOf(flag) + 1] : otherwise
const path = process.argv[2]
if (path === undefined) throw new PfError('argument', 'node bench/input.mjs DATABASE')
const seconds = Number(argument('--seconds', 2))
const threads = argument('--threads', `1,${availableParallelism()}`).split(',').map(Number)
const batch = 64
const blobs = { reader: 'reader', first: 'first', data: 'data', label: 'label', counts: 'counts' }

async function measure(workspace, count) {
  await openDatabase(workspace, 'reader', { path, type: 'lmdb' })
  const model = new ModelHelper({ name: `input_${count}` })
  const jitter = process.argv.includes('--jitter') ? 1 : 0
  const cut = { crop: 224, scale: 256, mirror: true, scale_jitter_type: jitter, mean: 128, std: 128 }
  imageInput(model, blobs, { batch_size: batch, decode_threads: count, ...cut })
  await workspace.createNet(model.net)
  await workspace.runNet(model.net, 4)
  const start = performance.now()
  let batches = 0
  for (; performance.now() - start < seconds * 1000; batches++) await workspace.runNet(model.net)
  const rate = (batches * batch * 1000) / (performance.now() - start)
  await workspace.deleteNet(model.net)
  return rate
}

// A few threads normalise what the others have decoded.
const backend = await openBackend({ backend: 'native', threads: 4 })
const workspace = await Workspace.open(backend, { seed: 1 })
await workspace.feedBlob('first', { dtype: 'int64', shape: [1], data: BigInt64Array.of(0n) })
for (const count of threads) {
  const rate = await measure(workspace, count)
  const each = (rate / count).toFixed(0)
  console.log(`${String(count).padStart(3)} threads: ${rate.toFixed(0).padStart(6)} pictures a second, ${each} each`)
}
await workspace.close()
await backend.close()
