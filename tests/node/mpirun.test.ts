// SPDX-License-Identifier: Apache-2.0
// Processes that mpirun starts together, on the CPU. Without mpirun these count as skipped.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { settings, skip } from '../kit/settings.ts'

const folder = mkdtempSync(join(tmpdir(), 'portafilter-mpirun-'))
test.after(() => rmSync(folder, { recursive: true }))

function hasMpirun(): boolean {
  try {
    return execFileSync('mpirun', ['--version'], { encoding: 'utf8' }).includes('Open MPI')
  } catch {
    return false
  }
}

interface Ended {
  readonly status: number | null
  readonly out: string
  readonly error: string
  /** What each process said, by its rank. */
  readonly said: Record<string, Record<string, unknown>[]>
}

const script = 'tests/node/together.mjs'

// Containers run as root, on few cores, and without the system calls of the fastest way through shared memory.
const flags = ['--allow-run-as-root', '--oversubscribe', '--mca', 'btl_vader_single_copy_mechanism', 'none']

function start(command: string, args: readonly string[], env: Record<string, string> = {}, watch?: Watch) {
  const child = spawn(command, args, { env: { ...process.env, NO_COLOR: '1', ...env } })
  return new Promise<Ended>((resolve) => {
    let [out, error] = ['', '']
    child.stdout.on('data', (data) => {
      out += data
      watch?.(said(out), child)
    })
    child.stderr.on('data', (data) => {
      error += data
    })
    const timer = setTimeout(() => child.kill('SIGKILL'), 90_000)
    child.on('close', (status) => {
      clearTimeout(timer)
      resolve({ status, out, error, said: said(out) })
    })
  })
}
type Watch = (said: Ended['said'], child: ChildProcess) => void

function said(out: string): Ended['said'] {
  const all: Ended['said'] = {}
  for (const [, rank, json] of out.matchAll(/^(\d+) (\{.*\})$/gm)) {
    all[rank] ??= []
    all[rank].push(JSON.parse(json))
  }
  return all
}

const mpirun = (n: number, scene: readonly string[], env?: Record<string, string>, watch?: Watch) =>
  start('mpirun', [...flags, '-np', String(n), process.execPath, script, ...scene], env, watch)

const alone = (scene: readonly string[], env?: Record<string, string>) =>
  start(process.execPath, [script, ...scene], env)

const numbers = (state: unknown) =>
  Array.from(new Float32Array(new Uint8Array(Buffer.from(state as string, 'base64')).buffer))

function close(found: unknown, expected: unknown): void {
  const [a, b] = [numbers(found), numbers(expected)]
  assert.is(a.length, b.length)
  for (const [i, x] of a.entries()) assert.ok(Math.abs(x - b[i]) < 1e-5, `${a} ≠ ${b}`)
}

