// SPDX-License-Identifier: Apache-2.0
// A side as a process of its own (Node, Deno): requests come as lines of JSON, answers go out marked, for peers print too.
import process from 'node:process'
import { createInterface } from 'node:readline'
import { answer } from './serve.mjs'

const mark = '\x1e'

for await (const line of createInterface({ input: process.stdin })) {
  let reply
  try {
    reply = { result: await answer(JSON.parse(line)) }
  } catch (error) {
    reply = { error: error?.message ?? String(error) }
  }
  process.stdout.write(`${mark}${JSON.stringify(reply)}\n`)
}
process.exit(0)
