// SPDX-License-Identifier: Apache-2.0
// Files behind a URL, the same on every platform.
import { PfError } from '../util/error.ts'
import type { FileReader } from './platform.ts'

const remote = /^(https?|data|blob):/

export function isRemote(path: string | URL): boolean {
  return remote.test(String(path))
}

async function get(url: string | URL, init: RequestInit): Promise<Response> {
  let response: Response
  try {
    response = await fetch(url, init)
  } catch (cause) {
    if (init.signal?.aborted) throw new PfError('aborted', `reading ${url} was stopped`, { cause })
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new PfError('file', `cannot read ${url}: ${why} (offline, or another site that allows no access?)`, { cause })
  }
  if (!response.ok) throw new PfError('file', `cannot read ${url}: the server answered ${response.status}`)
  return response
}

export async function fetchBytes(url: string | URL, signal?: AbortSignal): Promise<Uint8Array> {
  const response = await get(url, { signal })
  try {
    return new Uint8Array(await response.arrayBuffer())
  } catch (cause) {
    const code = signal?.aborted ? 'aborted' : 'file'
    throw new PfError(code, `reading ${url} broke off`, { cause })
  }
}

/** Reads parts of a remote file by range requests; a server without them sends it all once. */
export async function openRemote(url: string | URL): Promise<FileReader> {
  const probe = await get(url, { headers: { range: 'bytes=0-0' } })
  const total = probe.headers.get('content-range')?.match(/\/(\d+)$/)?.[1]
  if (probe.status !== 206 || total === undefined) {
    const whole = new Uint8Array(await probe.arrayBuffer())
    return {
      size: whole.length,
      read: async (offset, length) => whole.slice(offset, offset + length),
      close: async () => {},
    }
  }
  await probe.body?.cancel()
  const size = Number(total)
  return {
    size,
    async read(offset, length) {
      const end = Math.min(offset + length, size)
      if (end <= offset) return new Uint8Array(0)
      const response = await get(url, { headers: { range: `bytes=${offset}-${end - 1}` } })
      const bytes = new Uint8Array(await response.arrayBuffer())
      return bytes.length === end - offset ? bytes : bytes.slice(offset, end)
    },
    close: async () => {},
  }
}
