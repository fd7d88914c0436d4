// SPDX-License-Identifier: Apache-2.0
// Runs one of examples/ against the built package: node build/example.mjs 02-train-digits [its arguments].
// The bundle goes beside dist, from where the package finds itself by its name.
import { pathToFileURL } from 'node:url'
import { buildSync } from 'esbuild'

const [name, ...args] = process.argv.slice(2)
const script = `dist/examples/${name}.mjs`
buildSync({
  entryPoints: [`examples/${name}.ts`],
  outfile: script,
  format: 'esm',
  target: 'node20', // no `using` yet
  logLevel: 'error',
})
process.argv = [process.argv[0], script, ...args]
await import(pathToFileURL(script))
