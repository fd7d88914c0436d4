// SPDX-License-Identifier: Apache-2.0
// What a page has to fetch, gzipped.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { installPeers, save, table } from './kit.mjs'

const dist = new URL('../dist/', import.meta.url)
const peer = new URL('./peers/node_modules/onnxruntime-web/dist/', import.meta.url)

function weigh(what, url) {
  const bytes = readFileSync(url)
  return { what, bytes: bytes.length, gzipped: gzipSync(bytes, { level: 9 }).length }
}

export function sizes({ peers }) {
  const ours = readdirSync(dist).filter((name) => /^pf-.*\.wasm$/.test(name))
  const rows = ours.map((name) => weigh(`dist/${name}`, new URL(name, dist)))
  if (peers && !installPeers()) {
    for (const name of ['ort.wasm.min.mjs', 'ort-wasm-simd-threaded.mjs', 'ort-wasm-simd-threaded.wasm']) {
      const url = new URL(name, peer)
      if (existsSync(url)) rows.push(weigh(`onnxruntime-web/dist/${name}`, url))
    }
  }
  console.log('sizes, bytes')
  table(rows)
  save('sizes', { rows })
}
