// SPDX-License-Identifier: Apache-2.0
// A side in a page of Chromium, cross-origin isolated, so that it has threads. The engine works in a worker there, as it
// does for users; what the page measures includes the way there and back.
import { build } from 'esbuild'
import { existsSync, readFileSync } from 'node:fs'
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

const packages = 'bench/peers/node_modules'
const wasmBackend = '@tensorflow/tfjs-backend-wasm'
const imports = {
  portafilter: '/dist/browser/index.js',
  side: '/dist/bench/serve.js',
  'onnxruntime-web': `/${packages}/onnxruntime-web/dist/ort.wasm.bundle.min.mjs`,
  [wasmBackend]: `/${packages}/${wasmBackend}/dist/index.js`, // tells where its modules are
}

let bundled

/** The sides as one script with chunks: TensorFlow.js comes for bundlers alone. What is not installed is not asked for. */
function bundle() {
  const peers = Object.keys(JSON.parse(readFileSync('bench/peers/package.json', 'utf8')).optionalDependencies)
  const external = peers.filter((name) => name.startsWith('onnxruntime') || !existsSync(`${packages}/${name}`))
  bundled ??= build({
    entryPoints: ['bench/side/serve.mjs'],
    outdir: 'dist/bench',
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    external: ['portafilter', ...external],
  })
  return bundled
}

export async function startPage(runtime) {
  await bundle()
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
