// SPDX-License-Identifier: Apache-2.0
// examples/03-browser-worker in a page of its own elements.
import { test } from 'uvu'
import * as assert from 'uvu/assert'

test('a page trains a net and paints what it has learnt', async () => {
  const elements = '<canvas width="32" height="32"></canvas><p id="status"></p><button id="stop"></button>'
  document.body.insertAdjacentHTML('beforeend', elements)
  // @ts-expect-error: the page's own script, which is plain JavaScript
  const { finished } = (await import('../../examples/03-browser-worker/main.js')) as { finished: Promise<number> }
  assert.ok((await finished) > 0.9, document.querySelector('#status')?.textContent ?? '')
})

test.run()
