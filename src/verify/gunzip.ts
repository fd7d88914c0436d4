// SPDX-License-Identifier: Apache-2.0
import { PfError } from '../util/error.ts'

export async function gunzip(bytes: Uint8Array): Promise<Uint8Array> {
  try {
    const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new DecompressionStream('gzip'))
    return new Uint8Array(await new Response(stream).arrayBuffer())
  } catch (error) {
    throw new PfError('format', `the bytes are no gzip file: ${(error as Error).message}`, { cause: error })
  }
}
