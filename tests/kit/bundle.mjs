// SPDX-License-Identifier: Apache-2.0
// All test files as one bundle per kind of runtime, in a folder of the run's own (several may run at once): an entry whose default
// `suites` maps a file's name to the import of it. A file that does not bundle fails alone and keeps no other away.
import { build } from 'esbuild'
import { bundle, copyBeside, wasmFiles, workers } from '../../build/bundle.mjs'
import { filesBelow } from '../../build/kit.mjs'

/** Folders of tests whose tests make sense only there. */
const special = { node: /^node/, cli: /^node/, deno: /^deno/, bun: /^bun/, browser: /^chromium/ }

/** The test files, each with its name ('net/builder') and where it runs. Those of tests/ops are vectors, see vectors.ts. */
export function testFiles() {
  const files = [
    ...filesBelow('tests', '.test.ts'),
    ...filesBelow('tests/ops', '.ts').filter((path) => !path.endsWith('.test.ts')),
  ]
  return files.map((path) => {
    const name = path.slice('tests/'.length).replace(/(\.test)?\.ts$/, '')
    const folder = name.split('/', 1)[0]
    return { path, name, runsOn: (runtime) => (Object.hasOwn(special, folder) ? special[folder].test(runtime) : true) }
  })
}

const options = {
  // A test may name Node's modules; outside Node it then fails by itself when it is imported.
  server: { sourcemap: 'inline' },
  browser: { sourcemap: 'inline', minify: false, external: ['node:*'] },
}

function entry(kind, files) {
  const suites = files.map(({ path, name }) => `  ${JSON.stringify(name)}: () => import('./${path}'),`).join('\n')
  return `import { ${kind} } from './tests/kit/${kind}.ts'\n${kind}({\n${suites}\n})\n`
}

function virtualEntry(text) {
  return {
    name: 'test-entry',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^test-entry$/ }, () => ({ path: 'test-entry', namespace: 'test-entry' }))
      onLoad({ filter: /.*/, namespace: 'test-entry' }, () => ({
        contents: text,
        loader: 'ts',
        resolveDir: process.cwd(),
      }))
    },
  }
}

const bundleOnce = (kind, files, folder) =>
  bundle(kind, { main: 'test-entry', ...workers }, `${folder}/${kind}`, {
    ...options[kind],
    logLevel: 'silent',
    plugins: [virtualEntry(entry(kind, files))],
  })

/** Why a file does not bundle by itself, or undefined. */
async function fault(kind, path) {
  try {
    const external = kind === 'browser' ? ['node:*'] : []
    const packages = kind === 'browser' ? 'bundle' : 'external'
    await build({
      entryPoints: [path],
      bundle: true,
      write: false,
      format: 'esm',
      logLevel: 'silent',
      external,
      packages,
    })
    return undefined
  } catch (error) {
    return error.message
  }
}

/** Bundles the tests; answers the broken files {name: why}. @param {'server' | 'browser'} kind */
export async function bundleTests(kind, files, folder) {
  const broken = {}
  try {
    await bundleOnce(kind, files, folder)
  } catch (error) {
    for (const { path, name } of files) {
      const why = await fault(kind, path)
      if (why) broken[name] = why
    }
    if (!Object.keys(broken).length) throw error
    const whole = files.filter(({ name }) => !broken[name])
    await bundleOnce(kind, whole, folder)
  }
  await copyBeside(`${folder}/${kind}`, [...wasmFiles, 'pf.node'])
  return broken
}
