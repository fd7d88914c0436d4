// SPDX-License-Identifier: Apache-2.0
import type { Backend } from '../../backend/backend.ts'
import { platform } from '../../platform/index.ts'
import { PfError } from '../../util/error.ts'
import type { VerifyReport } from '../../verify/report.ts'
import type { Command, Context, Given } from '../arguments.ts'
import { backendOptions, withBackend } from '../context.ts'

export const verify: Command = {
  name: 'verify',
  usage: 'path...',
  few: 1,
  describe:
    'Runs recorded cases and compares: operators (.jsonl, .jsonl.gz), nets (.json), models (folders with a case.json), or folders of these',
  options: [
    ...backendOptions,
    { flag: '--op', value: 'NAME', describe: 'Only cases of this operator' },
    { flag: '--json', describe: 'Prints JSON' },
  ],
  examples: ['verify golden/operators/Relu.jsonl', 'verify golden/operators golden/models/style_crayon --backend wasm'],
  run: (given, context) =>
    withBackend(
      given,
      context,
      async (backend) => {
        const { addReport, emptyReport } = await import('../../verify/report.ts')
        const report = emptyReport()
        for (const path of given.positional) {
          for (const found of await casesBelow(path)) addReport(report, await verifyOne(backend, found, given, context))
        }
        if (given.flag('json')) context.print(JSON.stringify(report, undefined, 2))
        else print(report, context)
        if (report.failed.length > 0)
          throw new PfError('value', `${report.failed.length} of ${report.total} cases failed`)
        if (report.total === 0)
          throw new PfError('file', `there are no recorded cases in ${given.positional.join(', ')}`)
      },
      { printTo: 'error' },
    ), // standard output is the report
}

interface Found {
  path: string
  kind: 'model' | 'file'
}

async function casesBelow(path: string): Promise<Found[]> {
  const { caseEndings } = await import('../../verify/verify.ts')
  const isCase = (name: string) => caseEndings.some((ending) => name.endsWith(ending))
  if (isCase(path)) {
    const base = path.split('/').at(-1)
    return [
      base === 'case.json'
        ? { path: path.slice(0, -'case.json'.length) || './', kind: 'model' }
        : { path, kind: 'file' },
    ]
  }
  const folder = path.endsWith('/') ? path : `${path}/`
  const names = await platform.list(folder)
  if (names.includes('case.json')) return [{ path: folder, kind: 'model' }]
  const found: Found[] = []
  for (const name of names) {
    if (name.endsWith('/')) found.push(...(await casesBelow(folder + name)))
    else if (isCase(name)) found.push({ path: folder + name, kind: 'file' })
  }
  return found
}

async function verifyOne(
  backend: Backend,
  { path, kind }: Found,
  given: Given,
  context: Context,
): Promise<VerifyReport> {
  const { signal } = context
  context.progress(path)
  if (kind === 'model') {
    const { verifyModel } = await import('../../verify/model-case.ts')
    const name = path.split('/').at(-2) || path
    return verifyModel(backend, name, (file) => platform.read(path + file, signal), { signal })
  }
  const { verifyFile } = await import('../../verify/verify.ts')
  const operator = given.optional('op')
  return verifyFile(backend, path, await platform.read(path, signal), { operator, signal, onCase: context.progress })
}

function print(report: VerifyReport, context: Context): void {
  for (const { case: name, why } of report.failed) context.print(`failed       ${name}: ${why}`)
  // Of an operator that is missing all cases are: one line is enough.
  const missing = new Map<string, { count: number; why: string }>()
  for (const { case: name, why } of report.unsupported) {
    const operator = name.replace(/:\d+$/, '')
    missing.set(operator, { count: (missing.get(operator)?.count ?? 0) + 1, why })
  }
  for (const [name, { count, why }] of missing) context.print(`unsupported  ${name} (${count}): ${why}`)
  const { total, passed, failed, unsupported } = report
  context.print(`${total} cases: ${passed} passed, ${failed.length} failed, ${unsupported.length} unsupported`)
}
