// SPDX-License-Identifier: Apache-2.0
// LMDB databases: those that LMDB itself made, ours read by LMDB's tools, and damaged ones.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { tensor } from '../../src/core/tensor.ts'
import { DatabaseWriter } from '../../src/data/database.ts'
import { openDatabase } from '../../src/data/image-input.ts'
import { type ArgumentValue, encode, operatorDef } from '../../src/net/net-def.ts'
import { Workspace } from '../../src/net/workspace.ts'
import { randomIntegers } from '../../src/util/random.ts'
import { testBackend } from '../kit/backend.ts'
import { settings, skip } from '../kit/settings.ts'
import { onlyPf, throwsPf } from '../kit/throws.ts'

const backend = testBackend(test)
const run = promisify(execFile)

async function withFolder(work: (ws: Workspace, folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'pf-lmdb-'))
  try {
    await using ws = await Workspace.open(await backend(), { seed: 1 })
    await work(ws, folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

const op = (
  ws: Workspace,
  type: string,
  inputs: string[],
  outputs: string[],
  args: Record<string, ArgumentValue> = {},
) => ws.runOperatorOnce(operatorDef(type, inputs, outputs, args))

/** A record that says its own number. */
const record = (i: number, bytes: number): Uint8Array =>
  encode('TensorProtos', {
    protos: [
      { dims: [], dataType: 2, int32Data: [i] },
      { dims: [], dataType: 4, stringData: [new Uint8Array(bytes).fill(65 + (i % 26))] },
    ],
  })

/** The numbers of records as they are read. */
async function numbers(ws: Workspace, path: string, count: number, shard = 0, shards = 1): Promise<number[]> {
  await openDatabase(ws, 'db', { path, type: 'lmdb', shard, shards })
  const seen: number[] = []
  for (let i = 0; i < count; i++) {
    await op(ws, 'TensorProtosDBInput', ['db'], ['number', 'text'])
    seen.push(Number((await ws.fetchBlob('number')).data[0]))
  }
  return seen
}

// Small values in the tree, large ones beside it, and enough of them for a tree of three levels.
const size = (i: number): number => (i % 7 === 0 ? 2000 + 10 * i : i % 90)
const key = (i: number): string => `${String(i).padStart(6, '0')}${'x'.repeat((i * 5) % 120)}`
const kRecords = 1500

async function write(path: string): Promise<void> {
  const writer = await DatabaseWriter.open(path)
  // In any order, and one twice: the last one stays.
  await writer.put(key(3), record(999, 5000))
  for (let i = 0; i < kRecords; i++) {
    const n = (i * 7) % kRecords
    await writer.put(key(n), record(n, size(n)))
  }
  await writer.close()
}

if (settings.backend === 'wasm') skip('databases need the native core')
else {
  test('what was written is read in the order of the keys, round and round and by shards', () =>
    withFolder(async (ws, folder) => {
      const db = join(folder, 'db')
      await write(db)
      const all = await numbers(ws, db, kRecords + 2)
      assert.equal(all, [...Array.from({ length: kRecords }, (_, i) => i), 0, 1])
      assert.equal(await numbers(ws, join(db, 'data.mdb'), 3, 1, 1000), [1, 1001, 1])
      await numbers(ws, db, 8)
      assert.is((await ws.fetchBlob('text')).data[0], 'H'.repeat(size(7)))
    }))

  test('Save, Load and DBExists know lmdb', () =>
    withFolder(async (ws, folder) => {
      const db = join(folder, 'saved')
      const big = tensor(Float32Array.from({ length: 1_200_000 }, (_, i) => i))
      await ws.feedBlobs({ b: big, a: tensor([1, 2], [2]) })
      const args = { db, db_type: 'lmdb', absolute_path: 1 }
      await op(ws, 'Save', ['b', 'a'], [], args)
      await op(ws, 'Load', [], [], { ...args, load_all: 1, add_prefix: 'back/' })
      assert.equal(await ws.fetchBlob('back/b'), big)
      assert.equal(await ws.fetchBlob('back/a'), tensor([1, 2], [2]))
      await op(ws, 'DBExists', [], ['there'], { db_name: db, db_type: 'lmdb', absolute_path: 1 })
      assert.is((await ws.fetchBlob('there')).data[0], 1)
    }))

  test('an empty database says that it has no record', () =>
    withFolder(async (ws, folder) => {
      await (await DatabaseWriter.open(join(folder, 'none'))).close()
      const read = () => numbers(ws, join(folder, 'none'), 1)
      await throwsPf(read, 'value', /no record for shard 0 of 1/)
    }))

  test('keys that LMDB does not take', () =>
    withFolder(async (_, folder) => {
      const writer = await DatabaseWriter.open(join(folder, 'keys'))
      await writer.put('k'.repeat(512), new Uint8Array(1))
      await throwsPf(() => writer.close(), 'value', /keys of 1 to 511 bytes, found 512/)
    }))

  test('files that are no LMDB database', () =>
    withFolder(async (ws, folder) => {
      const path = join(folder, 'x')
      await throwsPf(() => numbers(ws, path, 1), 'argument', /cannot open .*x.*No such file/)
      await writeFile(path, 'not at all')
      await throwsPf(() => numbers(ws, path, 1), 'parse', /x" is no LMDB database/)
    }))

  // Made by LMDB's mdb_load in two goes: 300 keys and then every 25th again, with values of another size.
  test('a database that LMDB made', () =>
    withFolder(async (ws, folder) => {
      const path = join(folder, 'theirs')
      await writeFile(path, gunzipSync(await readFile(`${settings.fixtures}lmdb/by-lmdb.mdb.gz`)))
      assert.equal(
        await numbers(ws, path, 301),
        Array.from({ length: 301 }, (_, i) => i % 300),
      )
      for (const [i, length] of [
        [0, 7],
        [25, 3025],
        [39, 39],
        [275, 3275],
      ]) {
        await numbers(ws, path, i + 1)
        assert.is((await ws.fetchBlob('text')).data[0], String.fromCharCode(65 + (i % 26)).repeat(length))
      }
    }))

  test('a damaged or cut file is refused and crashes nothing', () =>
    withFolder(async (ws, folder) => {
      await write(join(folder, 'good'))
      const good = await readFile(join(folder, 'good', 'data.mdb'))
      const path = join(folder, 'bad')
      for (const length of [0, 16, 150, 4096, 4300, 8192, 12288, good.length >> 1, good.length - 1]) {
        await writeFile(path, good.subarray(0, length))
        await throwsPf(() => numbers(ws, path, 2 * kRecords), 'parse', /no LMDB database|cut short/)
      }
      const random = randomIntegers(5)
      const pages = good.length / 4096
      for (let round = 0; round < 60; round++) {
        const bad = Uint8Array.from(good)
        // Heads of pages, offsets and nodes at the end of the tree are where numbers lie.
        for (let i = 0; i < 40; i++) bad[(pages - 1 - random(60)) * 4096 + random(4096)] = random(256)
        if (round % 4 === 0) for (let i = 0; i < 4; i++) bad[4096 + 16 + random(140)] = random(256)
        await writeFile(path, bad)
        await onlyPf(() => numbers(ws, path, kRecords))
      }
    }))

  const tools = await run('mdb_stat', ['-V']).catch(() => undefined)
  if (tools === undefined) skip('no LMDB tools (Debian and Ubuntu: lmdb-utils)')
  else {
    test("LMDB's own tools read ours", () =>
      withFolder(async (_, folder) => {
        await write(join(folder, 'ours'))
        const { stdout } = await run('mdb_dump', [join(folder, 'ours')], { maxBuffer: 1 << 28 })
        const lines = stdout.split('\n').filter((line) => line.startsWith(' '))
        const hex = (bytes: Uint8Array | string) => ` ${Buffer.from(bytes).toString('hex')}`
        const want = Array.from({ length: kRecords }, (_, i) => [hex(key(i)), hex(record(i, size(i)))]).flat()
        assert.ok(lines.length === want.length && lines.every((line, i) => line === want[i]), 'the dump differs')
      }))
  }
}

test.run()
