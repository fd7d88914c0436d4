// SPDX-License-Identifier: Apache-2.0
import type { CudaInfo, ProcessInfo } from '../../backend/backend.ts'
import { platform } from '../../platform/index.ts'
import type { Command, Context, Given } from '../arguments.ts'
import { backendOptions, withBackend } from '../context.ts'

export const info: Command = {
  name: 'info',
  describe: 'Says what runs here: the backend, why others were refused, threads, memory and operators',
  options: [
    ...backendOptions,
    { flag: '--operators', describe: 'Lists the operators' },
    { flag: '--json', describe: 'Prints JSON' },
  ],
  examples: ['info', 'info --backend wasm --json'],
  run: (given, context) =>
    withBackend(given, context, async (backend) => {
      const [known, schemas] = [await backend.info(), await backend.schemas()]
      const about = known.backend === 'wasm' ? known : { ...known, processes: await backend.processes() }
      const operators = schemas.map(({ name }) => name).sort()
      const runtime = `${platform.name} ${platform.version}`
      if (given.flag('json')) {
        context.print(JSON.stringify({ ...about, runtime, cores: platform.cores(), operators }, undefined, 2))
      } else {
        report(given, context, { ...about, runtime, operators })
      }
    }),
}

interface Report {
  backend: string
  build: string
  simd: string
  threads: number
  refused: readonly { backend: string; reason: string }[]
  cuda?: CudaInfo
  processes?: ProcessInfo
  memory: { limit?: number }
  runtime: string
  operators: readonly string[]
}

function report(given: Given, { print }: Context, about: Report): void {
  if (given.flag('operators')) {
    for (const name of about.operators) print(name)
    return
  }
  print(`runtime    ${about.runtime}, ${platform.cores()} processors`)
  print(`backend    ${about.backend} (${about.build}, SIMD ${about.simd})`)
  for (const { backend, reason } of about.refused) print(`refused    ${backend}: ${reason}`)
  print(`threads    ${about.threads}`)
  const { limit = 0 } = about.memory
  print(`memory     ${limit > 0 ? `up to ${Math.round(limit / 2 ** 20)} MiB` : 'as much as the machine has'}`)
  if (about.cuda?.built) reportCuda(about.cuda, print)
  if (about.processes?.library) reportLibrary(about.processes.library, print)
  print(`operators  ${about.operators.length} (portafilter info --operators lists them)`)
}

function reportCuda({ driver, devices, libraries = [] }: CudaInfo, print: (line: string) => void): void {
  for (const { index, name, memory, capability } of devices) {
    print(
      `gpu ${index}      ${name}, ${Math.round(memory / 2 ** 30)} GiB, compute capability ${capability}, driver ${driver}`,
    )
  }
  for (const library of libraries) reportLibrary(library, print)
}

interface Library {
  readonly name: string
  readonly found: boolean
  readonly path?: string
  readonly lookedIn?: string
}

function reportLibrary({ name, found, path, lookedIn }: Library, print: (line: string) => void): void {
  print(`library    ${name}: ${found ? path : `missing; looked in ${lookedIn}`}`)
}
