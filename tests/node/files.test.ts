// SPDX-License-Identifier: Apache-2.0
// Operators that read and write files: in the native core they do, in WebAssembly they say what to do instead.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { tensor } from '../../src/core/tensor.ts'
import { type ArgumentValue, encodeTensorProto, operatorDef } from '../../src/net/net-def.ts'
import { Workspace } from '../../src/net/workspace.ts'
import { testBackend } from '../kit/backend.ts'
import { throwsPf } from '../kit/throws.ts'

const backend = testBackend(test)
type Args = Record<string, ArgumentValue>

/** Gives a folder and a way to run operators; on a core without files it checks that they say so, and does no more. */
async function withFiles(work: (ws: Workspace, folder: string, run: typeof runIn) => Promise<void>): Promise<void> {
  const opened = await backend()
  const folder = await mkdtemp(join(tmpdir(), 'pf-'))
  try {
    await using ws = await Workspace.open(opened)
    if ((await opened.info()).backend === 'wasm') {
      const open = () => runIn(ws, 'CreateDB', '', 'db', { db: join(folder, 'x'), db_type: 'minidb' })
      await throwsPf(open, 'no_operator', /WebAssembly core opens no files/)
    } else await work(ws, folder, runIn)
  } finally {
    await rm(folder, { recursive: true })
  }
}

const words = (text: string): string[] => text.split(' ').filter(Boolean)
const runIn = (ws: Workspace, type: string, inputs: string, outputs: string, args: Args) =>
  ws.runOperatorOnce(operatorDef(type, words(inputs), words(outputs), args))

const minidb = { db_type: 'minidb', absolute_path: 1 }

test('what is saved can be loaded: all types, several chunks, prefixes', () =>
  withFiles(async (ws, folder, run) => {
    const db = join(folder, 'save.minidb')
    const blobs = {
      'net/a': tensor([1.5, -2, 3], [3, 1]),
      'net/s': tensor(['x', '', 'ü'], [3], 'string'),
      'net/i': tensor([5n, -6n], [2], 'int64'),
      'net/big': tensor(
        Int32Array.from({ length: 1000003 }, (_, i) => i),
        [1000003],
        'int32',
      ),
      'net/none': tensor([], [0, 4]),
    }
    await ws.feedBlobs(blobs)
    await run(ws, 'Save', Object.keys(blobs).join(' '), '', { ...minidb, db, strip_prefix: 'net/' })
    await run(ws, 'Load', '', '', { ...minidb, db, load_all: 1, add_prefix: 'back/' })
    for (const [name, blob] of Object.entries(blobs)) {
      assert.equal(await ws.fetchBlob(name.replace('net/', 'back/')), blob, name)
    }
    await run(ws, 'Load', '', 'one', { ...minidb, db, source_blob_names: ['i'] })
    assert.equal(await ws.fetchBlob('one'), blobs['net/i'])
    const missing = () => run(ws, 'Load', '', 'a elsewhere', { ...minidb, db })
    await throwsPf(missing, 'no_blob', /not in the database: elsewhere/)
    await run(ws, 'DBExists', '', 'there', { db_type: 'minidb', absolute_path: 1, db_name: db })
    assert.is((await ws.fetchBlob('there')).data[0], 1)
  }))

test('checkpoints are written every so often, with the iteration in their names', () =>
  withFiles(async (ws, folder, run) => {
    await ws.feedBlob('x', [1])
    for (const i of [9n, 10n]) {
      await ws.feedBlob('iter', tensor([i], [1], 'int64'))
      await run(ws, 'Checkpoint', 'iter x', '', { ...minidb, db: join(folder, 'c_%04d'), every: 5 })
    }
    await run(ws, 'Load', '', 'iter', { ...minidb, db: join(folder, 'c_0010') })
    const early = () => run(ws, 'Load', '', 'iter', { ...minidb, db: join(folder, 'c_0009') })
    await throwsPf(early, 'argument', /No such file/)
    const bad = () => run(ws, 'Checkpoint', 'iter x', '', { ...minidb, db: join(folder, '%s%n') })
    await throwsPf(bad, 'argument', /may have one %d/)
  }))

const record = (key: string, value: Uint8Array): Uint8Array => {
  const sizes = Int32Array.of(key.length, value.length)
  return Buffer.concat([new Uint8Array(sizes.buffer), Buffer.from(key), value])
}

