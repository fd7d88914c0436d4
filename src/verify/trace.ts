// SPDX-License-Identifier: Apache-2.0
// Finds the first operator of a net that computes something else than was recorded. Operators run one by one, because
// blobs are used again and changed in place.
import type { NetDef } from '../net/net-def.ts'
import type { Workspace } from '../net/workspace.ts'
import { PfError } from '../util/error.ts'
import { isComparable, type RecordedStatistics, statisticsDiffer } from './statistics.ts'

export interface Trace {
  trace: { op: number; type: string; outputs: RecordedStatistics[] }[]
}

/** `noise` is how much a value may be off, as a share of its blob's root mean square. */
export async function firstDifference(
  workspace: Workspace,
  net: NetDef,
  { trace }: Trace,
  noise: number,
): Promise<string | undefined> {
  const tolerance = { ofSize: noise, absolute: 0, relative: noise }
  for (const entry of trace) {
    const where = `operator ${entry.op} (${entry.type}) is the first to differ`
    try {
      await workspace.runOperatorOnce(net.op[entry.op])
      for (const output of entry.outputs.filter(isComparable)) {
        const why = statisticsDiffer(await workspace.fetchBlob(output.name), output, tolerance)
        if (why !== undefined) return `${where}: ${why}`
      }
    } catch (error) {
      if (!(error instanceof PfError)) throw error
      return `${where}: ${error.message}`
    }
  }
  return undefined
}
