// SPDX-License-Identifier: Apache-2.0
import { netsInside } from '../../net/nested-nets.ts'
import type { NetDef, OperatorDef } from '../../net/net-def.ts'
import { readNetDef } from '../../net/read-net.ts'
import { platform } from '../../platform/index.ts'
import { PfError } from '../../util/error.ts'
import { type Command, type Given, UsageError } from '../arguments.ts'

const builds = ['simd', 'relaxed', 'simd-mt', 'relaxed-mt']

export const build: Command = {
  name: 'build',
  describe:
    'Compiles a WebAssembly core with the operators of some nets alone; needs the source tree and its compilers',
  options: [
    {
      flag: '--for',
      value: 'NET.pb',
      describe: 'A net to run, binary or text; may be given several times',
      required: true,
    },
    { flag: '--out', value: 'DIR', describe: 'Folder for pf-simd.wasm and so on', otherwise: 'pruned' },
    { flag: '--only', value: 'BUILDS', describe: `Some of ${builds.join(', ')}, separated by commas` },
  ],
  examples: ['build --for init_net.pb --for predict_net.pb --out dist/small', 'build --for predict_net.pb --only simd'],
  async run(given, { print, signal }) {
    const nets = await Promise.all(given.list('for').map(async (path) => readNetDef(await platform.read(path, signal))))
    const types = [...new Set(nets.flatMap(operatorTypes))].sort()
    if (types.length === 0) throw new UsageError('--for takes a net with operators; there are none')
    const script = new URL('../build/wasm.mjs', import.meta.url)
    if (!(await platform.exists(script))) {
      throw new PfError(
        'unsupported',
        'portafilter build compiles C++, which the npm package does not carry. Run it in a checkout of the sources: make, then node dist/cli.js build',
      )
    }
    print(`${types.length} operators: ${types.join(', ')}`)
    const out = given.optional('out') ?? 'pruned'
    const status = await platform.runScript(script, ['--for', types.join(','), '--out', out, ...chosen(given)], signal)
    if (status !== 0)
      throw new PfError('unsupported', `the build ended with status ${status}; what it printed says why`)
  },
}

function chosen(given: Given): string[] {
  const only = given.optional('only')
  if (only === undefined) return []
  const unknown = only.split(',').find((name) => !builds.includes(name))
  if (unknown !== undefined) throw new UsageError(`--only takes some of ${builds.join(', ')}, found "${unknown}"`)
  return ['--only', only]
}

/** Also those of nets inside operators. */
export function operatorTypes(net: NetDef): string[] {
  return net.op.flatMap((op: OperatorDef) => [op.type ?? '', ...netsInside(op).flatMap(operatorTypes)])
}
