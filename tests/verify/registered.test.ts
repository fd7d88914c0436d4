// SPDX-License-Identifier: Apache-2.0
// Every operator that Caffe2 registered is here or left out with a reason, and differentiates where Caffe2's does: some
// have a gradient, some silently none, and the others fail when one is asked for.
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { platform } from '../../src/platform/index.ts'
import { testBackend } from '../kit/backend.ts'
import { settings, skip } from '../kit/settings.ts'

const backend = testBackend(test)
const list = `${settings.data}golden/registered_operators.tsv`

const kinds: Record<string, readonly string[]> = {
  yes: ['yes'],
  no_gradient: ['none'],
  should_not_do_gradient: ['refused'],
  not_implemented_yet: ['refused'],
  none: ['none', 'refused'], // Caffe2 knows nothing of it
}
/** What Python, engines and several processes bring. */
const leftOut =
  /^Python|_ENGINE_|CommonWorld$|^(Allgather|Allreduce|Barrier|Broadcast|Reduce|ReduceScatter)$|^(Send|Receive)Tensor$/

if (settings.data === undefined || !(await platform.exists(list))) skip('no shared test data')
else {
  const text = new TextDecoder().decode(await platform.read(list))
  const rows = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  test('operators and kinds of gradients are those of Caffe2', async () => {
    const ours = new Map((await (await backend()).schemas()).map((schema) => [schema.name, schema]))
    const wrong: string[] = []
    for (const [name, gradient] of rows.map((row) => row.split('\t'))) {
      const found = ours.get(name)
      if (found === undefined && !leftOut.test(name)) wrong.push(`${name} is missing`)
      else if (found && !kinds[gradient].includes(found.gradient))
        wrong.push(`${name}: ${found.gradient}, not ${gradient}`)
    }
    assert.equal(wrong, [])
    assert.ok(rows.length > 500)
  })
}

test.run()
