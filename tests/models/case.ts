// SPDX-License-Identifier: Apache-2.0
// Recorded models of the shared data as tests.
import * as assert from 'uvu/assert'
import { verifyModel } from '../../src/verify/model-case.ts'
import { testBackend } from '../kit/backend.ts'
import { shared, sharedTest } from '../kit/data.ts'

type Suite = Parameters<typeof testBackend>[0] & Parameters<typeof sharedTest>[0]

/** One test per case. */
export function modelCases(test: Suite, names: readonly string[]): void {
  const backend = testBackend(test)
  for (const name of names) {
    sharedTest(test, name, async () => {
      const report = await verifyModel(await backend(), name, (path) => shared(`golden/models/${name}/${path}`))
      assert.equal([...report.failed, ...report.unsupported], [])
    })
  }
}
