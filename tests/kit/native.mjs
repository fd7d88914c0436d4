// SPDX-License-Identifier: Apache-2.0
// The test programs of tests/native under sanitizers, the check that the elementwise operators compile for CUDA,
// and that of sizes against their budgets.
import { spawn, spawnSync } from 'node:child_process'
import { constants, setPriority } from 'node:os'
import { basename } from 'node:path'
import { filesBelow } from '../../build/kit.mjs'

const buildTimeout = 1_800_000
const running = new Set()

function end(child) {
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {}
}
process.on('exit', () => running.forEach(end))

function run(command, args, { timeout, env = {}, patient = false }) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    running.add(child)
    if (patient && child.pid) setPriority(child.pid, constants.priority.PRIORITY_LOW)
    let text = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (text += data))
    const timer = setTimeout(() => {
      text += `did not finish in ${timeout / 1000} s\n`
      end(child)
    }, timeout)
    child.on('error', (error) => (text += error.message))
    child.on('close', (code) => {
      clearTimeout(timer)
      running.delete(child)
      resolve({ ok: code === 0, text })
    })
  })
}

/** One result of a program: what its last line counts, or one test that its exit code decides. */
function result(name, { ok, text }, ms) {
  const counts = text.match(/^(\d+) passed, (\d+) failed/m)
  const passed = counts ? Number(counts[1]) : Number(ok)
  const failed = ok ? 0 : Math.max(1, counts ? Number(counts[2]) : 1)
  return { name, passed, failed, skipped: {}, errors: failed ? text : '', ms, output: '' }
}

async function timed(name, work) {
  const start = performance.now()
  const outcome = await work()
  return result(name, outcome, performance.now() - start)
}

const skipped = (name, why) => ({ name, passed: 0, failed: 0, skipped: { [why]: 1 }, errors: '', ms: 0, output: '' })

// Address space randomised too far ends a program under the thread sanitizer before it starts; setarch turns that off.
const launcher = spawnSync('setarch', ['-R', 'true']).status === 0 ? ['setarch', '-R'] : []

// Hostile sizes are asked for on purpose: then malloc answers null, as it does without a sanitizer.
const sanitizers = { ASAN_OPTIONS: 'allocator_may_return_null=1', UBSAN_OPTIONS: 'print_stacktrace=1' }

async function runProgram(kind, name, timeout) {
  const [command, ...args] = [...launcher, `dist/native/${kind}/${name}`]
  return await timed(`native/${name} (${kind})`, () => run(command, args, { timeout, env: sanitizers }))
}

const programsOf = (kind, only) =>
  filesBelow('tests/native', '.cc')
    .filter((path) => kind === 'address' || /parallel|thread/.test(path))
    .map((path) => basename(path, '.cc'))
    .filter((name) => only(`native/${name}`))

async function runPrograms(kind, builds, { timeout, only, onResult }) {
  const programs = programsOf(kind, only)
  if (!programs.length) return
  const built = await builds[kind]
  if (built.text.includes('native: skipped')) onResult(skipped(`native (${kind})`, 'no C++ compiler'))
  else if (!built.ok) onResult(result(`native (${kind}): the build`, built, 0))
  else for (const name of programs) onResult(await runProgram(kind, name, timeout))
}

async function checkSizes() {
  return await timed('native/sizes', () => run(process.execPath, ['build/sizes.mjs'], { timeout: buildTimeout }))
}

/** Begins to compile, one build after the other, what runNative will want: tests of scripts leave processors idle. */
export function buildNative({ only }) {
  const builds = {}
  let last = Promise.resolve()
  const build = (name, argument) => {
    const start = async () => {
      await last
      const begin = performance.now()
      const options = { timeout: buildTimeout, patient: true }
      return {
        ...(await run(process.execPath, ['build/native.mjs', argument], options)),
        ms: performance.now() - begin,
      }
    }
    last = builds[name] = start()
  }
  for (const kind of ['address', 'thread']) if (programsOf(kind, only).length) build(kind, `--sanitize=${kind}`)
  if (only('native/cuda-check')) build('cuda', '--cuda-check')
  return builds
}

export async function runNative(builds, options) {
  await runPrograms('address', builds, options)
  await runPrograms('thread', builds, options)
  if (builds.cuda) {
    const checked = await builds.cuda
    const name = 'native/cuda-check'
    options.onResult(checked.text.includes('no nvcc') ? skipped(name, 'no nvcc') : result(name, checked, checked.ms))
  }
  if (options.only('native/sizes')) options.onResult(await checkSizes())
}
