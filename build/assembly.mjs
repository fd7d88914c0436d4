// SPDX-License-Identifier: Apache-2.0
// The user operators that come along: every assembly/ops/*.ts becomes dist/assembly/*.wasm, which a core takes into its
// own memory and table.
import { mkdirSync, rmSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import asc from 'assemblyscript/asc'
import { filesBelow } from './kit.mjs'

const flags = [
  '-O3',
  '--noAssert',
  '--runtime',
  'stub', // operators run without a collector: what they need, the core has allocated
  '--importMemory', // the core's own, shared between its threads
  '--sharedMemory',
  '--initialMemory',
  '1',
  '--maximumMemory',
  '65536', // an upper bound for any core's memory, as the import's type asks for one
  '--enable',
  'simd',
  '--enable',
  'threads',
  '--memoryBase',
  '1024', // static data go where the core leaves room: from 1024 up to 65536
  '--exportStart',
  '_start',
]

async function compile(source) {
  const target = `dist/assembly/${basename(source, '.ts')}.wasm`
  const { error, stderr } = await asc.main([source, ...flags, '--outFile', target])
  if (error) {
    console.error(`assembly: ${source}\n${stderr.toString()}`)
    return false
  }
  console.log(`${target.padEnd(44)}${String(statSync(target).size).padStart(7)} bytes`)
  return true
}

rmSync('dist/assembly', { recursive: true, force: true })
mkdirSync('dist/assembly', { recursive: true })
for (const source of filesBelow('assembly/ops', '.ts')) if (!(await compile(source))) process.exitCode = 1
