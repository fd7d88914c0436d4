// SPDX-License-Identifier: Apache-2.0
// The static server of the browser tests, on the loopback address: dist/, the fixtures and, under /shared/, the shared data.
import { createReadStream, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { extname, join, normalize, resolve } from 'node:path'

const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.jsonl': 'application/json',
  '.wasm': 'application/wasm',
  '.jpg': 'image/jpeg',
  '.png': 'image/png',
  '.txt': 'text/plain; charset=utf-8',
}

// What a page needs to have shared memory: it and all that it loads say so.
const isolation = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
}

const page = '<!doctype html><meta charset="utf-8"><title>Portafilter tests</title><link rel="icon" href="data:,">'

/** @param folders {'/dist/': 'dist', …}: what is served, by the beginning of the path */
function findFile(folders, path) {
  for (const [prefix, folder] of Object.entries(folders)) {
    if (!path.startsWith(prefix)) continue
    const file = join(resolve(folder), normalize(`/${path.slice(prefix.length)}`))
    const stat = statSync(file, { throwIfNoEntry: false })
    if (stat?.isFile()) return { file, size: stat.size }
  }
  return undefined
}

/** Starts a server; answers {url, close}. Its root is an empty page. */
export function serve(folders, { isolated }) {
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url, 'http://localhost').pathname)
    const headers = { 'Cache-Control': 'no-cache', ...(isolated ? isolation : {}) }
    if (path === '/') {
      response.writeHead(200, { ...headers, 'Content-Type': types['.html'] })
      response.end(page)
      return
    }
    const found = findFile(folders, path)
    if (!found) {
      response.writeHead(404, headers)
      response.end(`no ${path} here`)
      return
    }
    const type = types[extname(found.file)] ?? 'application/octet-stream'
    response.writeHead(200, { ...headers, 'Content-Type': type, 'Content-Length': found.size })
    if (request.method === 'HEAD') response.end()
    else createReadStream(found.file).pipe(response)
  })
  return new Promise((done) => {
    server.listen(0, '127.0.0.1', () => {
      const close = () => new Promise((closed) => server.close(closed) && server.closeAllConnections())
      done({ url: `http://127.0.0.1:${server.address().port}/`, close })
    })
  })
}
