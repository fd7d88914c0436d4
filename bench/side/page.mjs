// SPDX-License-Identifier: Apache-2.0
// A side in a page of Chromium, cross-origin isolated, so that it has threads. The engine works in a worker there, as it
// does for users; what the page measures includes the way there and back.
import { chromium } from 'playwright-core'
import { serve } from '../../tests/kit/web-server.mjs'

const flags = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-background-timer-throttling',
  '--disable-component-update',
  '--disable-renderer-backgrounding',
  '--disable-sync',
]

const imports = { portafilter: '/dist/browser/index.js', side: '/bench/side/serve.mjs' }

export async function startPage(runtime) {
  const server = await serve({ '/bench/': 'bench', '/dist/': 'dist' }, { isolated: true })
  const browser = await chromium.launch({ executablePath: runtime.binary, args: flags, chromiumSandbox: false })
  const page = await browser.newPage()
  page.on('pageerror', (error) => console.error(`page: ${error.message}`))
  await page.goto(server.url)
  await page.addScriptTag({ type: 'importmap', content: JSON.stringify({ imports }) })
  const send = (message) =>
    page.evaluate(async (it) => {
      try {
        const { answer } = await import('side')
        return { result: await answer(it) }
      } catch (error) {
        return { error: error.message }
      }
    }, message)
  const close = async () => {
    await browser.close()
    await server.close()
  }
  return { send, close }
}
