// SPDX-License-Identifier: Apache-2.0
// Parameters and optimizer state in a file, written so that a file of that name is always whole.
import { tensor } from '../core/tensor.ts'
import { operatorDef } from '../net/net-def.ts'
import type { Workspace } from '../net/workspace.ts'
import { platform } from '../platform/index.ts'
import { PfError } from '../util/error.ts'

/** Numbers that are saved along: epoch, iteration. */
export type Extra = Readonly<Record<string, number>>

const prefix = 'checkpoint/'

const database = (path: string) => ({ db: path, db_type: 'minidb', absolute_path: true })

/** Writes the blobs under another name first. */
export async function saveBlobs(
  workspace: Workspace,
  path: string,
  blobs: readonly string[],
  extra: Extra,
): Promise<void> {
  const extras = Object.keys(extra).map((name) => prefix + name)
  for (const [name, value] of Object.entries(extra)) {
    await workspace.feedBlob(prefix + name, tensor(Float64Array.of(value), [1]))
  }
  const unfinished = `${path}.unfinished`
  const save = operatorDef('Save', [...blobs, ...extras], [], database(unfinished))
  try {
    await workspace.runOperatorOnce(save)
    await platform.rename(unfinished, path)
  } catch (error) {
    await platform.remove(unfinished).catch(() => {})
    throw error
  } finally {
    for (const name of extras) await workspace.removeBlob(name)
  }
}

/** Reads what saveBlobs wrote into the blobs, all or nothing, and answers what was saved along. */
export async function loadBlobs(workspace: Workspace, path: string, blobs: readonly string[]): Promise<Extra> {
  if (!(await platform.exists(path))) throw new PfError('file', `cannot load ${path}: there is no such file`)
  // First beside what is there: a file of another model must leave this one as it is.
  const before = new Set(await workspace.blobs())
  const aside = operatorDef('Load', [], [], { ...database(path), load_all: true, add_prefix: prefix })
  try {
    await workspace.runOperatorOnce(aside)
    for (const blob of blobs) await checkType(workspace, path, blob)
    await workspace.runOperatorOnce(operatorDef('Load', [], blobs, database(path)))
    return await readExtra(workspace)
  } finally {
    for (const name of await workspace.blobs()) {
      if (name.startsWith(prefix) && !before.has(name)) await workspace.removeBlob(name)
    }
  }
}

async function checkType(workspace: Workspace, path: string, blob: string): Promise<void> {
  const text = async (name: string) => {
    const { kind, dtype, shape = [] } = await workspace.blobInfo(name)
    return kind === 'tensor' ? `${dtype} [${shape.join(', ')}]` : kind
  }
  if (!(await workspace.hasBlob(prefix + blob))) {
    throw new PfError('no_blob', `${path} has no "${blob}": it was saved by another model or optimizer`)
  }
  const [wanted, found] = [await text(blob), await text(prefix + blob)]
  if (wanted === found) return
  throw new PfError('shape', `"${blob}" is ${wanted} in this model and ${found} in ${path}, which another model saved`)
}

async function readExtra(workspace: Workspace): Promise<Extra> {
  const twice = prefix + prefix
  const names = (await workspace.blobs()).filter((name) => name.startsWith(twice))
  const numbers = await Promise.all(names.map(async (name) => Number((await workspace.fetchBlob(name)).data[0])))
  return Object.fromEntries(names.map((name, i) => [name.slice(twice.length), numbers[i]]))
}
