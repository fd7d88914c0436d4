// SPDX-License-Identifier: Apache-2.0
// Writes what follows from pf.h and the operators' schemas. `node build/gen.mjs abi` writes src/gen/abi.ts alone, which
// needs no build; the rest asks the native core.
import { abiSource } from './gen-abi.mjs'
import { operatorsPage, operatorsSource, readSchemas } from './gen-operators.mjs'
import { writeIfChanged } from './kit.mjs'

function write(path, text) {
  if (writeIfChanged(path, text)) console.log(`wrote ${path}`)
}

write('src/gen/abi.ts', abiSource())
if (process.argv[2] !== 'abi') {
  const schemas = readSchemas()
  if (schemas) {
    write('src/gen/operators.ts', operatorsSource(schemas))
    write('docs/operators.md', operatorsPage(schemas))
  } else {
    console.log('gen: operators left as they are, there is no dist/pf.node to ask for the schemas (make native)')
  }
}