test('batches of tensors from a database, round and round and by shards', () =>
  withFiles(async (ws, folder, run) => {
    const db = join(folder, 'train')
    // A TensorProtos message: each tensor as field 1, behind its length.
    const item = (i: number) => {
      const x = encodeTensorProto({ dims: [2], dataType: 1, floatData: [i, -i] })
      const label = encodeTensorProto({ dims: [], dataType: 2, int32Data: [i] })
      return Buffer.concat([x, label].flatMap((proto) => [Uint8Array.of(10, proto.length), proto]))
    }
    await writeFile(db, Buffer.concat([0, 1, 2].map((i) => record(`k${i}`, item(i)))))
    await run(ws, 'CreateDB', '', 'db', { db, db_type: 'minidb' })
    await run(ws, 'TensorProtosDBInput', 'db', 'x label', { batch_size: 4 })
    assert.equal(await ws.fetchBlob('x'), tensor([0, -0, 1, -1, 2, -2, 0, -0], [4, 2]))
    assert.equal(await ws.fetchBlob('label'), tensor([0, 1, 2, 0], [4], 'int32'))
    await run(ws, 'CreateDB', '', 'db', { db, db_type: 'minidb', num_shards: 2, shard_id: 1 })
    await run(ws, 'TensorProtosDBInput', 'db', 'x label', { batch_size: 2 })
    assert.equal(await ws.fetchBlob('label'), tensor([1, 1], [2], 'int32'))
    await run(ws, 'TensorProtosDBInput', 'db', 'x label', {})
    assert.equal(await ws.fetchBlob('x'), tensor([1, -1], [2]))
  }))

test('what is no database', () =>
  withFiles(async (ws, folder, run) => {
    const db = join(folder, 'broken')
    await writeFile(db, new Uint8Array([1, 0, 0, 0, 255, 255, 255, 127, 65]))
    await throwsPf(() => run(ws, 'Load', '', 'a', { ...minidb, db }), 'parse', /cut short, or no minidb/)
    await throwsPf(() => run(ws, 'CreateDB', '', 'd', { db, db_type: 'leveldb' }), 'no_operator', /minidb are/)
    await throwsPf(() => run(ws, 'CreateDB', '', 'd', { db, db_type: 'nosuch' }), 'argument', /no database type/)
    await throwsPf(() => run(ws, 'CreateDB', '', 'd', { db: folder, db_type: 'minidb' }), 'argument', /directory/)
  }))

test('tables as text, twice through', () =>
  withFiles(async (ws, folder, run) => {
    const filename = join(folder, 'table.tsv')
    await writeFile(filename, 'a\t1\nb\t2.5\nc\t3')
    await run(ws, 'CreateTextFileReader', '', 'r', { filename, num_passes: 2, field_types: [4, 1] })
    const seen: string[] = []
    for (let i = 0; i < 4; i++) {
      await run(ws, 'TextFileReaderRead', 'r', 'name value', { batch_size: 2 })
      seen.push([...(await ws.fetchBlob('name')).data, ...(await ws.fetchBlob('value')).data].join(' '))
    }
    assert.equal(seen, ['a b 1 2.5', 'c a 3 1', 'b c 2.5 3', ''])
    await writeFile(filename, 'a\n')
    await run(ws, 'CreateTextFileReader', '', 'r', { filename, field_types: [4, 1] })
    await throwsPf(() => run(ws, 'TextFileReaderRead', 'r', 'name value', {}), 'parse', /has not the 2 columns/)
  }))

test('a store that processes share', () =>
  withFiles(async (ws, folder, run) => {
    await ws.feedBlob('x', [1, 2])
    await run(ws, 'FileStoreHandlerCreate', '', 'store', { path: folder, prefix: 'run/1' })
    await run(ws, 'StoreSet', 'store x', '', { blob_name: 'a/b' })
    await run(ws, 'StoreWait', 'store', '', { blob_names: ['a/b'] })
    await run(ws, 'StoreGet', 'store', 'y', { blob_name: 'a/b' })
    assert.equal(await ws.fetchBlob('y'), tensor([1, 2], [2]))
    for (const add of [5, -7]) await run(ws, 'StoreAdd', 'store', 'n', { blob_name: 'count', add_value: add })
    assert.is(Number((await ws.fetchBlob('n')).data[0]), -2)
  }))

test.run()