if (settings.backend !== 'native') {
  // One backend is enough: the native core is the one that knows processes.
} else if (!hasMpirun()) {
  skip('no mpirun (make setup)', 9)
} else {
  test('processes learn what one learns from the joint batch', async () => {
    const one = (await alone(['train'])).said[0][0]
    for (const [n, replicas] of [
      [2, 1],
      [3, 2],
    ]) {
      const { status, said, error } = await mpirun(n, ['train'], { REPLICAS: String(replicas) })
      assert.is(status, 0, error)
      assert.equal(Object.keys(said).sort(), ['0', '1', '2'].slice(0, n))
      for (const [{ workers, processes, sum, state }] of Object.values(said)) {
        assert.equal({ workers, processes, sum }, { workers: n * replicas, processes: n, sum: [n, (n * (n - 1)) / 2] })
        close(state, one.state)
        assert.equal(state, said[0][0].state, 'every process has the same bits')
      }
    }
  })

  test('training goes on from a checkpoint as if nothing had happened', async () => {
    const path = join(folder, 'whole.db')
    const one = (await alone(['train'])).said[0][0]
    const { status, said, error } = await mpirun(2, ['train', path])
    assert.is(status, 0, error)
    close(said[1][0].state, one.state)
    assert.not.ok(existsSync(`${path}.unfinished`))
  })

  test('when a process is killed the other says so, and the last checkpoint is whole', async () => {
    const path = join(folder, 'endless.db')
    let killed = false
    const { status, error } = await mpirun(2, ['endless', path], {}, (said) => {
      const pid = said[1]?.[0]?.pid as number | undefined
      if (pid === undefined || killed) return
      killed = true
      process.kill(pid, 'SIGKILL')
    })
    assert.ok(killed && status !== 0, `status ${status}\n${error}`)
    assert.match(error, /portafilter: process 0 of 2 was told to stop \(SIGTERM\) while it waited for the others in /)
    assert.match(
      error,
      /in the sum of .*, for \d+ s\. .*mpirun .* says which.* The last checkpoint is whole: start all again/,
    )
    const { said } = await alone(['resume', path])
    assert.ok((said[0][0].epoch as number) >= 2, JSON.stringify(said))
  })

  test('an error in one process ends the others', async () => {
    const { status, error } = await mpirun(2, ['fails'])
    assert.is.not(status, 0)
    assert.match(error, /the picture is upside down/)
    assert.match(error, /MPI_ABORT was invoked on rank 1|portafilter: process 0 of 2 was told to stop/)
  })

  test('nobody waits for ever', async () => {
    const { status, said } = await mpirun(2, ['late'], { PORTAFILTER_MPI_TIMEOUT: '5' })
    assert.is.not(status, 0)
    const { code, message } = said[0][0]
    assert.is(code, 'lost')
    assert.match(message as string, /process 0 of 2 has waited 5 s for the others in the sum of "score_w_grad"/)
  })

  test('what one process cannot load no process loads', async () => {
    const { status, said, error } = await mpirun(2, ['missing', join(folder, 'nowhere.db')])
    assert.is(status, 0, error)
    assert.match(said[0][0].message as string, /^cannot load .*nowhere\.db: there is no such file/)
    assert.match(said[1][0].message as string, /^in process 0: cannot load/)
    assert.equal([said[0][0].code, said[1][0].code], ['file', 'file'])
  })

  test('GPUs that cannot be shared evenly are refused', async () => {
    const { said } = await mpirun(2, ['devices'])
    for (const rank of [0, 1]) {
      assert.is(said[rank][0].code, 'argument')
      assert.match(said[rank][0].message as string, /3 GPUs \[0, 1, 2\] cannot be shared evenly by the 2 processes/)
    }
  })

  test("Caffe2's operators of MPI", async () => {
    const { status, said, error } = await mpirun(2, ['operators'])
    assert.is(status, 0, error)
    const [[first], [second]] = [said[0], said[1]]
    for (const { sum, n, all, x, y } of [first, second]) {
      assert.equal({ sum, n, all, x, y }, { sum: [3, 10], n: [1, 4], all: [1, 0, 2, 10], x: [2, 10], y: [5, 7] })
    }
    assert.equal([second.at1, second.from, second.with], [[3, 10], [0], [4]])
    const errors = first.errors as string[]
    for (const [i, words] of [/^argument .*"root" is 2.*0 to 1/, /raw_buffer=1/, /no MPI common world/].entries()) {
      assert.match(errors[i], words)
    }
  })

  test('a library that is no Open MPI is named', async () => {
    const libraries = join(folder, 'libraries')
    execFileSync('mkdir', ['-p', libraries])
    symlinkSync(join(process.cwd(), 'dist/pf.node'), join(libraries, 'libmpi.so.40'))
    const { status, error } = await alone(['train'], {
      PORTAFILTER_MPI_PATH: libraries,
      OMPI_COMM_WORLD_SIZE: '2',
    })
    assert.is.not(status, 0)
    assert.match(error, /libraries\/libmpi\.so\.40 is no MPI; Open MPI 4 or 5 is needed/)
  })
}

test.run()
