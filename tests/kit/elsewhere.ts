// SPDX-License-Identifier: Apache-2.0
// Tests of operators that write files under whatever name they are given: they run in a folder of their own.
import { settings } from './settings.ts'

interface Hooks {
  before(hook: () => Promise<void>): void
  after(hook: () => Promise<void>): void
}

/** Changes to a new folder for the tests of a suite. The WebAssembly core opens no files and stays where it is. */
export function inFolderOfItsOwn(test: Hooks): void {
  if (settings.backend === 'wasm') return
  let back = ''
  let folder = ''
  test.before(async () => {
    const { chdir, cwd } = await import('node:process')
    const { mkdtempSync } = await import('node:fs')
    const { tmpdir } = await import('node:os')
    back = cwd()
    folder = mkdtempSync(`${tmpdir()}/portafilter-`)
    chdir(folder)
  })
  test.after(async () => {
    const { chdir } = await import('node:process')
    const { rmSync } = await import('node:fs')
    chdir(back)
    rmSync(folder, { recursive: true, force: true })
  })
}
