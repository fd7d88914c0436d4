// SPDX-License-Identifier: Apache-2.0
// Runs the suites in pages of Chromium, with cross-origin isolation (threads) or without. A page that hangs or crashes has
// failed that suite; a fresh page goes on with the rest.
import { chromium } from 'playwright-core'
import { serve } from './web-server.mjs'

const flags = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

function deadline(promise, ms, message) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(message)), ms)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

async function openPage(browser, url, settings, log) {
  const page = await browser.newPage()
  page.on('console', (message) => log(message.text()))
  page.on('pageerror', (error) => log(`uncaught: ${error.stack ?? error}`))
  page.on('crash', () => log('the page crashed'))
  await page.addInitScript((value) => {
    globalThis.PORTAFILTER_TEST = value
  }, settings)
  await page.goto(url)
  await page.addScriptTag({ type: 'module', url: '/bundle/main.js' })
  await page.waitForFunction(() => globalThis.PORTAFILTER_RUN, undefined, { timeout: 20000 })
  return page
}

export async function runInChromium(runtime, settings, suites, { timeout, folders, onResult }) {
  const server = await serve(folders, runtime)
  const browser = await chromium.launch({ executablePath: runtime.binary, args: flags, chromiumSandbox: false })
  let lines = []
  let page
  try {
    for (const name of suites) {
      lines = []
      try {
        page ??= await deadline(
          openPage(browser, server.url, settings, (line) => lines.push(line)),
          30000,
          'no page',
        )
        const run = page.evaluate((suite) => globalThis.PORTAFILTER_RUN(suite), name)
        run.catch(() => {}) // after the deadline nobody listens
        const result = await deadline(run, timeout, `did not finish in ${timeout / 1000} s`)
        onResult({ ...result, output: result.failed ? `${lines.join('\n')}\n` : '' })
      } catch (error) {
        const errors = `${name} ${error.message}\n`
        onResult({ name, passed: 0, failed: 1, skipped: {}, errors, ms: 0, output: `${lines.join('\n')}\n` })
        page?.close().catch(() => {})
        page = undefined
      }
    }
  } finally {
    await deadline(browser.close(), 10000, 'Chromium does not close').catch(() => {})
    await server.close()
  }
}
