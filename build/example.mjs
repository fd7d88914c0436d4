// SPDX-License-Identifier: Apache-2.0
// Runs one of examples/ against the built package: node build/example.mjs 02-train-digits [its arguments].
// The bundle goes beside dist, from where the package finds itself by its name.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { pathToFileURL } from 'node:url'
import { buildSync } from 'esbuild'

const [name, ...args] = process.argv.slice(2)
const script = `dist/examples/${name}.mjs`
const { outputFiles } = buildSync({
  entryPoints: [`examples/${name}.ts`],
  outfile: script,
  write: false,
  format: 'esm',
  target: 'node20', // no `using` yet
  logLevel: 'error',
})
// Several processes may start at once (mpirun): none may read what another has half written.
if (!existsSync(script) || readFileSync(script, 'utf8') !== outputFiles[0].text) {
  mkdirSync(dirname(script), { recursive: true })
  writeFileSync(`${script}.${process.pid}`, outputFiles[0].text)
  renameSync(`${script}.${process.pid}`, script)
}
process.argv = [process.argv[0], script, ...args]
await import(pathToFileURL(script))
