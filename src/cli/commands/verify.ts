// SPDX-License-Identifier: Apache-2.0
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
        const { verifyPath } = await import('../../verify/verify.ts')
        const report = emptyReport()
        const table: Table = new Map()
        const onCase = (name: string, passed: boolean) => {
          count(table, name, passed)
          context.progress(name)
        }
        const options = { operator: given.optional('op'), signal: context.signal, onCase }
        for (const path of (await Promise.all(given.positional.map(casesBelow))).flat()) {
          context.progress(path)
          addReport(report, await verifyPath(backend, path, options).catch((error) => noCases(error, path, given)))
        }
        if (given.flag('json')) context.print(JSON.stringify(report, undefined, 2))
        else print(report, table, context)
        if (report.failed.length > 0)
          throw new PfError('value', `${report.failed.length} of ${report.total} cases failed`)
        if (report.total === 0)
          throw new PfError('file', `there are no recorded cases in ${given.positional.join(', ')}`)
      },
      { printTo: 'error' },
    ), // standard output is the report
}

/** A file that was found in a folder may be anything; one that was named must hold cases. */
function noCases(error: unknown, path: string, given: Given): VerifyReport {
  if (!(error instanceof PfError) || error.code !== 'format' || given.positional.includes(path)) throw error
  return { total: 1, passed: 0, failed: [], unsupported: [{ case: path, why: `[format] ${error.message}` }] }
}

/** Paths of files of cases, and of models' folders with a slash at their end. */
async function casesBelow(path: string): Promise<string[]> {
  const { caseEndings } = await import('../../verify/verify.ts')
  const isCase = (name: string) => caseEndings.some((ending) => name.endsWith(ending))
  if (path.endsWith('.onnx')) return [path]
  if (path.split('/').at(-1) === 'case.json') return [path.slice(0, -'case.json'.length) || './']
  if (isCase(path)) return [path]
  const folder = path.endsWith('/') ? path : `${path}/`
  const names = await platform.list(folder)
  if (names.includes('case.json')) return [folder]
  const onnx = names.find((name) => name.endsWith('.onnx'))
  if (onnx && names.some((name) => name.startsWith('test_data_set_'))) return [folder + onnx]
  const found: string[] = []
  for (const name of names) {
    if (name.endsWith('/')) found.push(...(await casesBelow(folder + name)))
    else if (isCase(name)) found.push(folder + name)
  }
  return found
}

/** How many cases of each operator, net and model there were, and how many passed. */
type Table = Map<string, { total: number; passed: number }>

function count(table: Table, name: string, passed: boolean): void {
  const subject = name.replace(/:\d+$/, '') // the third case of Relu is Relu:3
  const row = table.get(subject) ?? { total: 0, passed: 0 }
  table.set(subject, { total: row.total + 1, passed: row.passed + Number(passed) })
}

function print(report: VerifyReport, table: Table, context: Context): void {
  const { total, passed, failed, unsupported } = report
  const width = Math.max(...[...table.keys()].map((name) => name.length))
  for (const [name, row] of table) context.print(`${name.padEnd(width)}  ${row.passed} of ${row.total} passed`)
  for (const { case: name, why } of failed) context.print(`failed       ${name}: ${why}`)
  for (const { case: name, why } of unsupported) context.print(`unsupported  ${name}: ${why}`)
  context.print(`${total} cases: ${passed} passed, ${failed.length} failed, ${unsupported.length} unsupported`)
}
