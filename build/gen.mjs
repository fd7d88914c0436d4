// SPDX-License-Identifier: Apache-2.0
// Writes what follows from pf.h and the schemas. `node build/gen.mjs abi` writes src/gen/abi.ts alone and needs no build.
import { abiSource } from './gen-abi.mjs'
import { writeIfChanged } from './kit.mjs'

if (writeIfChanged('src/gen/abi.ts', abiSource())) console.log('wrote src/gen/abi.ts')
