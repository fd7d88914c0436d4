// SPDX-License-Identifier: Apache-2.0
// The user operators that come along: every assembly/ops/*.ts becomes dist/assembly/*.wasm, which a core takes into its
// own memory and table.
import { mkdirSync, rmSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import asc from 'assemblyscript/asc'
import { filesBelow } from './kit.mjs'

// Static data go where the core leaves room, from 1024 up to 65536; each module has a place of its own.
const kSlot = 4096

async function compile(source, index) {
  const target = `dist/assembly/${basename(source, '.ts')}.wasm`
  const place = ['--memoryBase', String(1024 + index * kSlot)]
  const { error, stderr } = await asc.main([
    source,
    ...['--config', 'assembly/asconfig.json', '--outFile', target],
    ...place,
  ])
  if (error) {
    console.error(`assembly: ${source}\n${stderr.toString()}`)
    return false
  }
  console.log(`${target.padEnd(44)}${String(statSync(target).size).padStart(7)} bytes`)
  return true
}

rmSync('dist/assembly', { recursive: true, force: true })
mkdirSync('dist/assembly', { recursive: true })
for (const [index, source] of filesBelow('assembly/ops', '.ts').entries()) {
  if (!(await compile(source, index))) process.exitCode = 1
}
