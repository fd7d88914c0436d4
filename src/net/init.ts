// SPDX-License-Identifier: Apache-2.0
// The backend that is used where none is named. It opens with the first need of it.
import { type Backend, type BackendOptions, openBackend } from '../backend/backend.ts'
import { declareOperators } from './operators.ts'

let current: Promise<Backend> | undefined

/** Opens the backend for everything that names none. Called again, it closes the one before and all that was in it. */
export async function init(options: BackendOptions = {}): Promise<Backend> {
  await shutdown()
  return open(options)
}

/** The backend that `init` opened, else one with no options. */
export function currentBackend(): Promise<Backend> {
  return current ?? open({})
}

/** Closes that backend, if it is open. */
export async function shutdown(): Promise<void> {
  const closing = current
  current = undefined
  // One that failed to open has told its caller already.
  const backend = await closing?.catch(() => undefined)
  await backend?.close()
}

/** Brings operators of a user's own, from a module compiled from AssemblyScript; answers their names. */
export async function registerUserOperators(module: Uint8Array, backend?: Backend): Promise<string[]> {
  const target = backend ?? (await currentBackend())
  const names = await target.registerUserOperators(module)
  const schemas = await target.schemas()
  declareOperators(schemas.filter((schema) => names.includes(schema.name)))
  return names
}

function open(options: BackendOptions): Promise<Backend> {
  const opening = openBackend(options)
  current = opening
  // A backend that cannot be opened must not stay: the next call tries again.
  opening.catch(() => {
    if (current === opening) current = undefined
  })
  return opening
}
