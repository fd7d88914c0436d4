// SPDX-License-Identifier: Apache-2.0
// Runs the suites in a process of Node, Deno or Bun. One process runs them all; when a suite crashes or hangs it, the
// suite has failed and another process goes on with the rest.
import { spawn } from 'node:child_process'

/** Calls `onResult` once per suite. @param runtime see runtimes.mjs */
export async function runInProcess(runtime, settings, suites, { timeout, bundles, onResult }) {
  for (let rest = suites; rest.length; ) {
    const main = `${bundles}/server/main.js`
    const done = await oneProcess({ ...runtime, main }, settings, rest, timeout, onResult)
    rest = rest.slice(done)
  }
}

/** Answers how many suites it dealt with: all, or those up to the one that ended the process. */
function oneProcess(runtime, settings, suites, timeout, onResult) {
  const env = { ...process.env, PORTAFILTER_BACKEND: settings.backend, NO_COLOR: '1', FORCE_COLOR: '0' }
  const child = spawn(runtime.binary, [...runtime.args, runtime.main, JSON.stringify({ settings, suites })], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a group of its own, so that ending it ends what it has started
  })
  return new Promise((resolve) => {
    let done = 0
    let current = suites[0]
    let text = ''
    let buffer = ''
    let late = false
    const kill = () => {
      late = true
      try {
        process.kill(-child.pid, 'SIGKILL')
      } catch {}
    }
    let timer = setTimeout(kill, timeout)
    const handle = (event) => {
      clearTimeout(timer)
      timer = setTimeout(kill, timeout)
      if (event.start) {
        current = event.start
        text = ''
      } else {
        done++
        current = suites[done]
        onResult({ ...event.result, output: event.result.failed ? text : '' })
      }
    }
    child.stdout.on('data', (data) => {
      buffer += data
      const lines = buffer.split('\n')
      buffer = lines.pop()
      for (const line of lines) {
        if (line.startsWith('\x1e')) handle(JSON.parse(line.slice(1)))
        else text += `${line}\n`
      }
    })
    child.stderr.on('data', (data) => (text += data))
    child.on('error', (error) => (text += error.message))
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      if (done < suites.length) {
        const why = late
          ? `did not finish in ${timeout / 1000} s`
          : `ended the process (${signal ?? `exit code ${code}`})`
        onResult({
          name: current,
          passed: 0,
          failed: 1,
          skipped: {},
          errors: `${current} ${why}\n`,
          ms: 0,
          output: text + buffer,
        })
        done++
      }
      resolve(done)
    })
  })
}
