// SPDX-License-Identifier: Apache-2.0
// Reads a net from what a file holds, binary or text. The text format loads only when a text comes.
import { PfError } from '../util/error.ts'
import { decode, type Messages, type NetDef } from './net-def.ts'

export interface ReadOptions {
  /** Named in error messages. */
  file?: string
  /** Leave long lists of floats empty where the net is binary: for whoever does not need the weights. */
  outline?: boolean
}

/** A NetDef from the bytes of a .pb or .pbtxt file, or from text. */
export function readNetDef(source: Uint8Array | string, options: ReadOptions = {}): Promise<NetDef> {
  return readMessage('NetDef', source, options)
}

/** A message of any kind of caffe2.proto or metanet.proto from binary or text. */
export async function readMessage<K extends keyof Messages>(
  kind: K,
  source: Uint8Array | string,
  options: ReadOptions = {},
): Promise<Messages[K]> {
  if (typeof source === 'string') return parse(kind, source, options)
  if (!looksLikeText(source)) return binary(kind, source, options)
  try {
    return await parse(kind, new TextDecoder().decode(source), options)
  } catch (error) {
    // A tiny binary message may happen to be printable, a name alone for example. If it is not that either, what is
    // wrong with the text is what a person wants to hear.
    try {
      return decode(kind, source)
    } catch {
      throw error
    }
  }
}

/** A message as text, as protoc prints it. */
export async function writeText<K extends keyof Messages>(kind: K, message: Messages[K]): Promise<string> {
  const [format, schema] = await textFormat()
  return format.printText(message, schema, kind)
}

async function parse<K extends keyof Messages>(kind: K, text: string, options: ReadOptions): Promise<Messages[K]> {
  const [format, schema] = await textFormat()
  return format.parseText<Messages[K]>(text, schema, kind, options)
}

function binary<K extends keyof Messages>(kind: K, bytes: Uint8Array, { file, outline }: ReadOptions): Messages[K] {
  try {
    return decode(kind, bytes, { outline })
  } catch (error) {
    if (file === undefined || !(error instanceof PfError)) throw error
    throw new PfError(error.code, `${file}: ${error.message}`, { cause: error })
  }
}

const textFormat = () => Promise.all([import('./text-format.ts'), import('../gen/caffe2-fields.ts')])

// Text has no control characters but white space. A binary message has some in its first bytes: the tags of the
// fields 2 and 3 are among them, and so are short lengths.
export function looksLikeText(bytes: Uint8Array): boolean {
  const head = bytes.subarray(0, 4096)
  for (const byte of head) if (byte < 32 && byte !== 9 && byte !== 10 && byte !== 13) return false
  return head.length > 0
}
