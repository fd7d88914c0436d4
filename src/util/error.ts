// SPDX-License-Identifier: Apache-2.0
// The one error type of the public API. A code is stable and meant for programs; the message is for people and
// says what failed, where, what was expected, what was found and, where it helps, what to try.

import { type Status, statusName } from '../gen/abi.ts'

/** The core's own codes, then those that only arise outside it. */
export type PfErrorCode = Exclude<Status, 'ok'> | 'file' | 'format' | 'unsupported' | 'backend' | 'closed'

export class PfError extends Error {
  readonly code: PfErrorCode

  constructor(code: PfErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'PfError'
    this.code = code
  }
}

/** The code for a status number of the core. A number we do not know is a core newer than this file: `internal`. */
export function codeOfStatus(status: number): PfErrorCode {
  const name = statusName[status]
  return name === undefined || name === 'ok' ? 'internal' : name
}

/** `error` as a PfError that also says what was being done; a PfError keeps its code and becomes the cause. */
export function withContext(error: unknown, context: string, code: PfErrorCode = 'internal'): PfError {
  const text = error instanceof Error ? error.message : String(error)
  return new PfError(error instanceof PfError ? error.code : code, `${context}: ${text}`, { cause: error })
}
