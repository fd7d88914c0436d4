// SPDX-License-Identifier: Apache-2.0
// What a net reads from outside and what it leaves behind.
import type { NetDef, OperatorDef } from '../net-def.ts'

/** Blobs that operators read before any of them has written them, in order. */
export function blobsReadFirst(ops: readonly OperatorDef[]): string[] {
  const written = new Set<string>()
  const found = new Set<string>()
  for (const op of ops) {
    for (const blob of op.input) if (!written.has(blob)) found.add(blob)
    for (const blob of op.output) written.add(blob)
  }
  return [...found]
}

/** Blobs whose last value no operator reads, in order. */
export function blobsNeverRead(ops: readonly OperatorDef[]): string[] {
  const unread = new Set<string>()
  for (const op of ops) {
    for (const blob of op.input) unread.delete(blob)
    for (const blob of op.output) unread.add(blob)
  }
  return [...unread]
}

/** The outputs a net declares; if it declares none, what it computes and does not use. */
export function outputsOf(net: NetDef): string[] {
  return net.externalOutput.length > 0 ? [...net.externalOutput] : blobsNeverRead(net.op)
}
