// SPDX-License-Identifier: Apache-2.0
// The input of a net that trains on a database of pictures, as Caffe2's brew.image_input.
import type { ModelHelper } from '../net/model-helper.ts'
import { operatorDef } from '../net/net-def.ts'
import type { ArgumentsOf } from '../net/operators.ts'
import type { Workspace } from '../net/workspace.ts'

export type ImageInputOptions = Omit<ArgumentsOf<'ImageInput'>, 'use_gpu_transform' | 'db' | 'db_type'> & {
  batch_size: number
  crop: number
}

export interface ImageInputBlobs {
  /** The database, from `openDatabase`. */
  reader: string
  /** int64 [1], or empty: batches to pass over at the first run. */
  first: string
  data: string
  label: string
  /** int64 [3]: pictures, skipped ones, microseconds waited for pictures. */
  counts: string
}

/** Adds an ImageInput that gives pictures NCHW, and labels. */
export function imageInput(model: ModelHelper, blobs: ImageInputBlobs, options: ImageInputOptions): void {
  const { reader, first, data, label, counts } = blobs
  model.net.addUntyped('ImageInput', [reader, first], [data, label, counts], { ...options, use_gpu_transform: 1 })
}

export interface DatabaseShard {
  path: string
  type: string
  /** Which part of the records: number `shard` of `shards`. */
  shard?: number
  shards?: number
}

/** Opens a database in a workspace, or its part, and puts the reader into a blob. */
export async function openDatabase(workspace: Workspace, reader: string, database: DatabaseShard): Promise<void> {
  const { path, type, shard = 0, shards = 1 } = database
  const args = { db: path, db_type: type, num_shards: shards, shard_id: shard }
  await workspace.runOperatorOnce(operatorDef('CreateDB', [], [reader], args))
}
