// SPDX-License-Identifier: Apache-2.0
// Databases of pictures as Caffe2 trains from them: LMDB or minidb, whose records are TensorProtos of a picture and its
// label. The native core writes the files.
import { openBackend } from '../backend/backend.ts'
import { tensor } from '../core/tensor.ts'
import { encode, operatorDef } from '../net/net-def.ts'
import { throwIfAborted } from '../net/run.ts'
import { Workspace } from '../net/workspace.ts'
import { platform } from '../platform/index.ts'
import { PfError } from '../util/error.ts'
import { randomIntegers } from '../util/random.ts'
import { decodeImage, type Image } from './image.ts'

export type DatabaseType = 'lmdb' | 'minidb'

// Records go to the core in batches of about so many bytes.
const kBatch = 4 << 20

/** Writes a database record by record. It is complete when it is closed. */
export class DatabaseWriter {
  readonly #workspace: Workspace
  readonly #owned: boolean
  #keys: string[] = []
  #values: Uint8Array[] = []
  #size = 0

  private constructor(workspace: Workspace, owned: boolean) {
    this.#workspace = workspace
    this.#owned = owned
  }

  /** Begins a new database in place of one that is there. `path` is a folder for lmdb, a file for minidb. */
  static async open(path: string, type: DatabaseType = 'lmdb', workspace?: Workspace): Promise<DatabaseWriter> {
    const own = workspace ?? (await Workspace.open(await openBackend({ backend: 'native' })))
    const writer = new DatabaseWriter(own, workspace === undefined)
    try {
      await own.runOperatorOnce(operatorDef('CreateDBWriter', [], [kWriter], { db: path, db_type: type }))
    } catch (error) {
      await writer.#release()
      throw error
    }
    return writer
  }

  async put(key: string, value: Uint8Array): Promise<void> {
    this.#keys.push(key)
    this.#values.push(value)
    this.#size += value.length
    if (this.#size >= kBatch) await this.#flush()
  }

  /** Completes the database. */
  async close(): Promise<void> {
    try {
      await this.#flush()
      await this.#workspace.runOperatorOnce(operatorDef('CloseDBWriter', [kWriter], []))
    } finally {
      await this.#release()
    }
  }

  async #flush(): Promise<void> {
    const count = this.#keys.length
    if (count === 0) return
    const values = new Uint8Array(this.#size)
    let at = 0
    for (const value of this.#values) {
      values.set(value, at)
      at += value.length
    }
    await this.#workspace.feedBlobs({
      [kKeys]: tensor(this.#keys, [count], 'string'),
      [kSizes]: tensor(Int32Array.from(this.#values, ({ length }) => length)),
      [kValues]: tensor(values),
    })
    this.#keys = []
    this.#values = []
    this.#size = 0
    await this.#workspace.runOperatorOnce(operatorDef('WriteDB', [kWriter, kKeys, kSizes, kValues], []))
  }

  async #release(): Promise<void> {
    if (!this.#owned) return
    await this.#workspace.close()
    await this.#workspace.backend.close()
  }
}

const [kWriter, kKeys, kSizes, kValues] = ['_writer', '_keys', '_sizes', '_values'].map((name) => `_database${name}`)

const kInt32 = 2
const kByte = 3
const kString = 4

/** A record that ImageInput reads: a JPEG as it is, or pixels, and the number of its class. */
export function imageRecord(image: Uint8Array | Image, label: number): Uint8Array {
  const picture =
    image instanceof Uint8Array
      ? { dims: [1], dataType: kString, stringData: [image] }
      : { dims: [image.height, image.width, 3], dataType: kByte, byteData: blueFirst(image) }
  return encode('TensorProtos', { protos: [picture, { dims: [1], dataType: kInt32, int32Data: [label] }] })
}

function blueFirst({ width, height, channels, data }: Image): Uint8Array {
  const out = new Uint8Array(width * height * 3)
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) out[3 * i + c] = data[i * channels + (channels === 1 ? 0 : 2 - c)]
  }
  return out
}

export interface ImageDatabaseOptions {
  /** A folder of folders, one for each class; classes are numbered in the order of their names. */
  folder: string
  output: string
  type?: DatabaseType
  /** Order of the records: another seed, another order; false keeps that of the names. */
  shuffle?: number | false
  onProgress?: (done: number, of: number) => void
  signal?: AbortSignal
}

export interface ImageDatabase {
  readonly images: number
  readonly labels: readonly string[]
  /** Files that are neither JPEG nor PNG and were left out. */
  readonly skipped: readonly string[]
}

/** Makes a database of JPEGs and PNGs, as Caffe2's make_image_db. JPEGs are stored as they are, PNGs as pixels. */
export async function makeImageDatabase(options: ImageDatabaseOptions): Promise<ImageDatabase> {
  const { folder, output, type = 'lmdb', shuffle = 1, onProgress } = options
  const { labels, files } = await listClasses(folder.replace(/\/$/, ''))
  if (shuffle !== false) mix(files, shuffle)
  const writer = await DatabaseWriter.open(output, type)
  const skipped: string[] = []
  try {
    for (const [i, { path, label }] of files.entries()) {
      throwIfAborted(options.signal)
      const record = await readRecord(path, label)
      if (record === undefined) skipped.push(path)
      // As make_image_db names them; LMDB takes up to 511 bytes.
      else await writer.put(`${String(i).padStart(8, '0')}_${path.slice(folder.length + 1)}`.slice(0, 120), record)
      onProgress?.(i + 1, files.length)
    }
  } finally {
    await writer.close()
  }
  if (skipped.length === files.length) throw new PfError('file', `not one file below ${folder} is a JPEG or a PNG`)
  return { images: files.length - skipped.length, labels, skipped }
}

async function listClasses(folder: string) {
  const labels = (await platform.list(folder)).filter((name) => name.endsWith('/')).map((name) => name.slice(0, -1))
  if (labels.length === 0) {
    throw new PfError('file', `${folder} has no folders in it; expected one for each class, with its pictures inside`)
  }
  const files: { path: string; label: number }[] = []
  for (const [label, name] of labels.entries()) {
    const names = (await platform.list(`${folder}/${name}`)).filter((file) => !file.endsWith('/'))
    for (const file of names) files.push({ path: `${folder}/${name}/${file}`, label })
  }
  if (files.length === 0) throw new PfError('file', `the folders in ${folder} are empty`)
  return { labels, files }
}

async function readRecord(path: string, label: number): Promise<Uint8Array | undefined> {
  const bytes = await platform.read(path)
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return imageRecord(bytes, label)
  if (bytes[0] === 0x89 && bytes[1] === 0x50) return imageRecord(await decodeImage(bytes), label)
  return undefined
}

function mix<T>(items: T[], seed: number): void {
  const random = randomIntegers(seed)
  for (let i = items.length - 1; i > 0; i--) {
    const j = random(i + 1)
    const kept = items[i]
    items[i] = items[j]
    items[j] = kept
  }
}
