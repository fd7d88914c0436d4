// SPDX-License-Identifier: Apache-2.0
// Scopes that a builder reads while it adds operators, and names of nets that are used only once.
import { PfError } from '../util/error.ts'
import type { DeviceOption } from './net-def.ts'

const prefixes: string[] = []
const devices: (DeviceOption | undefined)[] = []
const netNames = new Set<string>()

/**
 * Blobs named inside `body` get `prefix/` before their names. Scopes nest. Only synchronous code can be in a scope: code
 * that waits would leave its scope to whoever runs meanwhile.
 */
export function nameScope<T>(prefix: string, body: () => T): T {
  return within(prefixes, `${currentNameScope()}${prefix}/`, body)
}

/** Operators added inside `body` get this device unless they name one; `undefined` clears what an outer scope set. */
export function deviceScope<T>(device: DeviceOption | undefined, body: () => T): T {
  return within(devices, device, body)
}

/** What stands before the names given now: empty, or ending in a slash. */
export function currentNameScope(): string {
  return prefixes.at(-1) ?? ''
}

export function currentDevice(): DeviceOption | undefined {
  return devices.at(-1)
}

/** `name` in the current scope; a name that is in it already stays. */
export function scopedName(name: string): string {
  const prefix = currentNameScope()
  return name.startsWith(prefix) ? name : prefix + name
}

/** `name`, or the first of name_1, name_2, ... that no net has had yet. */
export function uniqueNetName(name: string): string {
  let unique = name
  for (let k = 1; netNames.has(unique); k++) unique = `${name}_${k}`
  netNames.add(unique)
  return unique
}

function within<S, T>(stack: S[], entry: S, body: () => T): T {
  stack.push(entry)
  try {
    const result = body()
    if (result instanceof Promise) {
      throw new PfError('argument', 'the body of a scope must not be async: build inside the scope, wait outside of it')
    }
    return result
  } finally {
    stack.pop()
  }
}
