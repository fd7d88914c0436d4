// SPDX-License-Identifier: Apache-2.0
// What a page has to fetch, gzipped.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { command, hasPeer } from './kit.mjs'

const dist = new URL('../dist/', import.meta.url)
const peer = new URL('./peers/node_modules/onnxruntime-web/dist/', import.meta.url)

function weigh(what, url) {
  const bytes = readFileSync(url)
  return { what, bytes: bytes.length, gzipped: gzipSync(bytes, { level: 9 }).length }
}

await command({ about: 'sizes, bytes' }, ({ peers }) => {
  const ours = readdirSync(dist).filter((name) => /^pf-.*\.wasm$/.test(name))
  const rows = ours.map((name) => weigh(`dist/${name}`, new URL(name, dist)))
  if (!peers || !hasPeer('onnxruntime-web')) return rows
  const theirs = ['ort.wasm.min.mjs', 'ort-wasm-simd-threaded.mjs', 'ort-wasm-simd-threaded.wasm']
  const there = theirs.map((name) => [name, new URL(name, peer)]).filter(([, url]) => existsSync(url))
  return [...rows, ...there.map(([name, url]) => weigh(`onnxruntime-web/dist/${name}`, url))]
})
